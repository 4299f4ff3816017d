"""What a run does besides training: progress, the NaN guard, a profile."""

import contextlib
import math
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.checkpoint import Checkpoints
from jaxrepro.core.partition import leaf_path
from jaxrepro.core.spread import parts_by_name
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
    debug: pathlib.Path,
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
    _clear(debug)
    with Checkpoints(debug, keep=1) as checkpoints:
        checkpoints.save(step, state, wait=True)
    raise NonFiniteError(
        step,
        last_finite,
        f"{', '.join(bad)} not finite at step {step} (all finite at step {last_finite}); {where}; "
        f"that state is kept in {debug}: look at it with python -m jaxrepro.checkpoints "
        f"--workdir={debug} --step={step}. Lower the learning rates, or continue from an earlier "
        "checkpoint with --resume=STEP",
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


def _clear(folder: pathlib.Path) -> None:
    if jax.process_index() == 0:
        shutil.rmtree(folder, ignore_errors=True)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("debug folder cleared")


class Progress:
    """Console progress: a bar with ETA on a terminal, a line now and then elsewhere."""

    def __init__(self, total_steps: int, start_step: int, examples_per_step: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._total = total_steps
        self._examples = examples_per_step
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
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
        self._since_step, self._since = start_step, time.perf_counter()
        self._paused = 0.0
        self._last_line = -math.inf

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

    def step(self, step: int) -> None:
        """Moves the bar to `step`."""
        self._bar.update(self._task, completed=step)

    def report(self, step: int, scalars: Mapping[str, float]) -> dict[str, float]:
        """Shows losses and speed up to `step`; returns the speed as scalars to be logged."""
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
        return {"speed/images_per_second": rate}


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


class Profile:
    """A trace of a few steps, for TensorBoard or Perfetto: `log.profile_at` > 0 turns it on."""

    def __init__(self, directory: pathlib.Path, at_step: int, num_steps: int = 5):
        # Of the processes of a job the first is traced.
        first = at_step if jax.process_index() == 0 else 0
        self._directory, self._first, self._last = directory, first, first + num_steps
        self._running = False

    def before(self, step: int) -> None:
        """Starts the trace before update number `step` (counted from 1)."""
        if step == self._first:
            jax.profiler.start_trace(str(self._directory))
            self._running = True

    def after(self, step: int, result: Any) -> None:
        """Ends the trace once the last step's `result` is there."""
        if self._running and step + 1 >= self._last:
            jax.block_until_ready(result)
            jax.profiler.stop_trace()
            self._running = False
