"""Progress of a run on the console: steps, the time left, speed, losses."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from jaxrepro.core.run.spread import parts_by_name


class Progress:
    """Console progress: a bar with ETA on a terminal, a line now and then elsewhere."""

    def __init__(self, total_steps: int, start_step: int, examples_per_step: int):
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        from jaxrepro.core.reports.console import RunConsole

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
            TextColumn("{task.fields[speed]}  {task.fields[losses]}", markup=False),
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
        self._console.print(text)

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
        self._bar.update(self._task, speed=f"{rate:.0f} examples/s", losses=losses)
        if not self._console.is_terminal and (now - self._last_line > 10 or step == self._total):
            self._last_line = now
            left = (self._total - step) * self._examples / max(rate, 1e-9)
            self.message(
                f"step {step}/{self._total}  ETA {_clock(left)}  {rate:.1f} examples/s  {losses}"
            )
        waiting = min(waited / seconds, 1.0)
        return {"speed/examples_per_second": rate, "speed/waiting_for_data": waiting}


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
