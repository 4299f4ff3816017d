"""MATLAB files as arrays and structs, by SciPy; nothing in them is executed.

SciPy's reader is written for files that are in order: a damaged one may end the process. So another
process reads a file first. Plain arrays are better read by `matlab_arrays`.
"""

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError


def read_matlab(path: pathlib.Path, *names: str, records: bool = False) -> dict[str, Any]:
    """Returns the variables `names` of a MATLAB file of version 4 to 7.

    Without `records`, structs are objects with attributes and axes of length 1 are dropped. With
    it, structs are structured arrays and all axes are kept, as `scipy.io.savemat` writes them.

    Raises InputError if the file cannot be read or lacks one of the variables.
    """
    _check_by_reading(path)
    from scipy.io import loadmat, whosmat

    try:
        present = [name for name, *_ in whosmat(str(path))]
        missing = [name for name in names if name not in present]
        if missing:
            raise InputError(
                f"{path} has no variable {', '.join(missing)}; it has {', '.join(present)}"
            )
        content = loadmat(
            str(path), variable_names=names, struct_as_record=records, squeeze_me=not records
        )
    except InputError:
        raise
    except Exception as error:  # SciPy raises a different type per defect, zlib's among them.
        raise InputError(f"cannot read {path} as a MATLAB file: {error}") from error
    return {name: content[name] for name in names}


# Reads as `read_matlab` does; errors that are reported are left to that.
_PROBE = """
import contextlib, sys
from scipy.io import loadmat
with contextlib.suppress(Exception):
    loadmat(sys.argv[1], struct_as_record=False, squeeze_me=True)
"""
# Seconds; MPII's release, the largest file of the kind, takes a few.
_PATIENCE = 300


def _check_by_reading(path: pathlib.Path) -> None:
    """Raises InputError if the process that reads the file dies of it."""
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, str(path)], capture_output=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"cannot read {path} as a MATLAB file: not done after {_PATIENCE} s"
        ) from error
    if done.returncode < 0:
        raise InputError(
            f"cannot read {path} as a MATLAB file: it is damaged, a process that reads it dies by "
            f"signal {-done.returncode}; get the file anew"
        )


def field(struct: Any, name: str) -> Any:
    """Returns a field of a struct read without `records`; None where absent or empty."""
    value = getattr(struct, name, None)
    return None if value is None or np.size(value) == 0 else value


def each(value: Any) -> list[Any]:
    """Returns the elements of a struct array whose axes of length 1 were dropped."""
    return [] if value is None else list(np.atleast_1d(value))
