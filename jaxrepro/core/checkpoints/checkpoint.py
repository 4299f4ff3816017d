"""Checkpoints of a TrainState: a thin layer over Orbax, and the only file that imports it."""

import contextlib
import pathlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from jax.experimental import multihost_utils

from jaxrepro.core.checkpoints.checkpoint_mirror import (
    COMMITTED,
    CheckpointMirror,
    needs_mirror,
    remove_unfinished,
)
from jaxrepro.core.checkpoints.digests import (
    DIGESTS,
    find_damage,
    find_stored_damage,
    write_digests,
    write_stored_digests,
)
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.orbax_failures import Silence, write_failure
from jaxrepro.core.files.places import Place, exists, folder_size, is_remote, move_folder, reported
from jaxrepro.core.machine.distributed import wait_for_all
from jaxrepro.core.run.workdir import CHECKPOINTS

# Where Orbax moves checkpoints that are not kept, below their folder. Deleting takes a while, and a
# process killed meanwhile must not leave half a checkpoint under its name.
_DISCARDED = "discarded"
# In the names of folders in which Orbax has not saved everything yet.
_UNFINISHED = ".orbax-checkpoint-tmp"


class Checkpoints:
    """The checkpoints of one run, `<workdir>/checkpoints/<step>`.

    Saves are asynchronous and atomic: a run killed while saving leaves the earlier ones whole
    and no half-written one that could be taken for a checkpoint. Each holds the digests of its
    files, which are compared before it is read.
    """

    def __init__(
        self,
        workdir: Place,
        *,
        keep: int = 3,
        keep_period: int | None = None,
        read_only: bool = False,
    ):
        """Opens the checkpoints of `workdir`.

        keep: how many of the latest to keep. keep_period: also keep each step divisible by it.
        read_only: for looking at a finished or a live run; nothing is created or removed.
        """
        place = (workdir.absolute() if isinstance(workdir, pathlib.Path) else workdir) / CHECKPOINTS
        self._place = place
        self._mirror = CheckpointMirror(place, read_only=read_only) if needs_mirror(place) else None
        self._directory = self._mirror.local if self._mirror else place
        on_disk = isinstance(self._directory, pathlib.Path)
        self._protected: dict[str, int] = {}
        self._saving: int | None = None
        # What was compared with its digests already.
        self._intact: set[int] = set()
        if read_only and not (self._directory.is_dir() if on_disk else exists(self._directory)):
            raise InputError(
                f"no checkpoints in {workdir}: give --workdir the folder of a run that was trained"
            )
        if not (on_disk or read_only):
            if jax.process_index() == 0:
                remove_unfinished(place)
            if jax.process_count() > 1:
                multihost_utils.sync_global_devices("unfinished checkpoints removed")
        # Orbax warns that a read-only manager is read-only.
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR if read_only else verbosity)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=None if read_only else _Kept(keep, keep_period, self._protected),
            read_only=read_only,
            create=not read_only,
            # In a store there is no renaming: there a checkpoint without its mark is none.
            todelete_subdir=_DISCARDED if on_disk and not read_only else None,
            cleanup_tmp_directories=False,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._add_digests),
        )
        self._silence = Silence()
        with self._writing():
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
        try:
            with self._writing():
                self._manager.close()
                if self._mirror:
                    self._mirror.close()
            self._remove(_DISCARDED)
        except Exception:
            # The error that is under way came first.
            if error is None:
                raise
        finally:
            self._silence.end(still_abandoning=error is not None)

    @property
    def steps(self) -> list[int]:
        """The saved steps, oldest first."""
        return sorted(self._manager.all_steps())

    def protect(self, reason: str, step: int | None) -> None:
        """Keeps the checkpoint of `step` whatever comes; one for each reason, None for none."""
        self._protected.pop(reason, None)
        if step is not None:
            self._protected[reason] = step

    def wait(self) -> None:
        """Waits until what is being saved is saved; InputError where it could not be written."""
        with self._writing():
            self._manager.wait_until_finished()
            if self._mirror:
                self._mirror.wait()
        self._remove(_DISCARDED)

    def save(self, step: int, state: Any, *, wait: bool = False) -> None:
        """Saves `state` as `step`, unless that step is saved already.

        The arrays are copied before this returns, so they may be donated to the next step. Raises
        InputError where this or the save before could not be written; earlier checkpoints stay as
        they are.
        """
        with self._writing():
            if step not in self._manager.all_steps():
                self.wait()  # Orbax may remove what is still being uploaded.
                self._saving = step
                self._manager.save(step, args=ocp.args.Composite(state=_save_args(state)))
                if self._mirror:
                    # On this machine, which is fast; the way to the store is not waited for.
                    self._manager.wait_until_finished()
                    self._mirror.follow(self._manager.all_steps())
            if wait:
                self.wait()

    def _add_digests(self) -> None:
        """Adds the digests to what is being saved: all of it is written and nothing committed."""
        if not isinstance(self._directory, pathlib.Path):
            write_stored_digests(self._directory / str(self._saving))
            return
        (folder,) = (
            path
            for path in self._directory.iterdir()
            if re.fullmatch(rf"{self._saving}(\.orbax-checkpoint-tmp.*)?", path.name)
        )
        write_digests(folder)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Orbax and TensorStore raise a different type per defect.
            if (reason := write_failure(error)) is None:
                raise
            advice = (
                "look at the bucket and your credentials"
                if is_remote(self._place)
                else ("free space or choose another --workdir")
            )
            raise InputError(
                f"cannot write a checkpoint to {self._place}: {reason}; earlier ones are "
                f"whole: {advice}, then give the same command again to continue"
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
                f"{step} in {self._place} holds ({'; '.join(differing[:3])}{more}); give the "
                "model and optim settings of the run"
            )

    def saved_shapes(self, step: int) -> dict[str, tuple[int, ...] | None]:
        """Returns the shape of every array of the state saved as `step`, by its path.

        Paths are such as "nets/model/params/stem/kernel". Raises InputError if the checkpoint is
        absent or damaged.
        """
        self.check_intact(step)
        with self._reading(step):
            return _shapes(self._manager.item_metadata(step)["state"].tree)

    def restore_part(self, step: int, abstract_part: Any) -> Any:
        """Returns a part of the state saved as `step`, such as {"ema": ...}, and reads no more."""
        return self._restore(step, abstract_part, partial=True)

    def check_intact(self, step: int) -> None:
        """Raises InputError naming the file of `step` that is not as it was written.

        A checkpoint without digests is let pass with a notice. All processes of a job must call
        it together.
        """
        if step not in self.steps:
            raise self._absent(step)
        if step in self._intact:
            return
        damage = self.find_damage(step)
        if damage is None:
            print(f"the checkpoint of step {step} has no {DIGESTS} to compare its files with")
        elif damage:
            raise self._damaged(step, damage)
        self._intact.add(step)

    def find_damage(self, step: int) -> str | None:
        """Returns what is wrong with the files of `step`, see `digests.find_damage`."""
        if not isinstance(self._directory, pathlib.Path):
            return find_stored_damage(self._directory / str(step))
        if self._mirror:
            self._mirror.fetch(step)
        return find_damage(self._directory / str(step))

    def size(self, step: int) -> int:
        """Returns how many bytes the checkpoint of `step` has."""
        if self._mirror:
            self._mirror.fetch(step)
        return folder_size(self._directory / str(step))

    def read_arrays(self, step: int) -> dict[str, Any]:
        """Returns every array saved as `step` by its path, as numpy; keys as their data.

        Needs neither the config nor the devices of the run. InputError as for `restore`.
        """
        self.check_intact(step)
        host = jax.sharding.SingleDeviceSharding(jax.local_devices(backend="cpu")[0])
        saved = self._manager.item_metadata(step)["state"].tree
        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=host), saved
        )
        tree = self._restore(step, abstract, partial=False)
        flat = jax.tree_util.tree_flatten_with_path(tree)[0]
        return {leaf_path(path): np.asarray(_as_data(x)) for path, x in flat}

    def _restore(self, step: int, abstract: Any, *, partial: bool) -> Any:
        self.check_intact(step)
        arguments = ocp.args.PyTreeRestore(
            abstract,
            restore_args=ocp.checkpoint_utils.construct_restore_args(abstract),
            partial_restore=partial,
        )
        with self._reading(step):
            return self._manager.restore(step, args=ocp.args.Composite(state=arguments))["state"]

    @contextlib.contextmanager
    def _reading(self, step: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Orbax and TensorStore raise a different type per defect.
            # A store that refuses to be read says nothing about what is in it.
            refused = is_remote(self._place) and not isinstance(error, FileNotFoundError)
            reason = write_failure(error) if refused else None
            if reason is not None and "OUT_OF_RANGE" not in reason:  # Of an object cut short.
                raise InputError(
                    f"cannot read the checkpoint of step {step} in {self._place}: {reason}; look "
                    "at the bucket and your credentials, then give the same command again"
                ) from error
            raise self._damaged(step, str(error)) from error

    def set_aside_after(self, step: int) -> list[int]:
        """Moves the checkpoints after `step` to `<workdir>/set_aside` and returns their steps.

        The newest goes first: a process killed meanwhile leaves none to continue from that is later
        than one that was moved.
        """
        if step not in self.steps:
            raise self._absent(step)
        newer = [other for other in self.steps if other > step]
        for other in reversed(newer) if jax.process_index() == 0 else ():
            target = self._place.parent / "set_aside" / str(other)
            if self._mirror:
                self._mirror.move(other, target)
            else:
                with reported(f"cannot move {self._place / str(other)}"):
                    move_folder(self._place / str(other), target, last=COMMITTED)
        wait_for_all()  # In a bucket a move is a copy, which may take minutes.
        self._intact.difference_update(newer)
        self._manager.reload()
        return newer

    def _remove(self, pattern: str) -> None:
        """Removes folders beside the checkpoints that are none."""
        on_disk = isinstance(self._directory, pathlib.Path)
        if on_disk and not self._read_only and jax.process_index() == 0:
            for path in self._directory.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    def _absent(self, step: int) -> InputError:
        return InputError(
            f"no checkpoint of step {step} in {self._place}; "
            f"there are {', '.join(map(str, self.steps)) or 'none'}"
        )

    def _damaged(self, step: int, reason: str) -> InputError:
        older = [other for other in self.steps if other < step]
        advice = (
            f"continue from an older one with --resume={older[-1]} (kept: "
            f"{', '.join(map(str, older))})"
            if older
            else "no older one is kept: start again in another --workdir"
        )
        reason = " ".join(reason.split())[:300]
        return InputError(
            f"the checkpoint of step {step} in {self._place} is damaged or of another "
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

    def __init__(self, num_latest: int, period: int | None, protected: Mapping[str, int]):
        self._num_latest, self._period, self._protected = num_latest, period, protected

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Returns whether each checkpoint stays, in their order."""
        del context
        steps = [info.step for info in checkpoints]
        latest = sorted(steps)[-self._num_latest :]
        return [
            step in latest
            or step in self._protected.values()
            or bool(self._period and step % self._period == 0)
            for step in steps
        ]


def _as_data(x: jax.Array) -> jax.Array:
    return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def _save_args(state: Any) -> ocp.args.PyTreeSave:
    if jax.default_backend() == "cpu":
        # Orbax reads host buffers in the background without a copy, and the caller is about to
        # donate them to the next step.
        state = jax.tree.map(lambda x: x.copy() if isinstance(x, jax.Array) else x, state)
    return ocp.args.PyTreeSave(state)
