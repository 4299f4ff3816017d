"""The digests of a folder's files: what was altered or cut off since they were written is named."""

import concurrent.futures
import hashlib
import json
import pathlib

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.files import write_atomically

DIGESTS = "digests.json"
# Orbax writes it anew when it commits a checkpoint, after the digests are taken.
_LEFT_OUT = (DIGESTS, "_CHECKPOINT_METADATA")
_THREADS = 4


def write_digests(folder: pathlib.Path) -> None:
    """Writes the SHA-256 of every file below `folder` to its `digests.json`."""
    names = [path.relative_to(folder).as_posix() for path in _files(folder)]
    digests = dict(zip(names, _digests([folder / name for name in names]), strict=True))
    content = json.dumps({"algorithm": "sha256", "files": digests}, indent=2) + "\n"
    write_atomically(folder / DIGESTS, content.encode())


def find_damage(folder: pathlib.Path) -> str | None:
    """Returns what is wrong with the files below `folder`, "" if nothing is.

    None where there is no `digests.json` to compare with. All processes of a job must call it
    together: each reads a part of the files, and all get the same answer.
    """
    path = folder / DIGESTS
    if not path.exists():
        return None
    try:
        digests = json.loads(path.read_bytes())["files"]
        expected = sorted((str(name), str(digest)) for name, digest in digests.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{path} cannot be read ({error})"
    part = range(jax.process_index(), len(expected), jax.process_count())
    first = len(expected)
    found = _digests([folder / expected[i][0] for i in part])
    for i, digest in zip(part, found, strict=True):
        if digest != expected[i][1]:
            first = i
            break
    if jax.process_count() > 1:
        first = int(np.min(multihost_utils.process_allgather(np.asarray(first))))
    if first == len(expected):
        return ""
    name = expected[first][0]
    is_there = (folder / name).is_file()
    return f"{folder / name} " + ("was altered after it was written" if is_there else "is missing")


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.name not in _LEFT_OUT)


def _digests(paths: list[pathlib.Path]) -> list[str]:
    """Returns the hash of each file, "" for one that cannot be read."""
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(_digest, paths))


def _digest(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
