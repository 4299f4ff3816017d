"""Arrays of HDF5 files, as Keras saves weights, from the file itself and nowhere else."""

import math
import os
import pathlib
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError

# A damaged or hostile file may declare arrays that no memory holds.
MAX_BYTES = 4 * 2**30


def read_hdf5_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Returns the numeric arrays of an HDF5 file by their path in it, "group/name".

    Links to other files, arrays stored in other files and arrays put together from others are not
    followed. Text and attributes, such as a network's description, are left out.

    Raises:
      InputError: the file is damaged or no HDF5, it has links of those kinds, or its arrays take
        more than `MAX_BYTES`.
    """
    import h5py

    path = pathlib.Path(path)
    try:
        with h5py.File(path, "r") as file:
            found: dict[str, Any] = {}
            _collect(h5py, file, "", found, set())
            total = sum(math.prod(x.shape) * x.dtype.itemsize for x in found.values())
            if total > MAX_BYTES:
                raise ValueError(f"it declares {total} bytes of arrays, at most {MAX_BYTES} go")
            return {name: np.asarray(array[()]) for name, array in found.items()}
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{path} cannot be read as an HDF5 file of plain arrays ({error}); give the file of "
            "weights as Keras saved it"
        ) from error


def _collect(h5py: Any, group: Any, prefix: str, found: dict[str, Any], visited: set[Any]) -> None:
    # A group that holds itself would be read for ever.
    address = h5py.h5o.get_info(group.id).addr
    if address in visited:
        raise ValueError(f"the group {prefix or '/'} is inside itself or named twice")
    visited.add(address)
    for name in group:
        where = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{where} is a link to another place")
        item = group[name]
        if isinstance(item, h5py.Group):
            _collect(h5py, item, f"{where}/", found, visited)
        elif (
            isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and item.shape is not None
        ):
            if item.is_virtual or item.external:
                raise ValueError(f"the array {where} is stored in another place")
            found[where] = item
