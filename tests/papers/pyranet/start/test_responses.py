"""What is noted along a network: against Flax's own record of it and gradients by hand."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.nn.blocks.hourglass import Hourglass
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.papers.pyranet.start.responses import network_measures, response_names
from tests import runs

ADAM = OptimizerSpec(name="adam", learning_rate=1e-2, total_steps=10)
NETWORK = StackedHourglass(num_stacks=2, features=8, num_joints=2, depth=1, wide_stem=False)
IMAGES = np.random.default_rng(0).standard_normal((2, 16, 16, 3)).astype(np.float32)


class Linear(nn.Module):
    """Two layers named as an hourglass's."""

    @nn.compact
    def __call__(self, x):
        y = BiasedConvolution(4, name="feature_conv_0")(x)
        return BiasedConvolution(2, name="score_0")(y)


def test_gradients_by_hand():
    x = np.random.default_rng(1).standard_normal((2, 3, 3, 5)).astype(np.float32)
    params = runs.initialised(Linear(), jax.random.key(0), x)["params"]

    @jax.jit
    def run(params):
        return network_measures(
            lambda params: jnp.sum((Linear().apply({"params": params}, x) - 1) ** 2), params, ADAM
        )

    measures, params = jax.device_get((run(params), params))
    first, last = params["feature_conv_0"], params["score_0"]
    y = x @ first["kernel"][0, 0] + first["bias"]
    scores = y @ last["kernel"][0, 0] + last["bias"]
    by_scores = 2 * (scores - 1)
    by_y = by_scores @ last["kernel"][0, 0].T
    want = {"feature_conv_0": (y, by_y), "score_0": (scores, by_scores)}
    assert set(measures["responses"]) == set(measures["gradients"]) == set(want)
    for name, (response, gradient) in want.items():
        assert measures["responses"][name] == pytest.approx(np.var(response), rel=1e-5)
        assert measures["gradients"][name] == pytest.approx(np.mean(gradient**2), rel=1e-5)
    assert measures["loss"]["loss"] == pytest.approx(np.sum((scores - 1) ** 2), rel=1e-5)
    assert measures["loss"]["of_empty_maps"] == pytest.approx(36)
    # Adam first moves every weight by its rate.
    for name, layer in (("feature_conv_0/kernel", first), ("score_0/kernel", last)):
        want = 1e-2 / np.sqrt(np.mean(layer["kernel"] ** 2))
        assert measures["steps"][name] == pytest.approx(want, rel=1e-3)
    assert len(measures["steps"]) == 2


def test_names_in_order_of_depth():
    shapes = jax.eval_shape(lambda: NETWORK.init(jax.random.key(0), IMAGES, train=False))
    deeper = NETWORK.clone(depth=2, num_stacks=1)
    deep_shapes = jax.eval_shape(lambda: deeper.init(jax.random.key(0), IMAGES, train=False))
    names = response_names(lambda v: NETWORK.apply(v, IMAGES, train=False), shapes)
    stem = ("stem_1", "stem_2", "stem_3")
    parts = ("skip_1_0", "encoder_1_0", "bottom_1_0", "decoder_1_0", "merge_1")
    stacks = [
        (*(f"hourglass_{i}/{part}" for part in parts), f"after_{i}_0", f"feature_conv_{i}")
        for i in range(2)
    ]
    assert names == (*stem, *stacks[0], "score_0", "stack_1", *stacks[1], "score_1")
    names = response_names(lambda v: deeper.apply(v, IMAGES, train=False), deep_shapes)
    inside = [name.partition("/")[2] for name in names if "/" in name]
    assert inside == [
        *("skip_2_0", "encoder_2_0", "skip_1_0", "encoder_1_0", "bottom_1_0"),
        *("decoder_1_0", "merge_1", "decoder_2_0", "merge_2"),
    ]


def test_sums_of_branches_and_their_gradients():
    """The sum of an hourglass, and the input of the second, whose gradient all of it has."""
    variables = jax.jit(NETWORK.init, static_argnames="train")(
        jax.random.key(0), IMAGES, train=False
    )

    def apply(params, **options):
        return NETWORK.apply(
            {**variables, "params": params}, IMAGES, train=True, mutable=True, **options
        )

    def loss(params):
        return jnp.sum(apply(params)[0] ** 2)

    def shifted_loss(shift):
        def add(call, args, kwargs, context):
            second = isinstance(context.module, Hourglass) and context.module.name == "hourglass_1"
            return call(args[0] + shift, **kwargs) if second else call(*args, **kwargs)

        with nn.intercept_methods(add):
            return loss(variables["params"])

    # Optimising a program that runs once takes longer than running it.
    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def both(params):
        _, state = apply(params, capture_intermediates=True)
        gradient = jax.grad(shifted_loss)(jnp.zeros((2, 4, 4, 8)))
        return network_measures(loss, params, ADAM), state["intermediates"], gradient

    measures, made, gradient = jax.device_get(both(variables["params"]))

    def of(*names):
        return functools.reduce(lambda tree, name: tree[name], names, made)["__call__"][0]

    skip, below = of("hourglass_0", "skip_1_0"), of("hourglass_0", "decoder_1_0")
    merged = skip + below.repeat(2, axis=1).repeat(2, axis=2)
    begins = of("stem_3") + of("feature_return_0") + of("score_return_0")
    want = {"hourglass_0/merge_1": merged, "stack_1": begins, "stem_3": of("stem_3")}
    for name, response in want.items():
        assert measures["responses"][name] == pytest.approx(np.var(response), rel=1e-4)
    assert measures["gradients"]["stack_1"] == pytest.approx(np.mean(gradient**2), rel=1e-3)
