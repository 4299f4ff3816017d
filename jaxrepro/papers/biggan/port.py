"""BigGAN weights published by the author's PyTorch code, as modules and variables of model.py.

The names are those of its state_dict. Files are read by the caller, for example with
`torch.load(path, weights_only=True)` or `numpy.load`.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.model import Discriminator, Generator
from jaxrepro.papers.biggan.widths import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    SEED_SIDE,
    discriminator_sides,
    generator_sides,
)

StateDict = Mapping[str, np.ndarray]
Variables = dict[str, Any]

# The author's output norm is built without the epsilon of the others and keeps the default.
_OUTPUT_BN_EPSILON = 1e-5

_MODULE_NAMES = {
    "first": "linear",
    "embedding": "embed",
    "conv_1": "conv1",
    "conv_2": "conv2",
    "shortcut": "conv_sc",
    "norm_1": "bn1",
    "norm_2": "bn2",
    "output_norm": "output_layer.0",
    "output_conv": "output_layer.2",
}
_LEAF_NAMES = {
    "kernel": "weight",
    "embedding": "weight",
    "u": "u0",
    "sigma": "sv0",
    "mean": "stored_mean",
    "var": "stored_var",
}


def generator_from_pytorch(
    state_dict: StateDict, *, bn_epsilon: float = 1e-5, sn_epsilon: float = 1e-6
) -> tuple[Generator, Variables]:
    """Returns (module, variables) with `module.apply(variables, z, labels, train=False)`.

    state_dict: the arrays of the author's G or G_ema. Resolution, width, latent size, classes,
    sharing, hierarchy and attention are read from names and shapes; the two epsilons, which no
    array shows, are those that the network was trained with (the defaults are those of the
    author's ImageNet script).

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    num_blocks = _num_blocks(state_dict)
    resolution = SEED_SIDE * 2**num_blocks
    if resolution not in GENERATOR_CHANNELS:
        raise InputError(
            f"a generator of {num_blocks} blocks would have {resolution} pixels; known are "
            f"{_listed(GENERATOR_CHANNELS)}"
        )
    seed_rows, chunk = _shape(state_dict, "linear.weight", 2)
    table_rows, condition = _shape(state_dict, "blocks.0.0.bn1.gain.weight", 2)
    if "shared.weight" in state_dict:
        num_classes, shared_dim = _shape(state_dict, "shared.weight", 2)
        if condition not in (shared_dim, shared_dim + chunk):
            raise InputError(
                f"blocks.0.0.bn1.gain.weight has {condition} columns; with shared.weight of "
                f"{shared_dim} columns and linear.weight of {chunk} it must have {shared_dim}, "
                f"or {shared_dim + chunk} in a hierarchical network"
            )
        hierarchical = condition != shared_dim
    else:
        num_classes, shared_dim, hierarchical = table_rows, 0, False
    module = Generator(
        resolution=resolution,
        ch=_multiplier(
            "linear.weight", seed_rows, SEED_SIDE * SEED_SIDE * GENERATOR_CHANNELS[resolution][0]
        ),
        dim_z=chunk * (num_blocks + 1) if hierarchical else chunk,
        num_classes=num_classes,
        channels=_shape(state_dict, "output_layer.2.weight", 4)[0],
        shared_dim=shared_dim,
        hierarchical=hierarchical,
        attention=_attention(state_dict, generator_sides(resolution)),
        bn_epsilon=bn_epsilon,
        sn_epsilon=sn_epsilon,
        output_bn_epsilon=_OUTPUT_BN_EPSILON,
    )
    block_of_side = {str(side): i for i, side in enumerate(generator_sides(resolution))}
    inputs = jnp.zeros((2, module.dim_z)), jnp.zeros((2,), jnp.int32)
    return module, _variables(module, inputs, block_of_side, state_dict)


def discriminator_from_pytorch(
    state_dict: StateDict, *, sn_epsilon: float = 1e-6
) -> tuple[Discriminator, Variables]:
    """Returns (module, variables) with `module.apply(variables, images, labels, train=False)`.

    state_dict: the arrays of the author's D; everything but the epsilon is read from them, as
    in `generator_from_pytorch`.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    num_blocks = _num_blocks(state_dict)
    by_depth = {len(widths): side for side, (widths, _) in DISCRIMINATOR_CHANNELS.items()}
    if num_blocks not in by_depth:
        raise InputError(
            f"a discriminator of {num_blocks} blocks: known are those of {_listed(by_depth)}"
        )
    resolution = by_depth[num_blocks]
    width, channels, *_ = _shape(state_dict, "blocks.0.0.conv1.weight", 4)
    module = Discriminator(
        resolution=resolution,
        ch=_multiplier("blocks.0.0.conv1.weight", width, DISCRIMINATOR_CHANNELS[resolution][0][0]),
        num_classes=_shape(state_dict, "embed.weight", 2)[0],
        channels=channels,
        attention=_attention(state_dict, discriminator_sides(resolution)),
        sn_epsilon=sn_epsilon,
    )
    images = jnp.zeros((2, resolution, resolution, channels))
    block_of_index = {str(i): i for i in range(num_blocks)}
    inputs = images, jnp.zeros((2,), jnp.int32)
    return module, _variables(module, inputs, block_of_index, state_dict)


def _listed(items) -> str:
    return ", ".join(map(str, sorted(items)))


def _num_blocks(state_dict: StateDict) -> int:
    numbers = {name.split(".")[1] for name in state_dict if name.startswith("blocks.")}
    if not numbers:
        raise InputError(
            "no array is named blocks.*: this is not a state_dict of BigGAN-PyTorch; it has "
            f"{', '.join(list(state_dict)[:5]) or 'no arrays'}"
        )
    return len(numbers)


def _shape(state_dict: StateDict, name: str, rank: int) -> tuple[int, ...]:
    if name not in state_dict:
        raise InputError(f"the array {name} is missing")
    shape = tuple(state_dict[name].shape)
    if len(shape) != rank:
        raise InputError(f"{name} has shape {shape}: it must have {rank} axes")
    return shape


def _multiplier(name: str, size: int, unit: int) -> int:
    if size % unit:
        raise InputError(f"{name} has {size} rows, which must be a multiple of {unit}")
    return size // unit


def _attention(state_dict: StateDict, sides: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        sorted({side for i, side in enumerate(sides) if f"blocks.{i}.1.gamma" in state_dict})
    )


def _published_name(path: tuple[str, ...], attention_blocks: Mapping[str, int]) -> str:
    """Returns the author's name of the variable at that path of a collection."""
    *modules, leaf = path
    names = []
    for module in modules:
        kind, _, index = module.rpartition("_")
        if kind == "blocks":
            names.append(f"blocks.{index}.0")
        elif kind == "attentions":
            names.append(f"blocks.{attention_blocks[index]}.1")
        elif module != "normalize":
            names.append(_MODULE_NAMES.get(module, module))
    return ".".join([*names, _LEAF_NAMES.get(leaf, leaf)])


def _layout(
    path: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
    """Returns the author's shape of our variable, and the map from that layout to ours."""
    leaf = path[-1]
    if leaf == "kernel" and len(shape) == 4:
        height, width, inputs, outputs = shape
        return (outputs, inputs, height, width), lambda array: array.transpose(2, 3, 1, 0)
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


def _variables(
    module: Generator | Discriminator,
    inputs: tuple[jax.Array, ...],
    attention_blocks: Mapping[str, int],
    state_dict: StateDict,
) -> Variables:
    """Returns the module's variables, each filled from the array of its published name."""
    expected: Any = jax.eval_shape(
        lambda key: module.init(key, *inputs, train=False), jax.random.key(0)
    )
    filled, names, missing, misshapen = {}, set(), [], []
    structs = cast(Mapping[tuple[str, ...], Any], flax.traverse_util.flatten_dict(expected))
    for (collection, *path), struct in structs.items():
        name = _published_name(tuple(path), attention_blocks)
        names.add(name)
        if name not in state_dict:
            missing.append(name)
            continue
        array = np.asarray(state_dict[name])
        published, to_ours = _layout(tuple(path), struct.shape)
        if array.shape != published:
            misshapen.append(f"{name} {array.shape} instead of {published}")
        else:
            filled[(collection, *path)] = jnp.asarray(to_ours(array), struct.dtype)
    problems = {
        "missing": sorted(missing),
        "of the wrong shape": sorted(misshapen),
        "not used": sorted(set(state_dict) - names),
    }
    found = [f"{problem}: {', '.join(which)}" for problem, which in problems.items() if which]
    if found:
        raise InputError(
            f"these arrays do not make a {type(module).__name__} of {module.resolution} pixels "
            f"with ch {module.ch}. " + "; ".join(found)
        )
    return flax.traverse_util.unflatten_dict(filled)
