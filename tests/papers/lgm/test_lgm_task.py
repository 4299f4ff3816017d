"""L-GM's Task: what each head minimises, logs and measures, its card, its verbs and its page."""

import dataclasses
import json
import pathlib
import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import jaxrepro
from configs import lgm as config_file
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.evidence.records import read_record
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.papers.lgm.claims import CHOSEN, CLAIMS, RATES
from jaxrepro.papers.lgm.heads import KINDS, network_from_card
from jaxrepro.papers.lgm.loaded import MixtureClassifier
from jaxrepro.papers.lgm.task import from_settings
from jaxrepro.tasks.classification.feature_figure import panel

ROOT = pathlib.Path(jaxrepro.__file__).resolve().parents[1]
RNG = np.random.default_rng(0)
FEATURES, MEANS = RNG.normal(0, 1, (8, 3)), RNG.normal(0, 1, (10, 3))
LABELS = np.arange(8)
_ERROR = "test/top1_error"


def task_of(settings="test", **changes):
    config = config_file.get_config(settings)
    config.update_from_flattened_dict(changes)
    return from_settings(Settings(config))


def expected_loss(kind, logits, alpha, weight):
    """Returns (cross entropy, likelihood) by hand."""
    squared = ((FEATURES[:, None] - MEANS) ** 2).sum(axis=2)
    own = squared[np.arange(8), LABELS]
    if kind in ("softmax", "center"):
        scores, likelihood = logits, weight * own.mean() / 2
    else:
        margin = alpha * np.eye(10)[LABELS] if kind in ("margin", "both") else 0
        scores, likelihood = -squared / 2 * (1 + margin), weight * own.mean()
    entropy = -log_softmax(scores, axis=1)[np.arange(8), LABELS].mean()
    return entropy, likelihood if kind in ("likelihood", "both", "center") else 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_minimises_its_parts(kind):
    task = task_of(f"test,head={kind},alpha=0.4,weight=0.2", **{"loss.ramp_steps": 20})
    logits = RNG.normal(0, 1, (8, 10))
    outputs = Classified(jnp.asarray(FEATURES), jnp.asarray(logits))
    batch = {"label": LABELS}
    value, logs = task.loss({"logits": {"means": jnp.asarray(MEANS)}}, outputs, batch, 10)
    entropy, likelihood = expected_loss(kind, logits, 0.4 * 0.55, 0.2 * 0.505)
    np.testing.assert_allclose(value, entropy + likelihood, rtol=1e-5)
    np.testing.assert_allclose(logs["loss/cross_entropy"], entropy, rtol=1e-5)
    if kind != "softmax":
        np.testing.assert_allclose(logs["loss/likelihood"], likelihood, rtol=1e-5)
        own = ((FEATURES - MEANS[LABELS]) ** 2).sum(axis=1)
        np.testing.assert_allclose(logs["distance/own_squared"], np.median(own), rtol=1e-5)
        between = [np.linalg.norm(a - b) for i, a in enumerate(MEANS) for b in MEANS[:i]]
        np.testing.assert_allclose(logs["distance/of_two_means"], min(between), rtol=1e-5)


@pytest.mark.parametrize("settings", ["covariance=diagonal", "head=center", "head=softmax"])
def test_a_card_makes_the_same_network(settings):
    task = task_of(f"test,{settings}")
    card = json.loads(json.dumps(task.model_card()))["network"]
    assert network_from_card(card) == task.module
    for head in (None, {"kind": "sum", "covariance": "identity"}):
        with pytest.raises(InputError, match="the model card's network has head="):
            network_from_card(card | {"head": head})


def test_means_may_have_a_rate_of_their_own():
    assert task_of().optim.multipliers == ()
    changed = task_of(**{"head.means_rate": 2.0})
    assert changed.optim.multipliers == (("logits/means$", 2.0),)
    # The pattern is that of a parameter, or making the optimiser is refused.
    jax.eval_shape(changed.init, jax.random.key(0))


def test_published_figures_are_of_their_setting():
    task = task_of()
    assert task.references().rows == ()
    whole = types.SimpleNamespace(train=range(60_000), test=range(10_000))
    card = {"name": "paired_convolutions", "features": 2}
    (row,) = dataclasses.replace(task, images=whole, network=card).references().rows
    assert (row.name, row.value) == ("test/top1_error", 0.71)
    part = types.SimpleNamespace(train=range(20_000), test=range(10_000))
    assert dataclasses.replace(task, images=part, network=card).references().rows == ()


def loaded(settings):
    """Returns a network of the test variant as it starts."""
    task = task_of(settings)
    variables = jax.jit(task.initial)(jax.random.key(0))
    names = task.images.train.class_names
    return MixtureClassifier(task.module, variables, names, 8, "half", "here"), task.images


@pytest.mark.parametrize("settings", ["test,covariance=diagonal", "test,head=softmax"])
def test_a_trained_network_classifies_and_says_what_is_typical(settings):
    trained, images = loaded(settings)
    pixels = np.stack([images.test[i]["image"] for i in range(100)])
    labels = images.test.labels[:100]
    scores = trained.scores(pixels)
    np.testing.assert_allclose(trained.classify(pixels), softmax(scores, axis=1), rtol=1e-4)
    drawn = panel(trained, pixels, labels)
    assert drawn.title.startswith(trained.module.head.kind)
    if trained.module.head.kind == "softmax":
        with pytest.raises(InputError, match="here has no likelihoods: its head is softmax"):
            trained.log_likelihood(pixels)
        of_class = drawn.features[labels == 3]
        np.testing.assert_allclose(drawn.centres[3], of_class.mean(axis=0), rtol=1e-4)
        return
    one = trained.log_likelihood(pixels[0])
    squared = ((drawn.features[0] - drawn.centres) ** 2).sum(axis=1)
    np.testing.assert_allclose(one, -squared / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(drawn.deviations, np.ones(10))


def test_settings_that_do_not_fit_are_one_line():
    for settings, message in (
        ("dim=16", "setting dim=16: features of resnet are not chosen"),
        ("test,head=sphere", "head.kind is 'sphere'; allowed: 'softmax', "),
        ("test,likelihood=most", "loss.likelihood is 'most'; allowed: 'half', "),
        ("test,covariance=full", "head.covariance is 'full'; allowed: "),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            task_of(settings)


def test_settings_are_chosen_on_training_images_that_are_left():
    images = task_of(**{"data.validation_split": "rest"}).images
    assert (len(images.train), len(images.test)) == (40, 1397)
    seen = {image.tobytes() for image in (images.train[i]["image"] for i in range(40))}
    assert not seen & {images.test[i]["image"].tobytes() for i in range(200)}


@pytest.mark.parametrize("dim", CHOSEN)
def test_each_arm_has_the_rate_that_was_best_on_other_digits(dim):
    (claim,) = [claim for claim in CLAIMS if claim.name == f"lgm/rates_{dim}"]
    measured = read_record(claim, ROOT / "benchmarks" / "results")
    for head, chosen in CHOSEN[dim].items():
        found = {rate: measured.values(f"{head}, {rate:g}", _ERROR) for rate in RATES}
        assert min(found, key=lambda rate: found[rate].mean) == chosen


def test_the_example_of_the_page_runs():
    page = (ROOT / "jaxrepro" / "papers" / "lgm" / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    exec(code, names)
    total, classification, likelihood = names["loss"]
    np.testing.assert_allclose(total, classification + likelihood)
    assert likelihood > 0
