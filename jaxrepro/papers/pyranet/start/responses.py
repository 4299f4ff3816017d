"""Variances along a network at its start: of the responses, and of the loss's gradients by them.

Nothing in the modules knows of it: what they return is noted, and shifted by zeros to whose
gradients those of the responses belong, where Flax calls them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.nn.blocks.hourglass import Hourglass
from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidResidual

# Of a network: {name: a response's [B, H, W, C]}.
Responses = dict[str, jax.Array]
Measures = Mapping[str, Mapping[str, jax.Array]]

_BLOCKS = (PreactivationBottleneck, PyramidResidual)
_DECODER = re.compile(r"(hourglass_\d+)/decoder_(\d+)_0")
_RETURN = re.compile(r"score_return_(\d+)")
_PROJECTION = re.compile(r"(feature_conv|score)_\d+")


class _Notes:
    """What the layers return, by name, in the order in which it is made.

    "stem_2", "hourglass_0/skip_4_0" and the like are blocks. "hourglass_0/merge_3" is the sum of
    skip and upsampled maps on level 3, "stack_1" what the second stack begins with, "score_0" the
    maps of the first. shifts: added to responses of these names.
    """

    def __init__(self, shifts: Mapping[str, jax.Array]):
        self.responses: Responses = {}
        self._shifts = shifts

    def __call__(self, call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        path = "/".join(module.path)
        if context.method_name != "__call__" or len(module.path) not in (1, 2):
            return call(*args, **kwargs)
        if (merged := _DECODER.fullmatch(path)) and int(merged[2]) > 1:
            name = f"{merged[1]}/merge_{int(merged[2]) - 1}"
            args = (self._noted(name, args[0]), *args[1:])
        if isinstance(module, Hourglass):
            if number := int(path.removeprefix("hourglass_")):
                self.responses[_stack(number)] = args[0]
            return self._noted(f"{path}/merge_{module.depth}", call(*args, **kwargs))
        y = call(*args, **kwargs)
        if returned := _RETURN.fullmatch(path):
            # What this is added to, the next stack's input, has the same gradient.
            return y + self._shifts.get(_stack(int(returned[1]) + 1), 0)
        if isinstance(module, _BLOCKS) or _PROJECTION.fullmatch(path):
            return self._noted(path, y)
        return y

    def _noted(self, name: str, y: jax.Array) -> jax.Array:
        y = y + self._shifts.get(name, 0)
        self.responses[name] = y
        return y


def _stack(number: int) -> str:
    return f"stack_{number}"


def _without_scores(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
    """Replaces the maps of a StackedHourglass by zeros."""
    y = call(*args, **kwargs)
    path = context.module.path
    return jnp.zeros_like(y) if len(path) == 1 and path[0].startswith("score_") else y


def response_names(run: Callable[..., Any], *arguments: Any) -> tuple[str, ...]:
    """Returns the names of the responses that `run` makes, in the order of their making.

    The functions below lose it where they are compiled. `run` is only traced, and its arguments
    may be shapes alone.
    """
    notes = _Notes({})
    with nn.intercept_methods(notes):
        jax.eval_shape(run, *arguments)
    return tuple(notes.responses)


def response_variances(run: Callable[[], Any]) -> dict[str, jax.Array]:
    """Returns the variance of each response that `run` makes, by name, float32 [].

    Over examples, places and channels.
    """
    notes = _Notes({})
    with nn.intercept_methods(notes):
        run()
    return _variances(notes.responses)


def _variances(responses: Responses) -> dict[str, jax.Array]:
    return {name: jnp.var(y.astype(jnp.float32)) for name, y in responses.items()}


def network_measures(
    loss: Callable[[Any], jax.Array], params: Any, optim: OptimizerSpec
) -> Measures:
    """Returns, at the first update of a StackedHourglass, all float32 []:

    "responses" and "gradients": by the names of the responses, their variance and the mean square
    of the loss's gradient by them. "loss": the "loss" itself, and that of
    empty maps, "of_empty_maps". "steps": by the path of a kernel, how far the optimiser's first
    step moves it, as a share of its own length.

    loss: from the params, with the statistics of the batch.
    """

    def shifted(shifts: Any, params: Any) -> tuple[jax.Array, Responses]:
        notes = _Notes(shifts)
        with nn.intercept_methods(notes):
            return loss(params), notes.responses

    # Zeros of all responses' shapes.
    shapes = jax.eval_shape(lambda: shifted({}, params)[1])
    shifts = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), dict(shapes))
    (value, responses), (of_responses, of_params) = jax.value_and_grad(
        shifted, argnums=(0, 1), has_aux=True
    )(shifts, params)
    with nn.intercept_methods(_without_scores):
        of_empty_maps = loss(params)
    optimizer = make_optimizer(optim, params)
    updates, _ = optimizer.update(of_params, optimizer.init(params), params)
    kernels: dict[str, Any] = flax.traverse_util.flatten_dict(params, sep="/")
    moves: dict[str, Any] = flax.traverse_util.flatten_dict(updates, sep="/")
    return {
        "responses": _variances(responses),
        "gradients": {
            name: jnp.mean(jnp.square(of_responses[name].astype(jnp.float32))) for name in responses
        },
        "loss": {"loss": value, "of_empty_maps": of_empty_maps},
        "steps": {
            path: jnp.sqrt(jnp.sum(moves[path] ** 2) / jnp.sum(kernel**2))
            for path, kernel in kernels.items()
            if path.endswith("/kernel")
        },
    }
