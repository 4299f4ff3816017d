"""Checkpoints of a TrainState: a thin layer over Orbax, and the only file that imports it."""

import pathlib
import shutil
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import jax
import orbax.checkpoint as ocp
from absl import logging
from jax.experimental import multihost_utils

from jaxrepro.core.errors import InputError
from jaxrepro.core.partition import leaf_path

# Where Orbax moves checkpoints that are not kept, below their folder. Deleting takes a while, and a
# process killed meanwhile must not leave half a checkpoint under its name.
_DISCARDED = "discarded"
# In the names of folders in which Orbax has not saved everything yet.
_UNFINISHED = ".orbax-checkpoint-tmp"


class Checkpoints:
    """The checkpoints of one run, `<workdir>/checkpoints/<step>`.

    Saves are asynchronous and atomic: a run killed while saving leaves the earlier ones whole
    and no half-written one that could be taken for a checkpoint.
    """

    def __init__(
        self,
        workdir: pathlib.Path,
        *,
        keep: int = 3,
        keep_period: int | None = None,
        read_only: bool = False,
    ):
        """Opens the checkpoints of `workdir`.

        keep: how many of the latest to keep. keep_period: also keep each step divisible by it.
        read_only: for looking at a finished or a live run; nothing is created or removed.
        """
        self._directory = workdir.absolute() / "checkpoints"
        self._protected: set[int] = set()
        if read_only and not self._directory.is_dir():
            raise InputError(
                f"no checkpoints in {workdir}: give --workdir the folder of a run that was trained"
            )
        # Orbax warns that a read-only manager is read-only.
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR if read_only else verbosity)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=None if read_only else _Kept(keep, keep_period, self._protected),
            read_only=read_only,
            create=not read_only,
            todelete_subdir=None if read_only else _DISCARDED,
        )
        self._manager = ocp.CheckpointManager(
            self._directory,
            options=options,
            item_names=("state",),
            item_handlers={"state": ocp.PyTreeCheckpointHandler()},
        )
        logging.set_verbosity(verbosity)
        self._read_only = read_only
        # Orbax would remove them in the background, and not wait for it at the end.
        self._remove(f"*{_UNFINISHED}*")
        self._remove(_DISCARDED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._manager.close()
        self._remove(_DISCARDED)

    @property
    def steps(self) -> list[int]:
        """The saved steps, oldest first."""
        return sorted(self._manager.all_steps())

    def protect(self, step: int | None) -> None:
        """Keeps the checkpoint of `step` whatever comes; one at a time, None for none."""
        self._protected.clear()
        self._protected.update(() if step is None else (step,))

    def wait(self) -> None:
        """Waits until what is being saved is saved."""
        self._manager.wait_until_finished()
        self._remove(_DISCARDED)

    def save(self, step: int, state: Any, *, wait: bool = False) -> None:
        """Saves `state` as `step`, unless that step is saved already.

        The arrays are copied before this returns, so they may be donated to the next step. Raises
        InputError where the folder cannot be written; earlier checkpoints stay as they are.
        """
        try:
            if step not in self._manager.all_steps():
                self.wait()
                self._manager.save(step, args=ocp.args.Composite(state=_save_args(state)))
            if wait:
                self.wait()
        except OSError as error:
            raise InputError(
                f"cannot write a checkpoint to {self._directory}: {error}; free space or choose "
                f"another --workdir, then give the same command again to continue"
            ) from error

    def restore(self, step: int, abstract_state: Any) -> Any:
        """Returns the state saved as `step`, laid out as `abstract_state` says.

        abstract_state: a tree of `jax.ShapeDtypeStruct` with shardings. Raises InputError if
        the checkpoint is absent, damaged or of another structure.
        """
        return self._restore(step, abstract_state, partial=False)

    def check_shapes(self, step: int, abstract_state: Any) -> None:
        """Raises InputError if the state saved as `step` has other arrays than `abstract_state`.

        Names some that differ. Typed keys, which are saved as their data, are left aside.
        """
        saved = self.saved_shapes(step)
        expected = _shapes(abstract_state)
        keys = {k for k, x in expected.items() if x is None}
        differing = [
            f"{name}: {saved.get(name, 'absent')} in the checkpoint, "
            f"{expected.get(name, 'absent')} by the config"
            for name in sorted(saved.keys() | expected.keys())
            if name not in keys and saved.get(name) != expected.get(name)
        ]
        if differing:
            more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
            raise InputError(
                f"the config describes other networks or optimisers than the checkpoint of step "
                f"{step} in {self._directory} holds ({'; '.join(differing[:3])}{more}); give the "
                "model and optim settings of the run"
            )

    def saved_shapes(self, step: int) -> dict[str, tuple[int, ...] | None]:
        """Returns the shape of every array of the state saved as `step`, by its path.

        Paths are such as "nets/model/params/stem/kernel". Raises InputError if the checkpoint is
        absent or damaged.
        """
        if step not in self.steps:
            raise self._absent(step)
        try:
            return _shapes(self._manager.item_metadata(step)["state"].tree)
        except Exception as error:  # Orbax raises a different type per defect.
            raise self._damaged(step, error) from error

    def restore_part(self, step: int, abstract_part: Any) -> Any:
        """Returns a part of the state saved as `step`, such as {"ema": ...}, and reads no more."""
        return self._restore(step, abstract_part, partial=True)

    def _restore(self, step: int, abstract: Any, *, partial: bool) -> Any:
        if step not in self.steps:
            raise self._absent(step)
        arguments = ocp.args.PyTreeRestore(
            abstract,
            restore_args=ocp.checkpoint_utils.construct_restore_args(abstract),
            partial_restore=partial,
        )
        previous_hook = sys.unraisablehook
        sys.unraisablehook = _without_abandoned_reads(previous_hook)
        try:
            state = self._manager.restore(step, args=ocp.args.Composite(state=arguments))["state"]
        except Exception as error:  # Orbax and TensorStore raise a different type per defect.
            raise self._damaged(step, error) from error
        sys.unraisablehook = previous_hook
        return state

    def set_aside_after(self, step: int) -> list[int]:
        """Moves the checkpoints after `step` to `<workdir>/set_aside` and returns their steps."""
        if step not in self.steps:
            raise self._absent(step)
        newer = [other for other in self.steps if other > step]
        folder = self._directory.parent / "set_aside"
        for other in newer if jax.process_index() == 0 else ():
            folder.mkdir(exist_ok=True)
            target = folder / str(other)
            if target.exists():
                shutil.rmtree(target)
            shutil.move(self._directory / str(other), target)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("checkpoints set aside")
        self._manager.reload()
        return newer

    def _remove(self, pattern: str) -> None:
        """Removes folders beside the checkpoints that are none."""
        if not self._read_only and jax.process_index() == 0:
            for path in self._directory.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    def _absent(self, step: int) -> InputError:
        return InputError(
            f"no checkpoint of step {step} in {self._directory}; "
            f"there are {', '.join(map(str, self.steps)) or 'none'}"
        )

    def _damaged(self, step: int, error: Exception) -> InputError:
        older = [other for other in self.steps if other < step]
        advice = (
            f"continue from an older one with --resume={older[-1]} (kept: "
            f"{', '.join(map(str, older))})"
            if older
            else "no older one is kept: start again in another --workdir"
        )
        reason = " ".join(str(error).split())[:300]
        return InputError(
            f"the checkpoint of step {step} in {self._directory} is damaged or of another "
            f"program: {reason}; {advice}"
        )


def _shapes(tree: Any) -> dict[str, tuple[int, ...] | None]:
    """Returns the shape of every leaf by its path, None for a typed key."""
    return {
        leaf_path(path): None
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        else tuple(x.shape)
        for path, x in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


class _Kept:
    """Orbax's preservation policy of a run: the latest, milestones, and those protected."""

    def __init__(self, num_latest: int, period: int | None, protected: set[int]):
        self._num_latest, self._period, self._protected = num_latest, period, protected

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Returns whether each checkpoint stays, in their order."""
        del context
        steps = [info.step for info in checkpoints]
        latest = sorted(steps)[-self._num_latest :]
        return [
            step in latest
            or step in self._protected
            or bool(self._period and step % self._period == 0)
            for step in steps
        ]


def _save_args(state: Any) -> ocp.args.PyTreeSave:
    if jax.default_backend() == "cpu":
        # Orbax reads host buffers in the background without a copy, and the caller is about to
        # donate them to the next step.
        state = jax.tree.map(lambda x: x.copy() if isinstance(x, jax.Array) else x, state)
    return ocp.args.PyTreeSave(state)


def _without_abandoned_reads(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    """Returns `hook` without what reads of other arrays say when one array's read has failed.

    Orbax closes its event loop at the first failure; reads that end later find it closed, and each
    would print a stack trace below the one line that tells the user what is wrong.
    """

    def filtered(unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            hook(unraisable)

    return filtered
