"""The page of a run that goes on: drawn again from time to time, never at the run's cost."""

import sys
import time

from jaxrepro.core.files.places import Place
from jaxrepro.core.task import References
from jaxrepro.page.write import NextSteps, write_page

# Drawing takes at most this share of the time, and happens at most so often.
_SHARE = 0.01
_SECONDS = 30.0


class LivePage:
    """Draws the page of the run in `workdir` where it is called, if enough time has passed.

    To be called whenever numbers were written. Whatever stops it from drawing is said once, and no
    more is drawn: the run goes on, and its end draws the page again.
    """

    def __init__(
        self, workdir: Place, references: References | None, next_steps: NextSteps = ()
    ) -> None:
        self._given = (workdir, references, None, next_steps)
        self._next = time.monotonic()

    def __call__(self) -> None:
        """Draws the page, or returns at once."""
        began = time.monotonic()
        if began < self._next:
            return
        try:
            write_page(*self._given)
        except Exception as error:  # A page is no reason to end a run.
            print(f"the page is not drawn while the run goes on: {error}", file=sys.stderr)
            self._next = float("inf")
            return
        ended = time.monotonic()
        self._next = ended + max(_SECONDS, (ended - began) / _SHARE)
