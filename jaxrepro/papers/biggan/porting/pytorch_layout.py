"""Names and layouts of the arrays in a state_dict of the author's PyTorch code."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.arrays.published_arrays import (
    Arrays,
    Path,
    Variables,
    fill_variables,
    kernel_from_pytorch,
)
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.widths import SEED_SIDE, size_in_words

# The author's output norm is built without the epsilon of the others and keeps the default.
OUTPUT_BN_EPSILON = 1e-5

_MODULE_NAMES = {
    "first": "linear",
    "embedding": "embed",
    "shortcut": "conv_sc",
    "output_norm": "output_layer.0",
    "output_conv": "output_layer.2",
    **{f"conv_{i}": f"conv{i}" for i in (1, 2, 3, 4)},
    **{f"norm_{i}": f"bn{i}" for i in (1, 2, 3, 4)},
}
_LEAF_NAMES = {
    "kernel": "weight",
    "embedding": "weight",
    "u": "u0",
    "sigma": "sv0",
    "mean": "stored_mean",
    "var": "stored_var",
}

# Networks made with num_G_SVs or num_D_SVs above 1 estimate further singular values of a kernel:
# buffers u1, sv1, u2, sv2 beside u0, sv0. In every step of the power iteration a vector is made
# orthogonal to those before it alone, so the first is what it is without the others; the kernel is
# divided by its value, and no other is read, in training as in evaluation. They are dropped.
_FURTHER_VECTOR = re.compile(r"(.+\.(?:u|sv))[1-9][0-9]*")


def is_further_vector(name: str) -> bool:
    """Returns whether an array of that name is of a singular value after the first.

    After training it may be NaN: a kernel has no more values than outputs, and the logits' has one.
    """
    return _FURTHER_VECTOR.fullmatch(name) is not None


def num_blocks(arrays: Arrays) -> int:
    """Returns how many numbers N there are in names blocks.N.*; InputError if none."""
    numbers = {name.split(".")[1] for name in arrays if name.startswith("blocks.")}
    if not numbers:
        raise InputError(
            "no array is named blocks.*: this is not a state_dict of BigGAN-PyTorch; it has "
            f"{', '.join(list(arrays)[:5]) or 'no arrays'}"
        )
    return len(numbers)


def attention_sides(arrays: Arrays, places: Iterable[tuple[int, str]]) -> tuple[int, ...]:
    """Returns the sides with attention, of (side, prefix of the names it would have) pairs."""
    return tuple(sorted({side for side, place in places if f"{place}.gamma" in arrays}))


def variables_from_pytorch(
    module: Any, inputs: tuple[jax.Array, ...], arrays: Arrays, places: Mapping[str, str]
) -> Variables:
    """Returns the module's variables from the arrays of a state_dict.

    places: from our names of blocks and attention layers, such as "blocks_3", to the author's,
    such as "blocks.3.0". inputs and errors: as in `fill_variables`.
    """
    # What the author converted from TF-Hub has no singular values, which are for logs only, and
    # the attention's gamma in an axis of its own.
    has_sigma = any(name.endswith(".sv0") for name in arrays)
    arrays = {
        name: np.reshape(array, ()) if name.endswith(".gamma") and np.size(array) == 1 else array
        for name, array in _without_further_vectors(arrays).items()
    }

    def name_of(path: Path) -> str | None:
        return pytorch_name(places, path) if has_sigma or path[-1] != "sigma" else None

    return fill_variables(
        module, inputs, arrays, name_of, pytorch_layout, described=size_in_words(module)
    )


def _without_further_vectors(arrays: Arrays) -> Arrays:
    """Returns the arrays but for further vectors and values of the shape of the first."""

    def is_needed(name: str) -> bool:
        further = _FURTHER_VECTOR.fullmatch(name)
        first = f"{further[1]}0" if further else name
        return (
            further is None
            or first not in arrays
            or np.shape(arrays[first]) != np.shape(arrays[name])
        )

    return {name: array for name, array in arrays.items() if is_needed(name)}


def pytorch_name(places: Mapping[str, str], path: Path) -> str:
    """Returns the author's name of the variable at that path of a collection."""
    *modules, leaf = path
    names = [
        places.get(module) or _MODULE_NAMES.get(module, module)
        for module in modules
        if module != "normalize"
    ]
    return ".".join([*names, _LEAF_NAMES.get(leaf, leaf)])


def pytorch_layout(
    path: Path, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
    """Returns the author's shape of our variable, and the map from that layout to ours."""
    leaf = path[-1]
    if leaf == "kernel" and len(shape) == 4:
        return kernel_from_pytorch(shape)
    published = {"u": (1, *shape), "sigma": (1,)}.get(leaf, shape)
    if leaf == "kernel":
        published = shape[::-1]
    if path[-2:-1] == ("first",) and leaf != "sigma":

        def channels_last(array: np.ndarray) -> np.ndarray:
            # The outputs of the first layer are (C, 4, 4) there and (4, 4, C) here.
            outputs = array.reshape(shape[-1] // SEED_SIDE**2, SEED_SIDE, SEED_SIDE, -1)
            return outputs.transpose(3, 1, 2, 0).reshape(shape)

        return published, channels_last
    if leaf == "kernel":
        return published, np.transpose
    return published, lambda array: array.reshape(shape)
