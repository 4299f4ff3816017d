"""The pose Task: its update against its parts, its settings, and what it refuses."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, heat_maps
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.tasks.pose.inference.predictor import network_input
from tests import runs
from tests.tasks.pose.tiny_pose import tiny_task


class TwoLayers(nn.Module):
    """Two stacks of one layer each, which compile in a second."""

    @nn.compact
    def __call__(self, images, *, train):
        x = BatchNormRelu()(nn.avg_pool(images, (4, 4), (4, 4)), train=train)
        return jnp.stack([BiasedConvolution(16)(x), BiasedConvolution(16)(x)])


def test_an_update_sums_the_stacks_and_averages_the_network():
    task = tiny_task(**{"ema.decay": 0.75, "data.mean": "mpii"})
    task = dataclasses.replace(task, module=TwoLayers())
    state = runs.first_state(task.init, jax.random.key(0))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()

    @jax.jit
    def both(state, batch):
        net = state.nets["model"]
        scores, stats = task.module.apply(
            net.variables,
            network_input(batch["image"], "mpii"),
            train=True,
            mutable=["batch_stats"],
        )
        return task.train_step(state, batch), scores, stats

    (after, logs), scores, stats = both(state, batch)
    targets = heat_maps(batch["joints"] / 4, batch["labelled"], 8, HEAT_MAP_STYLES["torch"])
    errors = ((np.asarray(scores, np.float64) - targets) ** 2).mean(axis=(1, 2, 3, 4))
    assert len(errors) == 2
    assert targets.max() > 0.9
    np.testing.assert_allclose(logs["loss/heat_maps"], errors.sum(), rtol=1e-5)
    np.testing.assert_allclose(logs["loss/heat_maps_last_stack"], errors[1], rtol=1e-5)
    for ours, expected in zip(
        jax.tree.leaves(after.nets["model"].stats), jax.tree.leaves(stats), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    for average, old, new in zip(
        *(jax.tree.leaves(x) for x in (after.ema["model"], state.ema["model"])),
        jax.tree.leaves(after.nets["model"].variables),
        strict=True,
    ):
        np.testing.assert_allclose(average, 0.75 * old + 0.25 * new, rtol=1e-5, atol=1e-6)
    exported = task.export(after)["model"]
    assert jax.tree.leaves(exported)[0] is jax.tree.leaves(after.ema["model"])[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.size": 36}, "data.size is 36; with model.depth=1 give a multiple of 8"),
        ({"data.source": "people"}, "unknown pose data 'people'"),
        ({"data.padding": "none"}, "data.padding is 'none'; allowed: 'by_set', 'mpii'"),
        ({"ema.decay": 1.0}, "ema.decay is 1.0; it must be below 1"),
        ({"loss.heat_maps": "hrnet"}, "loss.heat_maps=hrnet and eval.decode=torch differ by half"),
        ({"loss.weights": "all"}, "loss.weights is 'all'; allowed: 'torch'"),
    ],
)
def test_settings_that_do_not_fit(changes, message):
    with pytest.raises(InputError, match=message):
        tiny_task(**changes)


def test_bfloat16_keeps_weights_and_losses_in_float32():
    task = tiny_task(**{"model.dtype": "bfloat16"})
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    text = str(jax.make_jaxpr(lambda s, b: task.train_step(s, b)[1])(state, batch))
    assert "bf16[8,8,8,8]" in text
    after, logs = jax.eval_shape(task.train_step, state, batch)
    assert {x.dtype for x in jax.tree.leaves(after.nets["model"].params)} == {np.dtype("float32")}
    assert logs["loss/heat_maps"].dtype == np.float32
