"""What a run does besides training: progress, the NaN guard, a profile."""

import contextlib
import math
import os
import pathlib
import signal
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from jaxrepro.core.partition import leaf_path
from jaxrepro.core.places import Place, reason, remove_folder, upload
from jaxrepro.core.spread import parts_by_name
from jaxrepro.core.staging import StagingFolder
from jaxrepro.core.state import TrainState


class NonFiniteError(FloatingPointError):
    """A logged quantity became NaN or infinite; the message names it and the step range."""

    def __init__(self, step: int, last_finite: int, message: str):
        """Keeps the step with the bad quantity and the last one without."""
        super().__init__(message)
        self.step = step
        self.last_finite = last_finite


def check_finite(
    scalars: Mapping[str, float],
    step: int,
    last_finite: int,
    state: TrainState,
    debug: Place,
) -> None:
    """Raises NonFiniteError if a scalar of `step` is not finite.

    The message names the quantities, the steps in between which it happened and the first bad
    array of `state`, the state at hand (of `step` or one update later): first of the parameters,
    then of other variables, optimisers' states and moving averages. Before, that state is saved in
    the folder `debug`, which keeps the last such state only. All processes of a job must call it
    together.
    """
    bad = [name for name, value in scalars.items() if not math.isfinite(value)]
    if not bad:
        return
    leaves = {leaf_path(p): x for p, x in jax.tree_util.tree_flatten_with_path(state)[0]}
    names = sorted(leaves, key=lambda name: (_rank(name), list(leaves).index(name)))
    # What a process sees of an array is enough: another one sees the rest.
    finite = np.asarray([_finite(leaves[name]) for name in names])
    if jax.process_count() > 1:
        finite = multihost_utils.process_allgather(finite).all(axis=0)
    damaged = [name for name, good in zip(names, finite, strict=True) if not good]
    where = (
        f"first of the {len(damaged)} bad arrays of the state: {damaged[0]}"
        if damaged
        else "every array of the state is finite, so that it arose in this update alone"
    )
    raise NonFiniteError(
        step,
        last_finite,
        f"{', '.join(bad)} not finite at step {step} (all finite at step {last_finite}); {where}; "
        f"{_kept(state, step, debug)}. Lower the learning rates, or continue from an earlier "
        "checkpoint with --resume=STEP",
    )


def _kept(state: TrainState, step: int, debug: Place) -> str:
    """Saves `state` in the folder `debug`; returns where it is, or why it is not."""
    _clear(debug)
    try:
        with Checkpoints(debug, keep=1) as checkpoints:
            checkpoints.save(step, state, wait=True)
    except InputError as error:  # A full disk, which must not hide what was found.
        return f"that state could not be kept: {error}"
    return (
        f"that state is kept in {debug}: look at it with python -m jaxrepro.checkpoints "
        f"--workdir={debug} --step={step}"
    )


def _rank(name: str) -> int:
    """Returns the place of a leaf's kind in the order in which they are named."""
    if not name.startswith("nets/"):
        return 3
    kind = name.split("/")[2]
    return {"params": 0, "stats": 1, "opt_state": 2}.get(kind, 3)


def _finite(x: jax.Array) -> bool:
    """Returns whether all is finite that this process holds of `x`."""
    if not jax.dtypes.issubdtype(x.dtype, np.inexact):
        return True
    wide = np.complex64 if jax.dtypes.issubdtype(x.dtype, np.complexfloating) else np.float32
    return all(np.isfinite(np.asarray(s.data).astype(wide)).all() for s in x.addressable_shards)


def _clear(folder: Place) -> None:
    if jax.process_index() == 0:
        with contextlib.suppress(OSError):
            remove_folder(folder)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("debug folder cleared")


class Progress:
    """Console progress: a bar with ETA on a terminal, a line now and then elsewhere."""

    def __init__(self, total_steps: int, start_step: int, examples_per_step: int):
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        from jaxrepro.core.console import RunConsole

        self._total = total_steps
        self._examples = examples_per_step
        # Nobody sees the run any more: it is saved and ends, as for any other notice to stop.
        self._console = RunConsole(
            lambda: os.kill(os.getpid(), signal.SIGTERM), highlight=False, soft_wrap=True
        )
        self._bar = Bar(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}  {task.fields[losses]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            "train", total=total_steps, completed=start_step, speed="", losses=""
        )
        self._last_line = -math.inf
        self.restart(start_step)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def message(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(text, markup=False)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time spent inside out of the examples per second."""
        start = time.perf_counter()
        yield
        self._paused += time.perf_counter() - start

    def restart(self, step: int) -> None:
        """Counts the examples per second from now on, after `step`."""
        self._since_step, self._since = step, time.perf_counter()
        self._paused = 0.0
        self.step(step)

    def step(self, step: int) -> None:
        """Moves the bar to `step`."""
        self._bar.update(self._task, completed=step)

    def report(
        self, step: int, scalars: Mapping[str, float], waited: float = 0.0
    ) -> dict[str, float]:
        """Shows losses and speed up to `step`; returns the speed as scalars to be logged.

        waited: seconds since the last report in which the device stood still for want of data.
        "speed/waiting_for_data" is their share, from 0 to 1.
        """
        now = time.perf_counter()
        seconds = max(now - self._since - self._paused, 1e-9)
        rate = (step - self._since_step) * self._examples / seconds
        self._since_step, self._since, self._paused = step, now, 0.0
        # Of several seeds the line shows the mean; the values of each are in the files.
        names = [name for name in parts_by_name(scalars) if name.startswith("loss/")]
        losses = "  ".join(f"{name} {scalars[name]:.3f}" for name in names)
        self._bar.update(self._task, speed=f"{rate:.0f} images/s", losses=losses)
        if not self._console.is_terminal and (now - self._last_line > 10 or step == self._total):
            self._last_line = now
            left = (self._total - step) * self._examples / max(rate, 1e-9)
            self.message(
                f"step {step}/{self._total}  ETA {_clock(left)}  {rate:.1f} images/s  {losses}"
            )
        waiting = min(waited / seconds, 1.0)
        return {"speed/images_per_second": rate, "speed/waiting_for_data": waiting}


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


class Profile:
    """A trace of a few steps, for TensorBoard or Perfetto: `log.profile_at` > 0 turns it on."""

    def __init__(self, directory: Place, at_step: int, num_steps: int = 5):
        # Of the processes of a job the first is traced.
        first = at_step if jax.process_index() == 0 else 0
        self._directory, self._first, self._last = directory, first, first + num_steps
        self._running = False
        self._staging: StagingFolder | None = None

    def before(self, step: int) -> None:
        """Starts the trace before update number `step` (counted from 1)."""
        if step == self._first:
            if not isinstance(self._directory, pathlib.Path):
                self._staging = StagingFolder()
            folder = self._directory if self._staging is None else self._staging.path
            jax.profiler.start_trace(str(folder))
            self._running = True

    def after(self, step: int, result: Any) -> None:
        """Ends the trace once the last step's `result` is there."""
        if self._running and step + 1 >= self._last:
            jax.block_until_ready(result)
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the trace of a run that ended before its last step."""
        if not self._running:
            return
        try:
            self._end()
        except InputError:
            if error is None:  # Or the error that is under way came first.
                raise

    def _end(self) -> None:
        jax.profiler.stop_trace()
        self._running = False
        if self._staging is not None:
            try:
                upload(self._staging.path, self._directory)
            except OSError as error:
                raise InputError(f"cannot write {self._directory}: {reason(error)}") from error
            self._staging.close()
