"""The folder in which JAX keeps compiled programs: of bounded size, without programs cut off.

JAX writes a program in place and never over one that is there. One that a kill or a full disk cut
off it would compile again, with a warning, at every start. It forgets none, and its own limit,
`jax_compilation_cache_max_size`, is not used here: a kill between the two files that it then writes
a program (up to JAX 0.10) stops it from keeping any further one, a folder filled without the limit
likewise, and every read waits for a lock of all processes.
"""

import contextlib
import os
import pathlib

_STAMP = ".looked_through"
_PROGRAM = "-cache"


def tidy(folder: pathlib.Path, limit: int) -> None:
    """Removes programs that were cut off, then those used longest ago until `limit` bytes are left.

    Only programs written since the last call are read. Other processes may use the folder: what one
    of them is writing may be taken for cut off, and is then not kept. Does nothing where there is
    no such folder.
    """
    with contextlib.suppress(FileNotFoundError):
        found = _programs(folder)
        looked_through = _modified(folder / _STAMP)
        new = [path for path, status in found.items() if status.st_mtime_ns > looked_through]
        for path in new:
            if not _is_whole(path):
                _remove(path)
                del found[path]
        # By the times of the programs themselves: a server's clock may differ from this one's.
        newest = max((status.st_mtime_ns for status in found.values()), default=0)
        if newest > looked_through:
            _set_modified(folder / _STAMP, newest)

        # A disk may note a use at most once a day, or never.
        by_use = sorted(found, key=lambda path: max(found[path].st_atime, found[path].st_mtime))
        size = sum(status.st_size for status in found.values())
        for path in by_use:
            if size <= limit:
                break
            _remove(path)
            size -= found[path].st_size


def _programs(folder: pathlib.Path) -> dict[pathlib.Path, os.stat_result]:
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            # Another process may remove it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if entry.name.endswith(_PROGRAM) and entry.is_file(follow_symlinks=False):
                    found[pathlib.Path(entry.path)] = entry.stat(follow_symlinks=False)
    return found


def _is_whole(path: pathlib.Path) -> bool:
    try:
        # No public name; a JAX without it is not worth a run that does not start.
        from jax._src.compilation_cache import decompress_executable

        content = path.read_bytes()
    except (ImportError, OSError):
        return True  # Not known; JAX says the same when it reads it.
    try:
        # Both ways in which JAX compresses end with a sum of what came before.
        return len(decompress_executable(content)) > 0
    except Exception:  # Each way has its own.
        return False


def _remove(path: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _modified(path: pathlib.Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _set_modified(path: pathlib.Path, time: int) -> None:
    with contextlib.suppress(OSError):
        path.touch()
        os.utime(path, ns=(time, time))
