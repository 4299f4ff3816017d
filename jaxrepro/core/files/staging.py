"""Folders of this machine for files on their way to or from an object store."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile


class StagingFolder:
    """A new folder below $TMPDIR, which is removed with all in it when it is closed.

    What a killed process has left there is removed by the next one that makes a folder.
    """

    def __init__(self):
        base = pathlib.Path(tempfile.gettempdir()) / f"jaxrepro-staging-{os.getuid()}"
        base.mkdir(mode=0o700, exist_ok=True)
        _remove_abandoned(base)
        self.path = pathlib.Path(tempfile.mkdtemp(dir=base))
        # Held as long as this process lives: the sign that the folder is in use.
        self._lock = _lock_file(self.path).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        _lock_file(self.path).unlink(missing_ok=True)
        self._lock.close()


def _lock_file(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_suffix(".lock")


def _remove_abandoned(base: pathlib.Path) -> None:
    for path in base.glob("*.lock"):
        # Another process may remove it at the same time.
        with contextlib.suppress(OSError), path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink()
