"""Files of named arrays, as networks are published, read without executing code in them."""

import os
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError


def read_arrays(
    path: str | os.PathLike[str], *, may_be_undefined: Callable[[str], bool] = lambda name: False
) -> dict[str, np.ndarray]:
    """The arrays of a file by name: a PyTorch state_dict (.pth, .pt, .bin), .npz or .safetensors.

    Of a PyTorch checkpoint (.pth.tar) that holds a state_dict under that name among other things,
    those of the state_dict. Floats of 16 bits, which are for storage, are returned as float32.

    may_be_undefined: whether the numbers of an array of that name need not be finite.

    Raises:
      InputError: there is no such file, its ending is another, it is damaged, it holds anything
        but named arrays, or numbers that are not finite; and for PyTorch's without PyTorch.
    """
    path = pathlib.Path(path)
    if path.suffix not in _READERS:
        raise InputError(
            f"{path} ends in {path.suffix!r}; files of weights end in {', '.join(sorted(_READERS))}"
        )
    if not path.is_file():
        raise InputError(f"{path} is not a file; give the path of a file of weights")
    arrays = _READERS[path.suffix](path)
    for name, array in arrays.items():
        if may_be_undefined(name) or array.dtype.kind != "f":
            continue
        if not np.isfinite(array).all():
            raise InputError(
                f"{path}: {name} has numbers that are not finite; the file is damaged, or of a "
                "network whose training broke: give another one"
            )
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.items()
    }


def _read_pytorch(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise InputError(
            f"{path} is a PyTorch file and PyTorch is not installed; convert it where it is: "
            "`import numpy, torch; numpy.savez('weights.npz', **{k: v.float().numpy() for k, v in "
            f"torch.load({path.name!r}, map_location='cpu', weights_only=True).items()}})`"
        ) from e
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # PyTorch raises another type for each defect.
        raise InputError(
            f"{path} cannot be read as weights alone (damaged, or it holds code): save the "
            "network's state_dict() and give that file"
        ) from e
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if (
        not isinstance(loaded, Mapping)
        or not loaded
        or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor)
            for name, value in loaded.items()
        )
    ):
        raise InputError(f"{path} holds other things than named arrays; save a state_dict() alone")
    # NumPy has no bfloat16.
    return {
        name: (value.float() if value.dtype == torch.bfloat16 else value).detach().numpy()
        for name, value in loaded.items()
    }


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        # Opened here because NumPy leaves the file open where it finds it damaged.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array without a name")
            with archive:
                return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as e:
        raise InputError(
            f"{path} cannot be read as an .npz of plain arrays ({e}); write it anew with "
            "numpy.savez(path, **arrays)"
        ) from e


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, KeyError, TypeError, ValueError) as e:
        raise InputError(
            f"{path} cannot be read as .safetensors of NumPy's types ({e}); write it anew with "
            "safetensors.numpy.save_file(arrays, path), in float32"
        ) from e


_READERS: Mapping[str, Callable[[pathlib.Path], dict[str, Any]]] = {
    ".bin": _read_pytorch,
    ".npz": _read_npz,
    ".pt": _read_pytorch,
    ".pth": _read_pytorch,
    ".safetensors": _read_safetensors,
    ".tar": _read_pytorch,
}
# Of the names of such files.
ENDINGS = tuple(_READERS)
