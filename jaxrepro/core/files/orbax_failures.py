"""What Orbax and TensorStore say when something cannot be read or written, made one line.

Whatever fails in Orbax's threads is raised in the caller's thread as well. What the threads print
about it besides, long after and at length, is left out.
"""

import atexit
import gc
import logging
import os
import pathlib
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

# TensorStore's words for a disk that is full, or a store that refuses or does not answer.
_REFUSALS = (
    "(ABORTED|DEADLINE_EXCEEDED|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED"
    "|UNAUTHENTICATED|UNAVAILABLE)"
)
# What Orbax and fsspec speak to stores with. Each has its own types of errors.
_STORE_LIBRARIES = ("aiohttp", "gcsfs", "google", "requests")


def write_failure(error: BaseException | None) -> str | None:
    """Returns why something could not be written, None for an error of another kind."""
    while error is not None:
        if isinstance(error, OSError):
            return error.strerror or _line(error)
        # TensorStore's have no class of their own.
        if match := re.search(r"os_error_code='(\d+)'", str(error)):
            return os.strerror(int(match[1]))
        if re.match(_REFUSALS, str(error)):
            # Where in TensorStore's sources it arose, and the answer of the store once more.
            return _line(str(error).partition(" [")[0])
        if type(error).__module__.partition(".")[0] in _STORE_LIBRARIES:
            return _line(error)
        error = error.__cause__ or error.__context__
    return None


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]


def waits_for_nothing() -> bool:
    """Returns whether threads of a save that has failed still wait for its other parts.

    They do for up to five minutes after the error was raised.
    """
    return any(
        not thread.daemon and type(thread).__module__.partition(".")[0] == "orbax"
        for thread in threading.enumerate()
    )


class Silence:
    """Nothing but errors that are raised is heard of Orbax, from now until `end`."""

    def __init__(self):
        self._hook = sys.unraisablehook
        sys.unraisablehook = _without_abandoned_work(self._hook)
        _logger().addFilter(_is_not_of_orbax)

    def end(self, *, still_abandoning: bool) -> None:
        """Lets Orbax speak; still_abandoning: after an error its abandoned work ends later."""
        if still_abandoning:
            # Before the interpreter takes itself apart, and with it the hook.
            atexit.register(gc.collect)
        else:
            sys.unraisablehook = self._hook
        _logger().removeFilter(_is_not_of_orbax)


def _logger() -> logging.Logger:
    return logging.getLogger("absl")


def _is_not_of_orbax(record: logging.LogRecord) -> bool:
    return "/orbax/" not in pathlib.Path(record.pathname).as_posix()


def _without_abandoned_work(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    """Returns `hook` without what other arrays' reads and writes say when one array's has failed.

    Orbax closes its event loop at the first failure; what ends later finds it closed, and each
    would print a stack trace below the one line that tells the user what is wrong.
    """

    def filtered(unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)
        is_read = code is not None and "orbax" in pathlib.PurePath(code.co_filename).parts
        if not is_read and str(unraisable.exc_value) != "Event loop is closed":
            hook(unraisable)

    return filtered
