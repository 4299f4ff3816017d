"""A notice to stop (SIGTERM, Ctrl-C) turned into a saved checkpoint and an exit status."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Stopped(Exception):  # noqa: N818 - a request that was honoured, not an error
    """The run was asked to stop and has saved `step`; `status` is the exit status to use."""

    def __init__(self, step: int, status: int):
        super().__init__(step, status)
        self.step = step
        self.status = status


class StopRequest:
    """A context in which SIGTERM and Ctrl-C only set a flag that the loop reads between steps.

    A second signal of the same kind acts at once, as if this were not there.

    Not for processes under `jax.distributed`: its own notice, which all processes see at the same
    step, is lost where a Python handler takes the signal.
    """

    def __init__(self):
        self._signal: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, self._previous[number])
        self._signal = number

    @property
    def status(self) -> int | None:
        """The exit status to stop with, 128 + the signal's number; None while nobody asked."""
        return None if self._signal is None else 128 + self._signal
