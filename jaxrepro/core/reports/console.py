"""The console of a run: it outlives whoever reads it."""

import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console


class RunConsole(Console):
    """A Console on standard output that falls silent where rich's own would end the process.

    Standard output is a pipe whose reader may end first: `| head`, a lost connection.
    """

    def __init__(self, lost: Callable[[], None] | None = None, **options: Any):
        """Takes rich's options; `lost` is called once, when nobody reads any more."""
        super().__init__(file=sys.stdout, **options)
        self._lost = lost

    def on_broken_pipe(self) -> None:
        """Drops this and all later output of the process."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if self._lost is not None:
            self._lost()
