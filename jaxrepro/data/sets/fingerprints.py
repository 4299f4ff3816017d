"""Fingerprints of files, the same wherever they lie and whenever they were copied."""

import hashlib
import os
import pathlib
from collections.abc import Iterable

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.sets.intact_files import file_sha256

# Files of so many bytes together are read whole: a fraction of a second. Of more, so many files.
_SMALL = 2**26
_NUM_READ = 16


def files_digest(files: Iterable[tuple[str, pathlib.Path]]) -> str:
    """Returns a hash of files: of their names, in order, their sizes, and what is in them.

    Of sets of more than 64 MiB only 16 files, evenly spaced, are read: another file of the same
    name and size between them is not seen. Times and folders do not count.

    files: (name, path). Raises InputError for one that cannot be read.
    """
    given = list(files)
    sha = hashlib.sha256()
    try:
        sizes = [path.stat().st_size for _, path in given]
        for (name, _), size in zip(given, sizes, strict=True):
            sha.update(os.fsencode(name) + f"\0{size}\0".encode())
        chosen = range(len(given))
        if sum(sizes) > _SMALL and len(given) > _NUM_READ:
            chosen = [i * (len(given) - 1) // (_NUM_READ - 1) for i in range(_NUM_READ)]
        for index in chosen:
            sha.update(file_sha256(given[index][1]).encode())
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
    return sha.hexdigest()


def weights_file(path: str) -> DataIdentity | None:
    """Returns the identity of a file of weights; None if there is no such file: its reader says so.

    Raises InputError if it cannot be read.
    """
    file = local_path(path)
    return DataIdentity(files_digest([("", file)])) if file.is_file() else None
