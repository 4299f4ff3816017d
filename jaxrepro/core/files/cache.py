"""Where things are kept that can be made again."""

import atexit
import contextlib
import errno
import os
import pathlib
import sys
from collections.abc import Iterator

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.staging import StagingFolder

_ADVICE = "set JAXREPRO_CACHE to a folder that can be written to"
_staging: StagingFolder | None = None


def cache_folder(room: str) -> pathlib.Path:
    """Returns the folder of one kind of thing, which can be written to: CACHE/room.

    CACHE is $JAXREPRO_CACHE, or ~/.cache/jaxrepro. Where that has no place for the room, a notice
    is printed to standard error, once, and the folder is a temporary one, removed when the process
    ends. Raises InputError where there is no room for that either.
    """
    try:
        folder = _cache() / room
        _check_usable(folder)
    except OSError as error:
        return _temporary(f"{error.filename}: {error.strerror}") / room
    return folder


def kept(room: str, name: str) -> pathlib.Path:
    """Returns where the cache keeps the thing `name`: there already, or to be made.

    What is there is used also where nothing more can be kept.
    """
    with contextlib.suppress(OSError):
        if (path := _cache() / room / name).exists():
            return path
    return cache_folder(room) / name


@contextlib.contextmanager
def named_as_cache(path: pathlib.Path) -> Iterator[None]:
    """A context in which every InputError about `path` says that it is in the cache."""
    try:
        yield
    except InputError as error:
        raise InputError(
            f"{error} ({path} is in the cache: delete it, or set JAXREPRO_CACHE to another folder)"
        ) from error


def _cache() -> pathlib.Path:
    """Returns the folder that the user means; raises OSError where there is none."""
    if given := os.environ.get("JAXREPRO_CACHE"):
        return _expanded(given)
    home = _expanded("~")
    if not home.is_dir():
        # Such as /nonexistent of users that are to have none; root could make it.
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(home))
    return home / ".cache/jaxrepro"


def _expanded(given: str) -> pathlib.Path:
    try:
        return pathlib.Path(given).expanduser()
    except RuntimeError as error:
        raise FileNotFoundError(errno.ENOENT, "this user has no home folder", given) from error


def _check_usable(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _temporary(reason: str) -> pathlib.Path:
    """Returns a folder of this process, the same at every call; the first one prints why."""
    global _staging
    if _staging is not None:
        return _staging.path
    try:
        staging = _staging = StagingFolder()
    except OSError as error:
        raise InputError(
            f"no cache can be kept ({reason}), nor a temporary one "
            f"({error.strerror or error}); {_ADVICE}"
        ) from error
    atexit.register(staging.close)
    print(
        f"no cache can be kept ({reason}): what is compiled and made for measurements is lost when "
        f"this command ends; {_ADVICE}",
        file=sys.stderr,
    )
    return staging.path
