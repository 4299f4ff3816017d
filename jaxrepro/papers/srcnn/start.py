"""Weights to begin training from, instead of random ones: those of a trained network.

A network of the same kind is copied. A luma network can also start one of R, G and B. The article
did so and gives no recipe; these are ours:

- "luma": every filter of the first layer sees the luma of R, G, B, and the last layer gives its
  one result to R, G and B. At the start each channel is the super-resolved grey picture.
- "mean": the same with the mean of R, G, B in place of their luma.
- "block": three copies side by side, one a channel, in a network three times as wide. At the start
  each channel is super-resolved by itself; training then fills the weights between the copies.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Params
from jaxrepro.data.formats.ycbcr import LUMA_WEIGHTS
from jaxrepro.papers.srcnn.network.model import FSRCNN, SRCNN
from jaxrepro.papers.srcnn.pairs.color_strategy import ColorStrategy
from jaxrepro.papers.srcnn.trained import Trained, load_trained


def starting_params(
    settings: Settings, module: Any, *, scale: int, strategy: ColorStrategy
) -> Params | None:
    """Returns the parameters that the section `start` of a config describes, None for random ones.

    weights: a path, see `trained.load_trained`, or "". module: the network to be trained. Raises
    InputError if the strategy needs a start and there is none, the file cannot be read, or its
    network does not fit.

    Read whenever the config is, as the training pictures are; a run that continues takes its
    weights from its checkpoint.
    """
    mix = settings.one_of("mix", tuple(_MIXES))
    if mix != _DEFAULT_MIX and not strategy.from_luma:
        raise InputError(
            f"start.mix={mix} given; only data.color=rgb-from-y mixes, the others take "
            f"{_DEFAULT_MIX!r}"
        )
    if settings.weights:
        # FSRCNN's parameters have the same shapes for all scales: one trunk serves them all.
        wanted = None if isinstance(module, FSRCNN) else scale
        trained = load_trained(settings.weights, wanted)
        return started_params(trained, module, strategy, mix)
    if strategy.from_luma:
        raise InputError(
            "data.color=rgb-from-y begins with a network of luma; give the path of its run, export "
            "or .mat file as --config.start.weights=PATH"
        )
    return None


def started_params(trained: Trained, module: Any, strategy: ColorStrategy, mix: str) -> Params:
    """Returns the parameters, float32 numpy, with which `module` begins where `trained` is.

    mix: "luma", "mean" or "block", of use only from luma to RGB. Raises InputError if the two
    networks do not fit.
    """
    wanted = "y" if strategy.from_luma else strategy.planes
    if trained.color != wanted:
        raise InputError(
            f"start.weights: {trained.origin} is a network of {trained.color}; this config begins "
            f"with one of {wanted}" + ("" if wanted != "rgb" else ", or has data.color=rgb-from-y")
        )
    params = jax.tree.map(np.asarray, dict(trained.variables["params"]))
    advice = "the same kernels and widths"
    if strategy.from_luma:
        for one in (trained.module, module):
            if not isinstance(one, SRCNN):
                raise InputError(f"data.color=rgb-from-y is for SRCNN, not for {one!r}")
        params = _MIXES[mix](params, trained.module.layer_names)
        if mix == "block":
            widths = tuple(3 * width for width in trained.module.widths)
            advice = f"the same kernels and, for the mix 'block', model.widths={widths}"
    _check_fit(params, module, trained.origin, advice)
    return params


def _same_on_all(params: Params, layers: tuple[str, ...], weights: np.ndarray) -> Params:
    """Returns parameters that see the weighted sum of R, G, B and give all three its result."""
    first, last = params[layers[0]], params[layers[-1]]
    return {
        **params,
        layers[0]: {**first, "kernel": first["kernel"] * weights[:, None].astype(np.float32)},
        layers[-1]: {
            "kernel": np.repeat(last["kernel"], 3, axis=-1),
            "bias": np.repeat(last["bias"], 3),
        },
    }


def _block_diagonal(params: Params, layers: tuple[str, ...]) -> Params:
    """Returns the parameters of three copies side by side."""

    def blocks(kernel: np.ndarray) -> np.ndarray:
        height, width, inputs, outputs = kernel.shape
        result = np.zeros((height, width, 3, inputs, 3, outputs), kernel.dtype)
        for copy in range(3):
            result[:, :, copy, :, copy] = kernel
        return result.reshape(height, width, 3 * inputs, 3 * outputs)

    return {
        name: {"kernel": blocks(params[name]["kernel"]), "bias": np.tile(params[name]["bias"], 3)}
        for name in layers
    }


_DEFAULT_MIX = "luma"
_MIXES: dict[str, Callable[[Params, tuple[str, ...]], Params]] = {
    "luma": lambda params, layers: _same_on_all(params, layers, LUMA_WEIGHTS),
    "mean": lambda params, layers: _same_on_all(params, layers, np.full(3, 1 / 3)),
    "block": _block_diagonal,
}


def _check_fit(params: Params, module: Any, origin: str, advice: str) -> None:
    side = 2 * module.margin + 1
    x = jax.ShapeDtypeStruct((1, side, side, module.channels), np.float32)
    wanted = _shapes(jax.eval_shape(module.init, jax.random.key(0), x)["params"])
    given = _shapes(params)
    names = [name for name in {**given, **wanted} if given.get(name) != wanted.get(name)]
    if names:
        differing = ", ".join(
            f"{name} is {given.get(name, 'absent')}, wanted {wanted.get(name, 'absent')}"
            for name in names
        )
        raise InputError(
            f"start.weights: {origin} does not fit the network of the config ({differing}); "
            f"give {advice}"
        )


def _shapes(params: Any) -> dict[str, tuple[int, ...]]:
    return {leaf_path(path): x.shape for path, x in jax.tree_util.tree_flatten_with_path(params)[0]}
