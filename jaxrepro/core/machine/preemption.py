"""A notice to stop (SIGTERM, Ctrl-C) turned into a saved checkpoint and an exit status."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

import jax
from jax.experimental import multihost_utils


class Stopped(Exception):  # noqa: N818 - a request that was honoured, not an error
    """The run was asked to stop and has saved `step`; `status` is the exit status to use."""

    def __init__(self, step: int, status: int):
        super().__init__(step, status)
        self.step = step
        self.status = status


class Interrupted(Exception):  # noqa: N818 - a request that is honoured, not an error
    """Work that can be done again later was left because of a notice; `status` as in `Stopped`."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class StopRequest:
    """A context in which SIGTERM and Ctrl-C only set a flag that the loop reads between steps.

    A second signal of the same kind acts at once, as if this were not there.

    Not for processes under `jax.distributed`: see `JobStopRequest`.
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
            _restore(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        _restore(number, self._previous[number])
        self._signal = number

    def status(self, step: int) -> int | None:
        """Returns the status to exit with, 128 + the signal's number; None while nobody asked.

        step: the update just made.
        """
        del step
        return None if self._signal is None else 128 + self._signal

    def interrupt(self) -> None:
        """Raises Interrupted if somebody asked; for between the parts of long work."""
        if self._signal is not None:
            raise Interrupted(128 + self._signal)


class JobStopRequest:
    """The same for processes under `jax.distributed`: a notice to any stops all at one update.

    SIGTERM is left to JAX, whose notice is lost where a Python handler takes the signal. Ctrl-C is
    turned into SIGTERM.
    """

    def __init__(self):
        self._previous: Any = None

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._pass_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _restore(signal.SIGINT, self._previous)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        _restore(number, self._previous)
        os.kill(os.getpid(), signal.SIGTERM)

    def status(self, step: int) -> int | None:
        """Returns the status to exit with, None while not all have agreed to stop after `step`.

        Every process must call it after every update. The number is the update's, as in Orbax's
        own calls: JAX chooses the first that no process has reached.
        """
        reached = multihost_utils.reached_preemption_sync_point(step)
        return 128 + signal.SIGTERM if reached else None

    def interrupt(self) -> None:
        """Does nothing: the processes of a job agree on a stop after an update only."""


def stop_request() -> StopRequest | JobStopRequest:
    """Returns the context that suits this process: alone, or one of several in a job."""
    return JobStopRequest() if jax.process_count() > 1 else StopRequest()


def _restore(number: int, handler: Any) -> None:
    # None is a handler that Python did not set, and cannot set again.
    signal.signal(number, signal.SIG_DFL if handler is None else handler)
