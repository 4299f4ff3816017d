"""Whether large files are those that were written, looked up once for each of them."""

import concurrent.futures
import contextlib
import hashlib
import pathlib
from collections.abc import Mapping

from jaxrepro.core.files.cache import cache_folder

# Files of so many bytes together are hashed whenever they are opened: less than a second.
_SMALL = 2**28
_NUM_THREADS = 8


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
    unknown = [path for path in digests if small or not _mark(path, digests[path]).exists()]
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        found = dict(zip(unknown, pool.map(file_sha256, unknown), strict=True))
    altered = [path for path in unknown if found[path] != digests[path]]
    if not small:
        # Without a folder to write to, the files are hashed again the next time.
        with contextlib.suppress(OSError):
            for path in set(unknown).difference(altered):
                mark = _mark(path, digests[path])
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()
    return altered


def _mark(path: pathlib.Path, digest: str) -> pathlib.Path:
    status = path.stat()
    what = f"{path.resolve()} {status.st_ino} {status.st_size} {status.st_mtime_ns} {digest}"
    return cache_folder() / "intact" / hashlib.sha256(what.encode()).hexdigest()
