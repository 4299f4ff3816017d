"""Hugging Face's PyTorch code for BigGAN-deep: the names and layouts of its state_dict.

Its spectral norm keeps both singular vectors and makes no step from them in evaluation: kernels
are divided by u^T W v here, once, and the module divides no more. The condition of a norm is
(z, class) there and (class, z) here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import flax
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
from jaxrepro.papers.biggan.network.deep import DeepGenerator
from jaxrepro.papers.biggan.network.widths import GENERATOR_CHANNELS, SEED_SIDE, size_in_words

# Of the published models, for all norms.
EPSILON = 1e-4
# Blocks of a stage, in all published models.
_DEPTH = 2

_MODULE_NAMES = {
    "first": "generator.gen_z",
    "shared": "embeddings",
    "output_norm": "generator.bn",
    "output_conv": "generator.conv_to_rgb",
    "gain": "scale",
    "bias": "offset",
    "theta": "snconv1x1_theta",
    "phi": "snconv1x1_phi",
    "g": "snconv1x1_g",
    "o": "snconv1x1_o_conv",
}
_MOMENT_NAMES = {"mean": "running_means", "var": "running_vars"}


def generator_from_huggingface(
    state_dict: Arrays, *, bn_epsilon: float = EPSILON
) -> tuple[DeepGenerator, Variables, dict[str, Any]]:
    """Returns (module, variables, table) with `module.apply(variables, z, labels, train=False)`.

    state_dict: the arrays of a BigGAN-deep generator. Resolution, width, latent size, classes
    and attention are read from names and shapes. table: the standing statistics, for scaled
    truncations evenly from 0 to 1, in the form of `standing_table.py`; the variables have those of
    truncation 1.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    arrays = _divided(state_dict)
    layers = _layers(arrays)
    blocks = [index for index, kind in sorted(layers.items()) if kind == "block"]
    stages, rest = divmod(len(blocks), _DEPTH)
    resolution = SEED_SIDE * 2**stages
    if rest or resolution not in GENERATOR_CHANNELS:
        raise InputError(
            f"generator.layers has {len(blocks)} blocks; known are {_DEPTH} for each doubling of "
            f"the side, to {listed(GENERATOR_CHANNELS)} pixels"
        )
    seed, condition = shape_of(arrays, "generator.gen_z.weight", 2)
    shared_dim, num_classes = shape_of(arrays, "embeddings.weight", 2)
    num_levels, output_width = shape_of(arrays, "generator.bn.running_means", 2)
    seed_unit, *widths = GENERATOR_CHANNELS[resolution]
    ch = channel_multiplier("generator.gen_z.weight_orig", seed, SEED_SIDE**2 * seed_unit)
    if output_width != ch * widths[-1] or num_levels < 2 or condition <= shared_dim:
        raise InputError(
            f"generator.bn.running_means is {(num_levels, output_width)}, embeddings.weight "
            f"{(shared_dim, num_classes)} and generator.gen_z.weight_orig {(seed, condition)}: "
            f"these do not fit together in a generator of {resolution} pixels"
        )
    dim_z = condition - shared_dim
    attention = {layer: _side_before(layers, layer) for layer in _attention_layers(layers)}
    module = DeepGenerator(
        resolution=resolution,
        ch=ch,
        dim_z=dim_z,
        num_classes=num_classes,
        output_channels=shape_of(arrays, "generator.conv_to_rgb.weight", 4)[0],
        shared_dim=shared_dim,
        attention=tuple(sorted(attention.values())),
        bn_epsilon=bn_epsilon,
        depth=_DEPTH,
        spectral=False,
    )
    layer_of = {f"attentions_{side}": layer for layer, side in attention.items()}
    layer_of |= {f"blocks_{i}": layer for i, layer in enumerate(blocks)}

    def name_of(path: Path) -> str:
        return _name(path, layer_of)

    def layout_of(
        path: Path, shape: tuple[int, ...]
    ) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
        leaf = path[-1]
        if leaf in _MOMENT_NAMES:
            return (num_levels, *shape), lambda rows: rows[-1]
        if leaf == "embedding":
            return shape[::-1], np.transpose
        if leaf == "kernel" and len(shape) == 4:
            published = (shape[3], shape[2], shape[0], shape[1])
            return published, lambda w: w.transpose(2, 3, 1, 0)
        if leaf == "kernel":
            # Rows of ours: those of the class vector, then those of z.
            return shape[::-1], lambda w: np.concatenate([w[:, dim_z:], w[:, :dim_z]], axis=1).T
        return shape or (1,), lambda array: array.reshape(shape)

    inputs = jnp.zeros((2, dim_z)), jnp.zeros((2,), jnp.int32)
    variables = fill_variables(
        module, inputs, arrays, name_of, layout_of, described=size_in_words(module)
    )
    moments = flax.traverse_util.flatten_dict(variables["batch_stats"])
    rows = {path: np.asarray(arrays[name_of(path)], np.float32) for path in moments}
    table = {
        "truncation": np.linspace(0, 1, num_levels),
        "batch_stats": flax.traverse_util.unflatten_dict(rows),
    }
    return module, variables, table


def _divided(state_dict: Arrays) -> dict[str, np.ndarray]:
    """Returns the arrays with "x.weight_orig", "x.weight_u" and "x.weight_v" made "x.weight"."""
    arrays = {}
    for name, array in state_dict.items():
        base, _, leaf = name.rpartition(".")
        if leaf == "weight_orig":
            parts = {}
            for part in ("u", "v"):
                if f"{base}.weight_{part}" not in state_dict:
                    raise InputError(f"these arrays are missing: {base}.weight_{part}")
                parts[part] = np.asarray(state_dict[f"{base}.weight_{part}"], np.float64)
            weight = np.asarray(array, np.float64)
            matrix = weight.reshape(len(weight), -1)
            if (parts["u"].shape, parts["v"].shape) != (matrix.shape[:1], matrix.shape[1:]):
                raise InputError(
                    f"{name} is {weight.shape}: {base}.weight_u must be {matrix.shape[:1]} and is "
                    f"{parts['u'].shape}, {base}.weight_v must be {matrix.shape[1:]} and is "
                    f"{parts['v'].shape}"
                )
            arrays[f"{base}.weight"] = weight / (parts["u"] @ matrix @ parts["v"])
        elif leaf not in ("weight_u", "weight_v") or f"{base}.weight_orig" not in state_dict:
            arrays[name] = np.asarray(array)
    return arrays


def _layers(arrays: Arrays) -> dict[int, str]:
    """Returns "block" or "attention" by the index in generator.layers."""
    layers = {}
    for name in arrays:
        if match := re.match(r"generator\.layers\.(\d+)\.", name):
            is_attention = name[match.end() :].startswith(("snconv1x1_", "gamma"))
            layers[int(match[1])] = "attention" if is_attention else "block"
    if not layers:
        raise InputError(
            "no array is named generator.layers.*: this is not a state_dict of Hugging Face's "
            f"BigGAN; it has {', '.join(list(arrays)[:5]) or 'no arrays'}"
        )
    return layers


def _attention_layers(layers: Mapping[int, str]) -> list[int]:
    return [index for index, kind in layers.items() if kind == "attention"]


def _side_before(layers: Mapping[int, str], layer: int) -> int:
    """Returns the side of the maps that the attention at `layer` sees."""
    before = sum(kind == "block" for index, kind in layers.items() if index < layer)
    if before % _DEPTH:
        raise InputError(f"generator.layers.{layer} is attention within a stage; known is after it")
    return SEED_SIDE * 2 ** (before // _DEPTH)


def _name(path: Path, layer_of: Mapping[str, int]) -> str:
    """Returns the published name of one of our variables, after `_divided`."""
    *modules, leaf = path
    names = []
    for module in modules:
        part, _, index = module.rpartition("_")
        if module in layer_of:
            names.append(f"generator.layers.{layer_of[module]}")
        elif part in ("norm", "conv"):
            names.append(f"{'bn' if part == 'norm' else part}_{int(index) - 1}")
        elif module != "normalize":
            names.append(_MODULE_NAMES[module])
    if (modules == ["output_norm"] and leaf == "gain") or leaf in ("kernel", "embedding"):
        leaf = "weight"
    return ".".join([*names, _MOMENT_NAMES.get(leaf, leaf)])
