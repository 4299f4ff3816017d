"""Training that begins with trained weights."""

import itertools

import chex
import jax
import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from jaxrepro.papers.srcnn.network.model import SRCNN
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.pairs.color_strategy import STRATEGIES
from jaxrepro.papers.srcnn.start import started_params
from jaxrepro.papers.srcnn.trained import Trained
from tests.papers.srcnn.tiny_color import tiny_config, write_pictures

KERNELS = (3, 1, 3)
RANDOM = np.random.default_rng(0)


def trained_network(channels=1, color="y", widths=(4, 4)):
    module = SRCNN(KERNELS, widths, channels)
    sizes = (channels, *widths, channels)
    params = {
        name: {
            "kernel": RANDOM.normal(0, 0.4, (side, side, *size)).astype(np.float32),
            "bias": RANDOM.normal(0, 0.1, size[1]).astype(np.float32),
        }
        for name, side, size in zip(module.layer_names, KERNELS, itertools.pairwise(sizes))
    }
    return Trained(module, {"params": params}, 2, color, "matlab-bicubic", "the network given")


def write_trained(folder, trained):
    card = {
        "paper": "srcnn",
        "network": network_card(trained.module),
        "scale": trained.scale,
        "color": trained.color,
        "degradation": trained.degradation,
    }
    write_export(folder, Export(card, {"model": trained.variables}))
    return str(folder)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("colored"))


# What each channel of the started network sees of R, G, B.
SEEN = {
    "luma": lambda rgb: np.repeat(
        rgb @ np.array([[65.481], [128.553], [24.966]]) / (65.481 + 128.553 + 24.966), 3, axis=-1
    ),
    "mean": lambda rgb: np.repeat(rgb.mean(-1, keepdims=True), 3, axis=-1),
    "block": lambda rgb: rgb,
}


@pytest.mark.parametrize("mix", SEEN)
def test_at_the_start_each_channel_is_what_the_luma_network_makes(mix):
    trained = trained_network()
    module = SRCNN(KERNELS, (12, 12) if mix == "block" else (4, 4), channels=3)
    params = started_params(trained, module, STRATEGIES["rgb-from-y"], mix)
    one = jax.jit(trained.module.apply)
    rgb = RANDOM.uniform(0, 1, (2, 9, 9, 3)).astype(np.float32)
    result = jax.jit(module.apply)({"params": params}, rgb)
    seen = SEEN[mix](rgb).astype(np.float32)
    for channel in range(3):
        expected = one(trained.variables, seen[..., channel, None])
        np.testing.assert_allclose(result[..., channel], expected[..., 0], atol=2e-6)
    # A grey picture is seen alike by all.
    grey = np.repeat(rgb[..., :1], 3, axis=-1)
    np.testing.assert_allclose(
        jax.jit(module.apply)({"params": params}, grey),
        np.repeat(one(trained.variables, grey[..., :1]), 3, axis=-1),
        atol=1e-6,
    )


def test_rgb_from_y_begins_with_the_file_and_improves(pictures, tmp_path):
    trained = trained_network()
    config = tiny_config(
        pictures, "rgb-from-y", **{"start.weights": write_trained(tmp_path / "luma", trained)}
    )
    config.optim.update(name="adam", learning_rate=0.01)
    task = make_task(Settings(config))
    init = jax.jit(task.init)
    state = init(jax.random.key(0))
    chex.assert_trees_all_equal(
        state.nets["model"].params, init(jax.random.key(1)).nets["model"].params
    )
    chex.assert_trees_all_equal_shapes_and_dtypes(
        jax.eval_shape(task.init, jax.random.key(0)).nets, state.nets
    )
    np.testing.assert_array_equal(
        state.nets["model"].params["reconstruction"]["kernel"],
        np.repeat(trained.variables["params"]["reconstruction"]["kernel"], 3, axis=-1),
    )
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    step = jax.jit(chex.assert_max_traces(task.train_step, n=1))
    losses = []
    for _ in range(20):
        state, logs = step(state, batch)
        losses.append(float(logs["loss/mean_squared_error"]))
    chex.assert_tree_all_finite(state.nets["model"].params)
    assert losses[-1] < 0.5 * losses[0]


def test_a_network_of_the_same_kind_is_copied(pictures, tmp_path):
    for color, channels in (("y", 1), ("rgb", 3)):
        trained = trained_network(channels, color)
        place = write_trained(tmp_path / color, trained)
        task = make_task(Settings(tiny_config(pictures, color, **{"start.weights": place})))
        chex.assert_trees_all_equal(task.start, dict(trained.variables["params"]))


@pytest.mark.parametrize(
    ("color", "given", "changes", "message"),
    [
        ("rgb", {}, {}, "is a network of y; this config begins with one of rgb, or has data.color"),
        ("y-first", {}, {}, "is a network of y; this config begins with one of ycbcr"),
        ("rgb-from-y", {"channels": 3, "color": "rgb"}, {}, "network of rgb; .* with one of y$"),
        (
            "y",
            {"widths": (5, 4)},
            {},
            r"mapping/kernel is \(1, 1, 5, 4\), wanted \(1, 1, 4, 4\).*; give the same kernels and",
        ),
        ("rgb-from-y", {}, {"start.mix": "block"}, r"model.widths=\(12, 12\)"),
        ("y", {}, {"start.mix": "thirds"}, "start.mix is 'thirds'; allowed: 'luma', 'mean'"),
        ("y", {}, {"start.mix": "mean"}, "start.mix=mean given; only data.color=rgb-from-y mixes"),
        ("y", {}, {"data.scale": 3}, "enlarges by 2, not by 3"),
        ("y", {}, {"start.weights": "nowhere"}, "nowhere is no trained network of srcnn"),
    ],
)
def test_what_does_not_fit_is_said(pictures, tmp_path, color, given, changes, message):
    place = write_trained(tmp_path / "given", trained_network(**given))
    config = tiny_config(pictures, color, **{"start.weights": place, **changes})
    with pytest.raises(InputError, match=message):
        make_task(Settings(config))
