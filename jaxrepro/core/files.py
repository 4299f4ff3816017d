"""Files that are either whole or absent."""

import contextlib
import fcntl
import os
import pathlib
import tempfile

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.places import Place, reason, refuse_url, replace_object

_TEMPORARY = ".tmp"


def write_atomically(path: Place, content: bytes) -> None:
    """Writes `content` to `path`: whoever reads it sees the old content or the new, never a part.

    Makes missing folders. Raises InputError where the file cannot be written.
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


def remove_abandoned(folder: pathlib.Path) -> None:
    """Removes from `folder` what killed processes had begun to write with `write_atomically`.

    What a live process is writing stays. Does nothing where there is no such folder.
    """
    for path in folder.glob(f".*{_TEMPORARY}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if _lock(file.fileno()):
                path.unlink()


def _lock(descriptor: int) -> bool:
    """Returns whether the open file is this process's alone now, until it is closed."""
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
