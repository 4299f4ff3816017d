"""The pose Task: its update against its parts, its settings, and what it refuses."""

import dataclasses
import json
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.update import optim
from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, heat_maps
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.papers.pyranet.network.networks import network_from_card
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.papers.pyranet.published import references
from jaxrepro.tasks.pose.inference.predictor import network_input
from tests.papers.pyranet.tiny_task import pose_config, pose_task


class TwoLayers(nn.Module):
    """Two stacks of one layer each, which compile in a second."""

    @nn.compact
    def __call__(self, images, *, train):
        x = BatchNormRelu()(nn.avg_pool(images, (4, 4), (4, 4)), train=train)
        return jnp.stack([BiasedConvolution(16)(x), BiasedConvolution(16)(x)])


def test_an_update_sums_the_stacks_and_averages_the_network():
    task = pose_task(**{"ema.decay": 0.75, "data.mean": "mpii"})
    predictor = dataclasses.replace(task.predictor, module=TwoLayers())
    task = dataclasses.replace(task, predictor=predictor)
    state = jax.jit(task.init)(jax.random.key(0))
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


def test_rates_of_the_published_configs():
    def rate(name, step):
        given = pose_task(name, "paper", **{"model.features": 8, "model.base_width": 2}).optim
        return float(optim.learning_rate(given)(step))

    # 22,246 people make 1,390 updates of 16, and 20,000 people 2,500 of 8.
    for step, expected in ((150 * 1390 - 1, 6.7e-4), (150 * 1390, 6.7e-5), (170 * 1390, 6.7e-6)):
        np.testing.assert_allclose(rate("pyranet", step), expected, rtol=1e-5)
    for step, expected in ((24_999, 2.5e-4), (25_000, 2.25e-4), (374_999, 2.5e-4 * 0.9**14)):
        np.testing.assert_allclose(rate("pyranet_article", step), expected, rtol=1e-5)
    config = pose_config("hourglass", "paper")
    assert (config.train.total_steps, config.train.batch_size) == (800_000, 6)
    assert (config.optim.name, config.optim.b2, config.optim.learning_rate) == (
        "rmsprop",
        0.99,
        2.5e-4,
    )


def test_published_figures_stand_beside_whole_networks_on_mpii_only():
    sizes = {"features": 256, "num_blocks": 1, "depth": 4}

    def rows(spec, **changes):
        pyramid = dataclasses.asdict(PyramidSettings("B", 9, 4))
        card = {"name": "pyranet", "num_stacks": 8, "pyramid": pyramid, **sizes, **changes}
        data = types.SimpleNamespace(validation=types.SimpleNamespace(spec=spec))
        return [(row.name, row.value) for row in references(card, data).rows]

    mpii = "mpii:valid.h5, all"
    assert rows(mpii) == [("validation/pckh@0.5", 90.27)]
    assert rows(mpii, num_stacks=2) == []
    for nothing in ({"pyramid": None}, {"features": 128}, {"num_stacks": 3}):
        assert rows(mpii, **nothing) == []
    assert rows("lsp:lsp, test") == []
    hourglass = {"name": "hourglass", "num_stacks": 2, **sizes}
    data = types.SimpleNamespace(validation=types.SimpleNamespace(spec=mpii))
    assert [row.value for row in references(hourglass, data).rows] == [86.95]


def test_the_control_has_no_pyramids_and_cards_make_the_networks_again():
    for variant, pyramid in (("test,block=res", None), ("test,block=C", "C")):
        task = pose_task("pyranet_article", variant)
        card = json.loads(json.dumps(task.model_card()))
        found = card["network"]["pyramid"]
        assert (found and found["variant"]) == pyramid
        again = network_from_card(card["network"])
        state = jax.eval_shape(task.init, jax.random.key(0))
        images = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
        scores = jax.eval_shape(
            lambda v, x, again=again: again.apply(
                v, x, train=False, rngs={"pooling": jax.random.key(0)}
            ),
            task.export(state)["model"],
            images,
        )
        assert scores.shape == (1, 1, 8, 8, len(card["joint_set"]["joints"]))


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
        pose_task(**changes)


def test_bfloat16_keeps_weights_and_losses_in_float32():
    task = pose_task(**{"model.dtype": "bfloat16"})
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    text = str(jax.make_jaxpr(lambda s, b: task.train_step(s, b)[1])(state, batch))
    assert "bf16[8,8,8,8]" in text
    after, logs = jax.eval_shape(task.train_step, state, batch)
    assert {x.dtype for x in jax.tree.leaves(after.nets["model"].params)} == {np.dtype("float32")}
    assert logs["loss/heat_maps"].dtype == np.float32
