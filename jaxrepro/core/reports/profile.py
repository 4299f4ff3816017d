"""A trace of a few updates, as a config asks for one."""

import pathlib
from types import TracebackType
from typing import Any, Self

import jax

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, reason, upload
from jaxrepro.core.files.staging import StagingFolder


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
