"""Files and folders that are either whole or absent."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, reason, refuse_url, replace_object

_TEMPORARY = ".tmp"
# As `tempfile` names a file for `write_atomically`.
_BEGUN = re.compile(r"\.(?P<name>.+)\.\w{8}\.tmp", re.DOTALL)
# Folder -> name -> what killed processes left of it.
_abandoned: dict[pathlib.Path, dict[str, list[pathlib.Path]]] = {}


def write_atomically(path: Place, content: bytes) -> None:
    """Writes `content` to `path`: whoever reads it sees the old content or the new, never a part.

    Makes missing folders, and removes what a killed process had begun to write as `path`. Raises
    InputError where the file cannot be written.
    """
    if not isinstance(path, pathlib.Path):
        try:
            replace_object(path, content)
        except OSError as error:
            raise InputError(f"cannot write {path}: {reason(error)}") from error
        return
    refuse_url(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_of(path)
        handle, temporary = tempfile.mkstemp(_TEMPORARY, f".{path.name}.", path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            _lock(handle)  # Ends with the process: see `remove_abandoned`.
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
    except BaseException as error:
        # Ctrl-C as well leaves nothing behind.
        pathlib.Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"cannot write {path}: {error.strerror}") from error
        raise


def _remove_abandoned_of(path: pathlib.Path) -> None:
    """Removes what killed processes had begun to write as `path`.

    A folder is looked through once by a process: it may hold thousands of files.
    """
    folder = path.parent.absolute()
    if folder not in _abandoned:
        found = _abandoned[folder] = {}
        for entry in os.scandir(folder):
            if match := _BEGUN.fullmatch(entry.name):
                found.setdefault(match["name"], []).append(folder / entry.name)
    for left in _abandoned[folder].pop(path.name, []):
        _remove_unlocked(left)


def remove_abandoned(folder: pathlib.Path) -> None:
    """Removes from `folder` what killed processes had begun to write with `write_atomically`.

    What a live process is writing stays. Does nothing where there is no such folder.
    """
    for path in folder.glob(f".*{_TEMPORARY}"):
        _remove_unlocked(path)


def _remove_unlocked(path: pathlib.Path) -> None:
    with contextlib.suppress(OSError), path.open("rb") as file:
        if _lock(file.fileno()):
            path.unlink()


@contextlib.contextmanager
def whole_folder(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """A context with a new folder that becomes `target` at its end, in the place of one there.

    After an error all is as before. What killed processes had begun to write as `target` is removed
    once the new one is there. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new = _make_beside(target)
    handle = os.open(new, os.O_RDONLY)
    try:
        _lock(handle)  # Ends with the process: see `_remove_abandoned_folders`.
        new.chmod(0o777 & ~_umask())
        yield new
        if target.exists():
            # Moved first: to remove it takes longer, and a kill meanwhile would leave neither.
            old = target.rename(_make_beside(target))
            try:
                new.rename(target)
            except OSError:
                old.rename(target)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(target)
        _remove_abandoned_folders(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        os.close(handle)


def _make_beside(target: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(_TEMPORARY, f".{target.name}.", target.parent))


def _remove_abandoned_folders(target: pathlib.Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}\.\w{{8}}{re.escape(_TEMPORARY)}")
    for path in target.parent.iterdir():
        if not name.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _lock(handle):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)


def _lock(descriptor: int) -> bool:
    """Returns whether the open file or folder is this process's alone now, until it is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # Another's, or on a disk that knows no locks.
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_png(path: Place, image: np.ndarray) -> None:
    """Writes a picture as PNG, whole or not at all.

    image: uint8 [H, W, 1 or 3].
    """
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, format="PNG")
    write_atomically(path, buffer.getvalue())
