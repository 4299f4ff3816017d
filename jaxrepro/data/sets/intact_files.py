"""Whether large files are those that were written, looked up once for each of them."""

import concurrent.futures
import contextlib
import hashlib
import pathlib
from collections.abc import Mapping

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.cache import cache_folder, kept

# Files of so many bytes together are hashed whenever they are opened: less than a second.
_SMALL = 2**28
_NUM_THREADS = 8
_ROOM = "intact"


def file_sha256(path: pathlib.Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def altered_files(digests: Mapping[pathlib.Path, str]) -> list[pathlib.Path]:
    """Returns those of the files whose SHA-256 is another one.

    Of files that are large together, one that was found right is not hashed again as long as its
    size and its time of change stay: a mark of that is kept in the cache folder.

    digests: by path, of files that exist.
    """
    small = sum(path.stat().st_size for path in digests) <= _SMALL
    unknown = [path for path in digests if small or not _is_marked(path, digests[path])]
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        found = dict(zip(unknown, pool.map(file_sha256, unknown), strict=True))
    altered = [path for path in unknown if found[path] != digests[path]]
    if not small:
        # Without a folder to write to, the files are hashed again the next time.
        with contextlib.suppress(OSError, InputError):
            for path in set(unknown).difference(altered):
                (cache_folder(_ROOM) / _mark(path, digests[path])).touch()
    return altered


def _is_marked(path: pathlib.Path, digest: str) -> bool:
    with contextlib.suppress(InputError):
        return kept(_ROOM, _mark(path, digest)).exists()
    return False


def _mark(path: pathlib.Path, digest: str) -> str:
    status = path.stat()
    what = f"{path.resolve()} {status.st_ino} {status.st_size} {status.st_mtime_ns} {digest}"
    return hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()
