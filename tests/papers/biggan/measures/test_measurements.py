"""The measurements of a BigGAN run, on an untrained tiny network of digits."""

import pathlib

import jax
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import state_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.evaluation import Evaluation
from jaxrepro.core.random import named_key
from jaxrepro.data.transforms import to_float
from jaxrepro.metrics.samples.comparison import compare
from jaxrepro.metrics.samples.feature_set import FeatureSet
from jaxrepro.papers import make_task
from jaxrepro.papers.biggan.measures import sample_metrics
from jaxrepro.papers.biggan.measures.evaluators import generate
from jaxrepro.papers.biggan.measures.measurements import sample_labels
from tests import runs
from tests.metrics.features.linear_network import LinearNetwork
from tests.test_task_contract import load

CONFIG = pathlib.Path(__file__).resolve().parents[4] / "configs" / "biggan_digits.py"


def make(**changes):
    config = load(CONFIG, "test")
    config.data.update(validation="digits", validation_split="test")
    config.eval.update(num_samples=60, num_reference=80, neighborhood_samples=40)
    # Not a multiple of the 8 devices.
    config.eval.batch_size = 27
    config.eval.update(discriminator_samples=50)
    config.eval.update(changes)
    return make_task(Settings(config))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """(task, its evaluators, state, results), by a linear feature network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXREPRO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(sample_metrics, "feature_network", lambda *arguments: LinearNetwork())
        task = make()
        evaluators = {
            name: evaluator
            for name, evaluator in task.evaluators().items()
            if name in ("metrics", "discriminator")
        }
        mesh = mesh_lib.make_mesh()
        state = runs.first_state(task.init, jax.random.key(0))
        shardings = state_shardings(state, task.partition(), mesh)
        evaluation = Evaluation(evaluators, mesh, shardings)
        state = jax.device_put(state, shardings)
        return task, evaluators, state, evaluation.run(list(evaluators), state)


def samples(task, state, evaluator, labels):
    key = named_key(state.key, f"eval/{evaluator}")
    index = np.arange(len(labels), dtype=np.int32)
    draw = jax.jit(
        lambda variables: generate(task.generator, "normal", variables, key, index, labels)
    )
    return np.asarray(draw(state.ema["g"]))


def test_samples_are_compared_with_real_images(measured):
    task, evaluators, state, results = measured
    metrics = evaluators["metrics"]
    labels = metrics.labels
    assert (len(labels), set(labels)) == (60, set(range(10)))
    features, logits = LinearNetwork().by_hand(samples(task, state, "metrics", labels))
    drawn = FeatureSet(features, logits, labels)
    expected = compare("linear-test-00000000", metrics.reference, drawn, metrics.comparison)
    ours = {
        name.removeprefix("metrics/"): value
        for name, value in results.items()
        if name.startswith("metrics/")
    }
    assert "frechet@60:linear-test-00000000" in ours
    assert "recall@40:linear-test-00000000" in ours
    assert ours["num_reference"] == 80
    # A pixel in the middle between two grey levels may be rounded either way.
    assert ours == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_discriminator_is_judged_on_three_kinds_of_images(measured):
    task, _, state, results = measured
    numbers = {
        name.removeprefix("discriminator/"): value
        for name, value in results.items()
        if name.startswith("discriminator/")
    }
    kinds = ("train", "validation", "sample")
    assert set(numbers) == {
        f"{kind}_{what}" for kind in kinds for what in ("accuracy", "logit")
    } | {f"num_{kind}" for kind in kinds}
    discriminator, variables = task.update.discriminator, state.nets["d"].variables

    @jax.jit
    def judge(images, labels):
        return discriminator.apply(variables, images, labels, train=False)

    shown = {}
    for batch in task.evaluators()["discriminator"].data(0, 1):
        for row in np.flatnonzero(batch["mask"]):
            kind = "train" if batch["is_training"][row] else "validation"
            shown.setdefault(kind, []).append((batch["image"][row], batch["label"][row]))
    labels = np.array([label for _, label in shown["train"]])
    fakes = samples(task, state, "discriminator", labels)
    shown["sample"] = list(zip(fakes, labels))
    for kind, pairs in shown.items():
        images, labels = (np.array(x) for x in zip(*pairs, strict=True))
        logits = np.asarray(judge(to_float(images), labels), np.float64)
        right = logits < 0 if kind == "sample" else logits > 0
        assert numbers[f"num_{kind}"] == 50
        assert numbers[f"{kind}_logit"] == pytest.approx(logits.mean(), rel=1e-2, abs=1e-3)
        assert numbers[f"{kind}_accuracy"] == pytest.approx(right.mean(), abs=0.021)


def test_labels_follow_the_training_set_when_asked():
    task = make()
    training = sample_labels("training", task.source, 5000)
    share = np.bincount(task.source.labels, minlength=10) / len(task.source)
    np.testing.assert_allclose(np.bincount(training, minlength=10) / 5000, share, atol=0.02)
    uniform = sample_labels("uniform", task.source, 5000)
    np.testing.assert_array_equal(uniform, sample_labels("uniform", task.source, 5000))
    np.testing.assert_allclose(np.bincount(uniform, minlength=10) / 5000, 0.1, atol=0.02)


def test_zero_samples_measure_nothing():
    names = set(make(num_samples=0, discriminator_samples=0).evaluators())
    assert names == {"samples", "digits"}
    assert set(make(num_samples=0).evaluators()) == names | {"discriminator"}


@pytest.mark.parametrize("names", [tuple("1023456789"), (*"0123456789", "ten")])
def test_validation_images_have_the_classes_in_the_order_of_training(names):
    task = make(num_samples=0)
    task.measurements.validation.class_names = names
    with pytest.raises(InputError, match=rf"have the classes {', '.join(names)} .* of training 0"):
        task.evaluators()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 5}, r"eval\.num_samples=5: 5 images given.*need 10 or more"),
        ({"num_reference": 9}, r"eval\.num_reference=9: 9 images given"),
        ({"labels": "real"}, r"eval\.labels is 'real'; allowed: 'uniform', 'training'"),
        ({"metrics_every": -1}, r"eval\.metrics_every is -1"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        make(**changes)


def test_a_missing_weight_file_is_said(tmp_path):
    task = make(features=str(tmp_path / "inception.npz"))
    with pytest.raises(InputError, match=r"inception\.npz is not a file"):
        task.evaluators()["metrics"].load_variables()
