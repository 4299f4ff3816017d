"""How long the device had nothing to do because the next batch was not there."""

import concurrent.futures
import time
from collections.abc import Iterator
from typing import Any

import jax


class DataWait:
    """Takes batches for the loop and adds up how long the device stood still meanwhile.

    While the loop waits for a batch the update before it runs, so not all of that wait is lost:
    what counts begins when that update has ended. A thread waits for its end.
    """

    def __init__(self) -> None:
        self._watcher = concurrent.futures.ThreadPoolExecutor(1, "data-wait")
        self._ended: concurrent.futures.Future[float] | None = None
        self._seconds = 0.0

    def next(self, batches: Iterator[Any]) -> Any:
        """Returns the next batch.

        The first one counts as no wait: nothing ran before it.
        """
        asked = time.perf_counter()
        batch = next(batches)
        came = time.perf_counter()
        if self._ended is not None and self._ended.done():
            self._seconds += max(0.0, came - max(asked, self._ended.result()))
        return batch

    def started(self, result: Any) -> None:
        """Takes note of an update that was started; `result`: arrays that it returns."""
        self._ended = self._watcher.submit(_time_of, result)

    def take(self) -> float:
        """Returns the seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def close(self) -> None:
        """Ends the thread once the last update has ended."""
        self._watcher.shutdown(wait=False)


def _time_of(result: Any) -> float:
    """Returns when `result` was there."""
    jax.block_until_ready(result)
    return time.perf_counter()
