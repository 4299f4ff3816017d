"""The authors' generator: the names of its TensorFlow variables and what becomes of them.

Kernels of convolutions lie as ours do, [h, w, I, O], those of transposed convolutions as
[h, w, O, I]; feature and gate are two variables there and halves of one here. The network was
trained on pictures whose channels are blue, green, red: see `CHANNEL_ORDER`.
"""

from collections.abc import Mapping
from typing import cast

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.arrays.published_arrays import Arrays, Variables, listed, shape_of
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.network.conditions import GENERATOR_CHANNELS
from jaxrepro.papers.scfegan.network.generator import (
    BOTTLENECK,
    PUBLISHED_DILATIONS,
    WIDTHS,
    Generator,
)

CHANNEL_ORDER = "bgr"

_SCOPE = "generator/"
_ENCODER = len(WIDTHS)


def published_parts(path: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the published variables that our array is made of, joined along the last axis.

    path: of one of the generator's parameters, such as ("encoder_0", "kernel").
    """
    layer, leaf = path
    kind, _, number = layer.rpartition("_")
    index = int(number) + 1
    if kind == "deconvolutions":
        leaves = {"kernel": "w", "bias": "biases1", "gate_bias": "biases2"}
        return (f"{_SCOPE}deconv{index}/{leaves[leaf]}",)
    stem = {
        "encoder": f"gconv{index}_ds",
        "dilated": f"co_conv{index}_dlt",
        "merging": f"gconv{_ENCODER + index}",
    }[kind]
    return f"{_SCOPE}{stem}/{leaf}", f"{_SCOPE}{stem}_g/{leaf}"


def generator_from_tf(arrays: Arrays, *, deconv_gate: str = "self") -> tuple[Generator, Variables]:
    """Returns (module, variables) with `module.apply(variables, conditions)`.

    arrays: the 93 variables of the authors' checkpoint by their names there, with or without
    ":0"; `jaxrepro.core.arrays.tensorflow_bundle.read_bundle` reads them. conditions: [B, H, W, 9]
    of `conditions.generator_input` with the channels of image and colour as in `CHANNEL_ORDER`; H
    and W are multiples of 128. The result is the whole picture in (-1, 1), in the same order.

    deconv_gate: "self" is the network as released; "shared_kernel" gives the second biases, which
    are without effect there, their meaning.

    Taps of the dilated layers that lay outside of the 4 x 4 map of training were never trained and
    become 0: at 512 pixels nothing changes, and larger pictures do not meet noise.

    Raises:
      InputError: an array is missing, not used, of the wrong shape or not finite; it is named.
    """
    if deconv_gate not in ("self", "shared_kernel"):
        raise InputError(
            f"deconv_gate={deconv_gate!r}: the published weights have gates 'self' (as released) "
            "or 'shared_kernel'"
        )
    arrays = {name.removesuffix(":0"): np.asarray(array) for name, array in arrays.items()}
    channels = shape_of(arrays, f"{_SCOPE}gconv1_ds/kernel", 4)[-1]
    module = Generator(
        width=channels,
        dilations=PUBLISHED_DILATIONS,
        deconvolution_gate=deconv_gate,
    )
    side = 2**module.halvings
    expected = jax.eval_shape(
        lambda: module.init(jax.random.key(0), jnp.zeros((1, side, side, GENERATOR_CHANNELS)))
    )
    structs = cast(
        Mapping[tuple[str, ...], jax.ShapeDtypeStruct],
        flax.traverse_util.flatten_dict(expected["params"]),
    )
    _check(arrays, structs)
    filled = {}
    for path in structs:
        parts = [arrays[name].astype(np.float32) for name in published_parts(path)]
        array = np.concatenate(parts, axis=-1)
        if path[-1] == "kernel" and path[0].startswith("dilated_"):
            array = without_dead_taps(array, PUBLISHED_DILATIONS[int(path[0].split("_")[1])])
        filled[path] = array
    return module, {"params": flax.traverse_util.unflatten_dict(filled)}


def without_dead_taps(kernel: np.ndarray, dilation: int) -> np.ndarray:
    """Returns a 3 x 3 kernel whose outer taps are 0 if they see padding alone in training."""
    if dilation < BOTTLENECK:
        return kernel
    middle = np.zeros_like(kernel)
    middle[1, 1] = kernel[1, 1]
    return middle


def _check(arrays: Arrays, structs: Mapping[tuple[str, ...], jax.ShapeDtypeStruct]) -> None:
    shapes = {}
    for path, struct in structs.items():
        parts = published_parts(path)
        *head, last = struct.shape
        shapes |= {name: (*head, last // len(parts)) for name in parts}
    problems = {
        "missing": sorted(set(shapes) - set(arrays)),
        "not used": sorted(set(arrays) - set(shapes)),
        "of the wrong shape": [
            f"{name} {arrays[name].shape} instead of {shape}"
            for name, shape in sorted(shapes.items())
            if name in arrays and arrays[name].shape != shape
        ],
        "not finite numbers": [
            name
            for name in sorted(set(shapes) & set(arrays))
            if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all()
        ],
    }
    found = [f"{problem}: {listed(which)}" for problem, which in problems.items() if which]
    if found:
        raise InputError(f"these arrays do not make the generator of SC-FEGAN. {'; '.join(found)}")
