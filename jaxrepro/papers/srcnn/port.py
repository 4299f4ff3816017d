"""The authors' weights: MATLAB files of their release."""

import os
import pathlib

import numpy as np

from jaxrepro.core.arrays.matlab import read_matlab_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Variables
from jaxrepro.papers.srcnn.network.model import SRCNN


def from_mat(path: str | os.PathLike[str]) -> tuple[SRCNN, Variables]:
    """Returns (network, its variables) of a file such as "9-5-5(ImageNet)/x3.mat".

    The file holds for layer i an array weights_conv<i> and biases_conv<i> [n_i, 1]. The layouts
    differ: weights_conv1 is [f1 f1, n1], weights_conv2 [n1, f2 f2, n2], weights_conv3 [n2, f3 f3],
    the squares written column by column. Numbers are float32 afterwards.

    Raises InputError if the file cannot be read or holds other arrays.
    """
    path = pathlib.Path(path)
    arrays = read_matlab_arrays(path)
    try:
        weights = [arrays[f"weights_conv{i}"] for i in (1, 2, 3)]
        biases = [arrays[f"biases_conv{i}"].reshape(-1) for i in (1, 2, 3)]
        first = weights[0].reshape(-1, 1, len(biases[0]))
        kernels = [
            _kernel(first.transpose(1, 0, 2)),
            _kernel(weights[1].reshape(len(biases[0]), -1, len(biases[1]))),
            _kernel(weights[2].reshape(len(biases[1]), -1, 1)),
        ]
        biases = [_float32(bias) for bias in biases]
        if any(len(kernel) % 2 == 0 for kernel in kernels):
            raise ValueError(f"kernels of sides {', '.join(str(len(k)) for k in kernels)}")
        if not all(np.isfinite(x).all() for x in (*kernels, *biases)):
            raise ValueError("numbers that are not finite in float32")
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{path} holds no SRCNN of the authors' release: {error}; it has "
            f"{', '.join(f'{name} {x.shape}' for name, x in arrays.items())}"
        ) from error
    module = SRCNN(
        kernels=tuple(kernel.shape[0] for kernel in kernels),
        widths=tuple(kernel.shape[3] for kernel in kernels[:2]),
    )
    params = {
        name: {"kernel": kernel, "bias": bias}
        for name, kernel, bias in zip(module.layer_names, kernels, biases)
    }
    return module, {"params": params}


def _kernel(weights: np.ndarray) -> np.ndarray:
    """Returns [f, f, in, out] of [in, f f, out], whose squares are written column by column."""
    channels, places, filters = weights.shape
    side = round(places**0.5)
    square = weights.reshape(channels, side, side, filters, order="F")
    return np.ascontiguousarray(_float32(square.transpose(1, 2, 0, 3)))


def _float32(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # The caller says it in its own words.
        return x.astype(np.float32)
