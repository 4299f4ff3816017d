"""The BigGAN modules of TF-Hub: the names and layouts of their TensorFlow variables.

Their order of axes and pixels is ours; the condition of a norm is (z, class) there and
(class, z) here.
"""

import re
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from jaxrepro.core.arrays.published_arrays import (
    Arrays,
    Path,
    Variables,
    channel_multiplier,
    fill_variables,
    listed,
    shape_of,
)
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.model import Generator
from jaxrepro.papers.biggan.network.widths import GENERATOR_CHANNELS, SEED_SIDE, size_in_words

# Of the published modules, for all norms.
EPSILON = 1e-4

_FIRST = "Generator/G_Z/G_linear"
_OUTPUT_NORM = "Generator/ScaledCrossReplicaBN"
_MODULE_NAMES = {
    "first": _FIRST,
    "shared": "linear",
    "output_norm": _OUTPUT_NORM,
    "output_conv": "Generator/conv_2d",
    "conv_1": "conv0",
    "conv_2": "conv1",
    "shortcut": "conv_sc",
    "o": "o_conv",
}
# The linear maps inside a norm, then the moments beside it.
_NORM_NAMES = {"norm_1": ("HyperBN", "CrossReplicaBN"), "norm_2": ("HyperBN_1", "CrossReplicaBN_1")}
_LEAF_NAMES = {"kernel": "w", "embedding": "w", "bias": "b", "u": "u0"}
_MOMENT_NAMES = {"mean": "accumulated_mean", "var": "accumulated_var"}
# Kept by the modules beside what their outputs depend on: v of the singular vectors, which one
# step from u0 gives again, and how many batches the moments were averaged over.
_WITHOUT_EFFECT = ("u1", "u2", "accumulation_counter", "update_accumulators")


def plain_names(arrays: Arrays) -> dict[str, np.ndarray]:
    """Returns the arrays that outputs depend on, under TensorFlow's names without decoration.

    "module/linear/w/ema_b999900:0" becomes "linear/w": moving averages take the place of what
    they are averages of. Vectors that TensorFlow keeps as [1, ..., C] become [C].
    """
    plain: dict[str, np.ndarray] = {}
    averaged = set()
    for full, array in arrays.items():
        name = full.removeprefix("module/").partition(":")[0]
        name, average, _ = name.partition("/ema_")
        leaf = name.rpartition("/")[2]
        if leaf in _WITHOUT_EFFECT or (name in averaged and not average):
            continue
        if average:
            averaged.add(name)
        array = np.asarray(array)
        is_matrix = leaf == "w" or (array.ndim == 2 and "stack" in leaf)
        plain[name] = array if is_matrix else array.reshape(-1)
    return plain


def num_blocks(arrays: Arrays) -> int:
    """Returns how many "Generator/GBlock[_i]/" there are, by the largest number."""
    numbers = [re.match(r"Generator/GBlock(?:_(\d+))?/", name) for name in arrays]
    return max((int(match[1] or 0) + 1 for match in numbers if match), default=0)


def block_name(index: int | str) -> str:
    """Returns the name of a block; the first has no number."""
    return "Generator/GBlock" + (f"_{index}" if int(index) else "")


def generator_from_tfhub(
    arrays: Arrays, *, bn_epsilon: float = EPSILON, sn_epsilon: float = EPSILON
) -> tuple[Generator, Variables]:
    """Returns (module, variables) with `module.apply(variables, z, labels, train=False)`.

    arrays: the TensorFlow variables of a BigGAN module of 128, 256 or 512 pixels (not
    BigGAN-deep), by the names they have there. Resolution, width, latent size, classes and
    attention are read from names and shapes.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    arrays = plain_names(arrays)
    resolution = SEED_SIDE * 2 ** num_blocks(arrays)
    if resolution not in GENERATOR_CHANNELS:
        raise InputError(
            f"a generator of {num_blocks(arrays)} blocks would have {resolution} pixels; known are "
            f"{listed(GENERATOR_CHANNELS)}"
        )
    chunk, seed = shape_of(arrays, f"{_FIRST}/w", 2)
    num_classes, shared_dim = shape_of(arrays, "linear/w", 2)
    seed_unit, *widths = GENERATOR_CHANNELS[resolution]
    ch = channel_multiplier(f"the transpose of {_FIRST}/w", seed, SEED_SIDE**2 * seed_unit)
    module = Generator(
        resolution=resolution,
        ch=ch,
        dim_z=chunk * (len(widths) + 1),
        num_classes=num_classes,
        channels=shape_of(arrays, "Generator/conv_2d/w", 4)[-1],
        shared_dim=shared_dim,
        hierarchical=True,
        attention=_attention(arrays, ch, widths),
        bn_epsilon=bn_epsilon,
        sn_epsilon=sn_epsilon,
    )

    def layout_of(
        path: Path, shape: tuple[int, ...]
    ) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
        if path[-1] == "kernel" and path[-2] in ("gain", "bias"):
            return shape, lambda w: np.concatenate([w[chunk:], w[:chunk]])
        return shape or (1,), lambda array: array.reshape(shape)

    inputs = jnp.zeros((2, module.dim_z)), jnp.zeros((2,), jnp.int32)
    described = size_in_words(module)
    return module, fill_variables(module, inputs, arrays, _name, layout_of, described=described)


def _attention(arrays: Arrays, ch: int, widths: list[int]) -> tuple[int, ...]:
    """Returns the side of the maps with the attention's channels; names do not say it."""
    if "Generator/attention/theta/w" not in arrays:
        return ()
    channels = shape_of(arrays, "Generator/attention/theta/w", 4)[2]
    sides = [SEED_SIDE * 2 ** (i + 1) for i, width in enumerate(widths) if ch * width == channels]
    if len(sides) != 1:
        raise InputError(
            f"Generator/attention/theta/w is for maps of {channels} channels, which the sides "
            f"{sides or 'of no block'} have: its place is not known"
        )
    return tuple(sides)


def _name(path: Path) -> str | None:
    head, *rest, leaf = path
    if leaf == "sigma":  # Not published; for logs only.
        return None
    if head == "output_norm":
        if leaf in _MOMENT_NAMES:
            return f"{_OUTPUT_NORM}bn/{_MOMENT_NAMES[leaf]}"
        return f"{_OUTPUT_NORM}/{'gamma' if leaf == 'gain' else 'beta'}"
    kind, _, index = head.rpartition("_")
    if kind == "attentions":
        names = ["Generator/attention", *(_MODULE_NAMES.get(part, part) for part in rest)]
        return "/".join([*names, _LEAF_NAMES.get(leaf, leaf)])
    if kind != "blocks":
        return f"{_MODULE_NAMES[head]}/{_LEAF_NAMES[leaf]}"
    part, *inner = rest
    if part not in _NORM_NAMES:
        return f"{block_name(index)}/{_MODULE_NAMES[part]}/{_LEAF_NAMES[leaf]}"
    maps, moments = _NORM_NAMES[part]
    if leaf in _MOMENT_NAMES:
        return f"{block_name(index)}/{moments}/{_MOMENT_NAMES[leaf]}"
    which = {"gain": "gamma", "bias": "beta"}[inner[0]]
    return f"{block_name(index)}/{maps}/{which}/{_LEAF_NAMES[leaf]}"
