"""Files of named arrays, read without running code that is in them."""

import importlib
import pathlib
import zipfile
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError

TORCH_SUFFIXES = (".pth", ".pt", ".bin")
SUFFIXES = (".npz", ".safetensors", *TORCH_SUFFIXES)


def read_named_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an .npz, a .safetensors or a torch file (.pth, .pt, .bin), by name.

    A torch file must hold one mapping from names to tensors, a state_dict; reading it needs
    torch. Numbers of 16 bits are returned as float32.

    Raises InputError if the file is absent, damaged, of another kind, or holds anything else.
    """
    if not path.is_file():
        raise InputError(f"no file {path}")
    if path.suffix == ".npz":
        arrays = _read_npz(path)
    elif path.suffix == ".safetensors":
        arrays = _read_safetensors(path)
    elif path.suffix in TORCH_SUFFIXES:
        arrays = _read_torch(path)
    else:
        raise InputError(f"{path} is not a file of arrays; known are {', '.join(SUFFIXES)}")
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.items()
    }


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _read_torch(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise InputError(
            f"reading {path} needs torch, which is not installed: install it (pip install torch), "
            "or convert the file where torch is: python -c \"import numpy, torch; s = torch.load('"
            f"{path.name}', map_location='cpu', weights_only=True); numpy.savez('"
            f"{path.with_suffix('.npz').name}', **{{k: v.float().numpy() for k, v in s.items()}})\""
        ) from error
    try:
        # weights_only: tensors and containers, nothing that could run.
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises another type for each defect.
        refused = type(error).__name__ == "UnpicklingError"
        reason = (
            "it holds objects that are no tensors, which are not read; save the network's "
            "state_dict() instead"
            if refused
            else (str(error).strip().splitlines() or [type(error).__name__])[0]
        )
        raise InputError(f"cannot read {path} as tensors by name: {reason}") from error
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise InputError(
            f"{path} does not hold tensors by name; save the network's state_dict() in it"
        )
    return {
        name: (value.float() if value.is_floating_point() else value).detach().numpy()
        for name, value in content.items()
    }
