"""The paper's pose Task: its rates, its published figures, and its networks from cards."""

import dataclasses
import json
import types

import jax
import numpy as np

from jaxrepro.core.update import optim
from jaxrepro.papers.pyranet.network.networks import network_from_card
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.papers.pyranet.published import references
from tests.papers.pyranet.tiny_task import pose_config, pose_task


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
