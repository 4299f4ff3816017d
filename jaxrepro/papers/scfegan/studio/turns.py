"""One job at a time, and a bounded number that wait."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request

from jaxrepro.papers.scfegan.studio.http_errors import RequestError

T = TypeVar("T")


class Turns:
    """Runs jobs one after the other in a thread, so that the server can answer meanwhile.

    The network has the whole machine for one job, and the decoders of pictures are not made for
    several threads.
    """

    def __init__(self, max_waiting: int):
        self._max_waiting = max_waiting
        self._present = 0
        self._lock = anyio.Lock()

    async def run(self, request: Request, job: Callable[[], T]) -> T:
        """Returns what `job` returns, once it is its turn.

        Raises RequestError: 503 if too many wait already, 499 if nobody waits for the answer any
        more.
        """
        if self._present > self._max_waiting:
            raise RequestError(503, "the server is busy with other requests; try again in a moment")
        self._present += 1
        try:
            async with self._lock:
                if await request.is_disconnected():
                    raise RequestError(499, "the client has gone")
                return await anyio.to_thread.run_sync(job)
        finally:
            self._present -= 1
