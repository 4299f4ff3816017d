"""Classification as a Task: its loss, what it measures, what it refuses, and what papers change."""

import dataclasses
import math

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.special import log_softmax

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.supervised import trained_variables
from jaxrepro.core.task import Every
from jaxrepro.metrics.evaluators import Rows
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.nn.classifiers.wide_resnet import WideResNet
from jaxrepro.tasks.classification.error import network_size
from jaxrepro.tasks.classification.images import network_input
from jaxrepro.tasks.classification.networks import (
    classifier_card,
    classifier_from_card,
    make_classifier,
)
from jaxrepro.tasks.classification.settings import shared_sections
from jaxrepro.tasks.classification.task import Classification
from tests import runs


def digits_config(**changes):
    """Two updates of a tiny wide ResNet on digits."""
    config = shared_sections("example", total_steps=2, every=2, batch_size=8)
    config.data.update(source="digits", size=8, pad=1, flip=False, normalization="half")
    config.model.update({"name": "wide_resnet", "depth": 10, "width": 0.5})
    config.eval.batch_size = 360
    config.update_from_flattened_dict(changes)
    return config


def classification_task(
    kind=Classification, make_network=make_classifier, network_card=classifier_card, **changes
):
    settings = Settings(digits_config(**changes))
    return kind.from_settings(
        settings, paper="example", make_network=make_network, network_card=network_card
    )


def test_an_update_and_a_measurement_use_cross_entropy():
    task = classification_task()
    error = task.evaluators()["test"]
    state = runs.first_state(task.init, jax.random.key(0))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()

    @jax.jit
    def everything(state, batch):
        x = network_input(batch["image"], "half", "float32")
        variables = state.nets["model"].variables
        train, _ = task.module.apply(variables, x, train=True, mutable=["batch_stats"])
        still = task.module.apply(variables, x, train=False)
        measured = error.step(state, batch, state.key)
        return task.train_step(state, batch), measured, train.logits, still.logits

    (after, logs), out, train, still = jax.device_get(everything(state, batch))
    assert after.step == 1
    rows, labels = np.arange(8), batch["label"]
    losses = -log_softmax(train.astype(np.float64), axis=1)[rows, labels]
    np.testing.assert_allclose(logs["loss/cross_entropy"], losses.mean(), rtol=1e-5)
    hits = train.argmax(axis=1) == labels
    np.testing.assert_allclose(logs["train_accuracy"], hits.mean(), rtol=1e-6)
    np.testing.assert_array_equal(out["wrong"], still.argmax(axis=1) != labels)
    losses = -log_softmax(still.astype(np.float64), axis=1)[rows, labels]
    np.testing.assert_allclose(out["loss"], losses, rtol=1e-4)


def test_the_error_is_counted_over_batches():
    error = classification_task().evaluators()["test"]
    acc = error.init()
    for wrong in ([True, False, False], [False]):
        out = {"wrong": np.array(wrong), "loss": np.full(len(wrong), 0.5, np.float32)}
        acc = error.merge(acc, out)
    results = error.finish(acc)
    assert results["top1_error"] == 25
    assert results["cross_entropy"] == 0.5
    # Wilson's bounds are the shares p with (1/4 - p)^2 = z^2 p (1 - p) / 4.
    for name in ("top1_error_low", "top1_error_high"):
        p = results[name] / 100
        assert math.isclose((0.25 - p) ** 2, 1.959964**2 * p * (1 - p) / 4, rel_tol=1e-5)
    assert results["top1_error_low"] < 25 < results["top1_error_high"]


def test_the_network_sees_normalized_colours():
    image = np.full((1, 1, 1, 3), 255, np.uint8)
    x = network_input(jnp.asarray(image), "cifar10", "float32")
    expected = [0.5086 / 0.2470, 0.5178 / 0.2435, 0.5535 / 0.2616]
    np.testing.assert_allclose(x[0, 0, 0], expected, rtol=1e-5)
    assert network_input(jnp.asarray(image), "half", "bfloat16").dtype == jnp.bfloat16


def test_measured_images_have_the_same_classes(tmp_path):
    for split, names in (("train", "ab"), ("test", "ac")):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / split / name / "0.png")
    with pytest.raises(InputError, match="classes to learn from .*: a, b; to measure on .*: a, c"):
        classification_task(**{"data.source": f"folder:{tmp_path}"})


def test_the_size_is_a_result():
    size = network_size(WideResNet(10, 1), 32)
    assert list(size.data(0, 1)) == []
    results = size.finish(size.init())
    assert results["parameters"] == 77_850
    assert results["multiplications"] > 1e6


def test_cards_make_plain_networks():
    for config in ({}, {"model.name": "resnext", "model.depth": 11}):
        given = digits_config()
        given.model.update({"groups": 2, "group_width": 4})
        given.update_from_flattened_dict(config)
        module = make_classifier(Settings(given).model, num_classes=10)
        assert classifier_from_card(classifier_card(module)) == module


class Centres(nn.Module):
    """A head as of a Gaussian mixture: minus half the squared distances to a centre per class."""

    features: int

    @nn.compact
    def __call__(self, x):
        centres = self.param("centres", nn.initializers.normal(0.5), (self.features, x.shape[1]))
        return -jnp.sum((x[:, None] - centres) ** 2, axis=-1) / 2


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Mixed(Classification):
    """An example of a paper: pairs of pictures, two labels for each, and near features."""

    weight: float = 0.1

    def augment(self, key, batch):
        """Left halves of the pictures beside right halves of others, shares [2]."""
        image, label = batch["image"], batch["label"]
        other = jax.random.permutation(key, len(label))
        column = jax.lax.broadcasted_iota(jnp.int32, image.shape, 2)
        mixed = jnp.where(column < image.shape[2] // 2, image, image[other])
        labels = jnp.stack([label, label[other]])
        return {"image": mixed, "labels": labels, "shares": jnp.array([0.5, 0.5])}

    def loss(self, params, outputs, batch, step):
        """Cross entropy with both labels, and how far features lie from their class's centre."""
        log = jax.nn.log_softmax(outputs.logits)
        hits = jnp.take_along_axis(log, batch["labels"].T, axis=1)
        entropy = -jnp.mean(hits @ batch["shares"])
        distance = outputs.features - params["logits"]["centres"][batch["labels"][0]]
        near = self.weight * jnp.where(step > 0, 1.0, 0.0) * jnp.mean(distance**2)
        return entropy + near, {"loss/cross_entropy": entropy, "loss/near": near}

    def evaluators(self):
        """The mean length of features beside what all classifiers measure."""

        def step(state, batch, key):
            found = self.classified(trained_variables(state), batch["image"])
            return {"length": jnp.linalg.norm(found.features, axis=1)}

        batches = self.images.test_batches(self.error_batch)
        results = lambda rows: {"length": float(rows["length"].mean())}  # noqa: E731
        lengths = Rows(batches, step, results, Every(0), self.error_batch)
        return {**super().evaluators(), "features": lengths}


def test_a_paper_mixes_batches_and_sees_features():
    def make_network(model, *, num_classes):
        return make_classifier(model, num_classes=num_classes).clone(head=Centres)

    task = classification_task(Mixed, make_network)
    state = first = runs.first_state(task.init, jax.random.key(0))
    assert state.nets["model"].params["logits"]["centres"].shape == (10, 32)
    step = jax.jit(chex.assert_max_traces(task.train_step, n=1))
    batches = task.train_data(0, 0, 1)
    logs = []
    for _ in range(2):
        state, found = step(state, next(batches))
        logs.append(found)
    batches.close()
    # The second term is switched on by the step.
    assert logs[0]["loss/near"] == 0 < logs[1]["loss/near"]
    chex.assert_tree_all_finite(state.nets)
    before, after = (jax.tree.leaves(x.nets["model"].params) for x in (first, state))
    assert not any(np.array_equal(x, y) for x, y in zip(before, after, strict=True))
    lengths = task.evaluators()["features"]
    batch = next(iter(lengths.data(0, 1)))
    out = jax.jit(lengths.step)(state, {k: batch[k] for k in ("image", "label")}, state.key)
    assert lengths.finish(lengths.merge(lengths.init(), out))["length"] > 0


def test_what_the_loss_sees_is_what_was_mixed():
    task = classification_task(Mixed)
    batch = {
        "image": jnp.arange(4 * 8 * 8 * 3, dtype=jnp.uint8).reshape(4, 8, 8, 3),
        "label": jnp.arange(4),
    }
    mixed = task.prepared(batch, jax.random.key(0))
    assert mixed["image"].dtype == jnp.uint8
    np.testing.assert_array_equal(mixed["image"][:, :, :4], batch["image"][:, :, :4])
    others = batch["image"][mixed["labels"][1]]
    np.testing.assert_array_equal(mixed["image"][:, :, 4:], others[:, :, 4:])


def test_groups_of_batch_statistics_keep_features_and_scores():
    task = classification_task(**{"model.bn_groups": 2})
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    seen = []

    class Looked(Classification):
        def loss(self, params, outputs, batch, step):
            seen.append(jax.tree.map(jnp.shape, outputs))
            return super().loss(params, outputs, batch, step)

    task = classification_task(Looked, **{"model.bn_groups": 2})
    jax.eval_shape(task.train_step, state, batch)
    assert seen[0] == Classified((8, 32), (8, 10))
