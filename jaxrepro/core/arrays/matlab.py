"""MATLAB files of version 4 to 7 as arrays and structs, by SciPy; nothing in them is executed.

SciPy's reader is written for files that are in order: a damaged one may end the process, and a
small one may fill the memory. So another process, whose memory is limited, reads a file first.
"""

import io
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError

# Of the memory for reading: more is no annotations and no network but a decompression bomb.
_MOST_BYTES = 4 * 2**30
# Seconds; MPII's release, the largest file of the kind, takes a few.
_PATIENCE = 300

# Arguments: a file, bytes of memory, names of variables. With names it reads these as `read_matlab`
# does and keeps them to itself; without, it writes the names and the arrays of floating numbers.
# Beyond Linux no limit of memory is known to hold, and none is set.
_READER = """
import io, sys
import numpy as np
from scipy.io import loadmat, whosmat

path, most, *names = sys.argv[1:]
if sys.platform == "linux":
    import resource

    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = taken + int(most)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
try:
    kinds = {"double": np.float64, "single": np.float32}
    present = {name: kind for name, _, kind in whosmat(path, appendmat=False)}
    chosen = names or [name for name, kind in present.items() if kind in kinds]
    content = loadmat(
        path, variable_names=chosen, appendmat=False, struct_as_record=False, squeeze_me=bool(names)
    )
    found = {name: content[name] for name in chosen if name in content}
    for name, value in found.items():
        # SciPy puts what is wrong in the place of a variable.
        if isinstance(value, str) and present[name] != "char":
            raise ValueError(f"{name}: {value}")
    if not names:
        # Numbers may be stored in a smaller type than that of their array.
        arrays = {
            name: value.astype(kinds[present[name]], copy=False)
            for name, value in found.items()
            if isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
        }
        written = io.BytesIO()
        np.savez(written, np.array(list(arrays), np.str_), *arrays.values())
        sys.stdout.buffer.write(written.getbuffer())
except MemoryError:
    sys.exit(f"reading it takes more than {most} bytes of memory")
except Exception as error:
    # SciPy raises a different type per defect, zlib's among them.
    sys.exit(" ".join(f"{error}".split()) or type(error).__name__)
"""


def read_matlab_arrays(
    path: str | os.PathLike[str], *, most_bytes: int = _MOST_BYTES
) -> dict[str, np.ndarray]:
    """Returns the real arrays of floating numbers in a MATLAB file, by name, with all their axes.

    Other variables (text, cells, structs, whole and complex numbers) are left out. most_bytes:
    memory that reading may take.

    Raises InputError if the file cannot be read, is damaged or takes more memory.
    """
    content = _read_apart(pathlib.Path(path), most_bytes)
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        names = archive["arr_0"].tolist()
        return {name: archive[f"arr_{number}"] for number, name in enumerate(names, 1)}


def read_matlab(
    path: str | os.PathLike[str],
    *names: str,
    records: bool = False,
    most_bytes: int = _MOST_BYTES,
) -> dict[str, Any]:
    """Returns the variables `names` of a MATLAB file.

    Without `records`, structs are objects with attributes and axes of length 1 are dropped. With
    it, structs are structured arrays and all axes are kept, as `scipy.io.savemat` writes them.
    most_bytes: memory that reading may take.

    Raises InputError if the file cannot be read, takes more memory or lacks one of the variables.
    """
    path = pathlib.Path(path)
    _read_apart(path, most_bytes, *names)
    from scipy.io import loadmat, whosmat

    try:
        present = [name for name, *_ in whosmat(str(path), appendmat=False)]
        missing = [name for name in names if name not in present]
        if missing:
            raise InputError(
                f"{path} has no variable {', '.join(missing)}; it has {', '.join(present)}"
            )
        content = loadmat(
            str(path),
            variable_names=names,
            appendmat=False,
            struct_as_record=records,
            squeeze_me=not records,
        )
    except InputError:
        raise
    except Exception as error:  # SciPy raises a different type per defect, zlib's among them.
        raise _unreadable(path, str(error)) from error
    return {name: content[name] for name in names}


def _read_apart(path: pathlib.Path, most_bytes: int, *names: str) -> bytes:
    """Returns what `_READER` writes about the file; InputError if it cannot or dies of it."""
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _READER, str(path), str(most_bytes), *names],
            capture_output=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable(path, f"not done after {_PATIENCE} s") from error
    if done.returncode < 0:
        raise _unreadable(
            path,
            f"it is damaged, a process that reads it dies by signal {-done.returncode}; get the "
            "file anew",
        )
    if done.returncode:
        *_, reason = done.stderr.decode(errors="replace").splitlines() or [""]
        raise _unreadable(path, reason)
    return done.stdout


def _unreadable(path: pathlib.Path, reason: str) -> InputError:
    if "v7.3" in reason:
        reason = "it is of version 7.3; save it with -v7"
    return InputError(f"cannot read {path} as a MATLAB file: {reason}")


def field(struct: Any, name: str) -> Any:
    """Returns a field of a struct read without `records`; None where absent or empty."""
    value = getattr(struct, name, None)
    return None if value is None or np.size(value) == 0 else value


def each(value: Any) -> list[Any]:
    """Returns the elements of a struct array whose axes of length 1 were dropped."""
    return [] if value is None else list(np.atleast_1d(value))
