"""Published VGG-16 weights in three layouts, as kernels [3, 3, I, O] and biases by layer."""

import pathlib
import re
from collections.abc import Mapping

import numpy as np

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.arrays.hdf5_arrays import read_hdf5_arrays
from jaxrepro.core.arrays.published_arrays import kernel_from_pytorch
from jaxrepro.core.errors import InputError
from jaxrepro.nn.vgg.vgg16 import DEPTHS, WIDTH, layer_names

# By its number in torchvision's `features`, where ReLUs and poolings count too.
_TORCHVISION: dict[int, str] = dict(zip((0, 2, 5, 7, 10, 12, 14), layer_names(), strict=True))

# A layout: its preprocessing's name, and how one of its array names says layer and kind.
_PATTERNS = {
    "torchvision": re.compile(r"^(?:module\.)?features\.(?P<number>\d+)\.(?P<kind>weight|bias)$"),
    "slim": re.compile(
        r"^(?:.*/)?conv[1-3]/conv(?P<block>[1-3])_(?P<layer>[1-3])/(?P<kind>weights|biases)(?::0)?$"
    ),
    # With the names of old and newer files: "..._W_1:0" and "kernel:0".
    "caffe": re.compile(
        r"^(?!optimizer)(?:.*/)?block(?P<block>[1-3])_conv(?P<layer>[1-3])"
        r"(?:/.*[/_]|/|_)(?P<kind>W|b|kernel|bias)(?:_\d+)?(?::0)?$"
    ),
}
_KERNEL_KINDS = ("weight", "weights", "W", "kernel")

HDF5_ENDINGS = (".h5", ".hdf5")


def read_weights(path: str | pathlib.Path) -> tuple[str, dict[str, np.ndarray]]:
    """Returns the layout of a file of weights and its arrays by name.

    The layout is the key of `vgg16.PREPROCESSINGS` that such weights go with: "torchvision",
    "caffe" (Keras) or "slim".

    Raises:
      InputError: there is no such file, it cannot be read, or no layout has its names.
    """
    path = pathlib.Path(path)
    if path.suffix in HDF5_ENDINGS:
        if not path.is_file():
            raise InputError(f"{path} is not a file; give the path of a file of weights")
        arrays = read_hdf5_arrays(path)
    else:
        arrays = read_arrays(path)
    for layout, pattern in _PATTERNS.items():
        if any(pattern.match(name) for name in arrays):
            return layout, arrays
    raise InputError(
        f"{path} has no arrays of VGG-16, but {_some(arrays)}; known are the names of torchvision "
        "(features.0.weight), Keras (block1_conv1) and tf-slim (vgg_16/conv1/conv1_1/weights)"
    )


def kernels_and_biases(
    arrays: Mapping[str, np.ndarray], layout: str, *, bgr: bool
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns (kernel [3, 3, I, O], bias [O]), float32, of "conv1_1" to "conv3_3".

    arrays: those of one layout; those of later layers are left aside. bgr: whether the first kernel
    takes channels in the order B, G, R; the result takes R, G, B.

    Raises:
      InputError: an array is missing, there twice, misshapen, or not of finite floats; named.
    """
    if any(name.endswith("running_mean") for name in arrays):
        raise InputError("these are weights of a VGG with batch norm; give those of plain VGG-16")
    found: dict[tuple[str, bool], str] = {}
    for name in arrays:
        match = _PATTERNS[layout].match(name)
        layer = None if match is None else _layer(match)
        if match is None or layer is None:
            continue
        key = (layer, match["kind"] in _KERNEL_KINDS)
        if key in found:
            raise InputError(f"{found[key]} and {name} are both of layer {layer}; give one network")
        found[key] = name
    layers, problems, inputs = {}, [], 3
    for layer in layer_names():
        outputs = WIDTH * 2 ** (int(layer[4]) - 1)
        shape, to_ours = (3, 3, inputs, outputs), lambda array: array
        if layout == "torchvision":
            shape, to_ours = kernel_from_pytorch(shape)
        parts = []
        for is_kernel, wanted in ((True, shape), (False, (outputs,))):
            name = found.get((layer, is_kernel))
            if name is None:
                problems.append(f"no {'kernel' if is_kernel else 'bias'} of {layer}")
                continue
            array = np.asarray(arrays[name])
            if array.shape != wanted:
                problems.append(f"{name} {array.shape} instead of {wanted}")
            elif array.dtype.kind != "f" or not np.isfinite(array).all():
                problems.append(f"{name} is not of finite floats")
            else:
                array = array.astype(np.float32)
                parts.append(np.ascontiguousarray(to_ours(array) if is_kernel else array))
        if len(parts) == 2:
            layers[layer] = (parts[0], parts[1])
        inputs = outputs
    if problems:
        raise InputError(f"the arrays are not those of VGG-16: {'; '.join(problems)}")
    if bgr:
        kernel, bias = layers["conv1_1"]
        layers["conv1_1"] = (np.ascontiguousarray(kernel[:, :, ::-1]), bias)
    return layers


def _layer(match: re.Match[str]) -> str | None:
    groups = match.groupdict()
    if "number" in groups:
        return _TORCHVISION.get(int(groups["number"]))
    block, layer = int(groups["block"]), int(groups["layer"])
    return f"conv{block}_{layer}" if layer <= DEPTHS[block - 1] else None


def _some(arrays: Mapping[str, np.ndarray], most: int = 3) -> str:
    names = sorted(arrays)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
