"""The digests of a folder's files: what was altered or cut off since they were written is named."""

import concurrent.futures
import hashlib
import json
import pathlib

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, checksums, read_bytes, reason
from jaxrepro.core.files.strict_json import json_text
from jaxrepro.core.files.whole_files import write_atomically

DIGESTS = "digests.json"
# Another name: what is copied from a store to a disk is not compared by another algorithm.
STORED_DIGESTS = "checksums.json"
# Orbax writes it anew when it commits a checkpoint, after the digests are taken.
_LEFT_OUT = (DIGESTS, "_CHECKPOINT_METADATA")
# The mark that a checkpoint in a store is whole; it comes last.
COMMITTED = "commit_success.txt"
_THREADS = 4
# What a process may find instead of the index of a damaged file.
_NONE_THERE, _UNREADABLE, _ALL_GOOD = -2, -1, np.iinfo(np.int32).max


def write_digests(folder: pathlib.Path) -> None:
    """Writes the SHA-256 of every file below `folder` to its `digests.json`."""
    names = [path.relative_to(folder).as_posix() for path in _files(folder)]
    digests = dict(zip(names, _digests([folder / name for name in names]), strict=True))
    content = json_text({"algorithm": "sha256", "files": digests}, indent=2) + "\n"
    write_atomically(folder / DIGESTS, content.encode())


def find_damage(folder: pathlib.Path) -> str | None:
    """Returns what is wrong with the files below `folder`, "" if nothing is.

    None where there is no `digests.json` to compare with. All processes of a job must call it
    together: each reads a part of the files, and all get the same answer.
    """
    path = folder / DIGESTS
    expected: list[tuple[str, str]] = []
    first, unreadable = _ALL_GOOD, ""
    try:
        digests = json.loads(path.read_bytes())["files"]
        expected = sorted((str(name), str(digest)) for name, digest in digests.items())
        if outside := [name for name, _ in expected if not _is_below(name)]:
            raise ValueError(f"it names {outside[0]!r}")
    except FileNotFoundError:
        first = _NONE_THERE
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        expected, first, unreadable = [], _UNREADABLE, f" ({error})"
    part = range(jax.process_index(), len(expected), jax.process_count())
    found = _digests([folder / expected[i][0] for i in part])
    for i, digest in zip(part, found, strict=True):
        if digest != expected[i][1]:
            first = i
            break
    # Every process comes here, whatever it has seen: one that did not would leave the rest waiting.
    if jax.process_count() > 1:
        first = int(np.min(multihost_utils.process_allgather(np.asarray(first))))
    if first == _NONE_THERE:
        return None
    if first == _ALL_GOOD:
        return ""
    if first == _UNREADABLE or first >= len(expected):
        return f"{path} cannot be read{unreadable}"
    damaged = folder / expected[first][0]
    return f"{damaged} " + (
        "was altered after it was written" if damaged.is_file() else "is missing"
    )


def write_stored_digests(folder: Place) -> None:
    """Writes what the store says of every object below `folder` to its `checksums.json`.

    A store has a checksum of each object, of what reached it: nothing is read back.
    """
    found = {name: x for name, x in checksums(folder).items() if not _is_left_out(name)}
    content = json_text({"files": found}, indent=2) + "\n"
    write_atomically(folder / STORED_DIGESTS, content.encode())


def find_stored_damage(folder: Place) -> str | None:
    """Returns what is wrong with the objects below `folder`, as `find_damage` does for files.

    Raises InputError where the store does not say.
    """
    path = folder / STORED_DIGESTS
    try:
        content, found = read_bytes(path), checksums(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason(error)}") from error
    try:
        expected = sorted(json.loads(content)["files"].items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{path} cannot be read ({error})"
    for name, checksum in expected:
        if name not in found:
            return f"{folder / name} is missing"
        if found[name] != checksum:
            return f"{folder / name} was altered after it was written"
    return ""


def _is_left_out(name: str) -> bool:
    return pathlib.PurePosixPath(name).name in (*_LEFT_OUT, STORED_DIGESTS, COMMITTED)


def _is_below(name: str) -> bool:
    """Returns whether a name that someone wrote leads to a place below the folder it is in."""
    path = pathlib.PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.name not in _LEFT_OUT)


def _digests(paths: list[pathlib.Path]) -> list[str]:
    """Returns the hash of each file, "" for one that cannot be read or is no file."""
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(_digest, paths))


def _digest(path: pathlib.Path) -> str:
    try:
        if not path.is_file():  # A pipe, or a device without an end.
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
