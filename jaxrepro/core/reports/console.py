"""The console of a command: it outlives whoever reads it, and shows names as they are."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table


class RunConsole(Console):
    """A Console on standard output that falls silent where rich's own would end the process.

    Standard output is a pipe whose reader may end first: `| head`, a lost connection.

    Text is printed as it is: "[bold]" and ":cat:" are parts of somebody's names.
    """

    def __init__(self, lost: Callable[[], None] | None = None, **options: Any):
        """Takes rich's options; `lost` is called once, when nobody reads any more."""
        super().__init__(file=sys.stdout, markup=False, emoji=False, **options)
        self._lost = lost

    def on_broken_pipe(self) -> None:
        """Drops this and all later output of the process."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if self._lost is not None:
            self._lost()


def table_of_names(*heads: str, title: str | None = None, **options: Any) -> "Table":
    """Returns an empty table for a `RunConsole`, of a column of names and columns of numbers.

    A name that is wider than there is room goes on in the next line, and numbers stay whole: two
    rows of it can always be told apart. options: rich's.
    """
    from rich.table import Table

    table = Table(title=title, **options)
    for number, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=number > 0)
    return table
