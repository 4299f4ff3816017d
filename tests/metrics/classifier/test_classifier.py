"""The classifier of digits: trained, kept, loaded, and made again when damaged."""

import fcntl
import json
import threading
import time

import jax
import numpy as np
import pytest

from jaxrepro.core import loop
from jaxrepro.core.errors import InputError
from jaxrepro.core.guard.non_finite import NonFiniteError
from jaxrepro.core.machine.preemption import Stopped
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import area_resize, square_transform
from jaxrepro.data.views import Subset
from jaxrepro.metrics.classifier import cache, model, network
from jaxrepro.metrics.classifier.task import ClassifierSettings, classifier_task

SETTINGS = ClassifierSettings(
    blocks_per_stage=1, width=4, batch_size=64, total_steps=60, learning_rate=0.2
)
TRANSFORM = square_transform(8, channels=1)


@pytest.fixture(scope="module")
def digits():
    return open_source("digits", channels=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(digits, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXREPRO_CACHE", str(folder))
        return cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)


@pytest.fixture
def cached(trained, folder, monkeypatch):
    """The cache with the trained classifier; training another one is an error."""
    monkeypatch.setenv("JAXREPRO_CACHE", str(folder))
    (card,) = (folder / "classifiers").glob("*/export/model.json")
    return card.parent.parent


def test_accuracy_is_that_of_held_out_images(trained, digits):
    assert 0.6 < trained.accuracy <= 1  # Chance is 0.1.
    task = classifier_task(
        trained.module,
        side=8,
        resolution=8,
        source=digits,
        transform=TRANSFORM,
        settings=SETTINGS,
    )
    assert len(task.held_out) == round(len(digits) / 10 + 0.5)
    part = Subset(digits, task.held_out)
    (batch,) = eval_batches(part, TRANSFORM, len(part))
    out = trained.apply(trained.variables, batch["image"])
    assert out.features.shape == (len(part), 16)
    hit = np.asarray(out.logits).argmax(axis=1) == batch["label"]
    assert hit.mean() == pytest.approx(trained.accuracy, abs=1.5 / len(part))
    seen = {digits[i]["image"].tobytes() for i in range(len(digits)) if i not in task.held_out}
    batches = task.train_data(0, 0, 1)
    assert {image.tobytes() for image in next(batches)["image"]} <= seen
    batches.close()


def test_its_name_says_all_and_it_is_trained_once(trained, digits, cached, monkeypatch, capsys):
    assert trained.name.startswith("resnet8-digits-")
    assert len(trained.name.rpartition("-")[2]) == 8
    monkeypatch.setattr(loop, "train", None)
    again = cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)
    assert (again.name, again.accuracy) == (trained.name, trained.accuracy)
    assert f"held-out accuracy {trained.accuracy:.3f}" in capsys.readouterr().out
    card = json.loads((cached / "export" / "model.json").read_text())
    assert card["held_out_accuracy"] == trained.accuracy
    assert (card["name"], card["num_images"]) == (trained.name, len(digits))


def test_other_data_or_size_is_another_classifier(trained, digits, cached, monkeypatch):
    def stop(*args, **more):
        raise Stopped(0, 1)

    monkeypatch.setattr(loop, "train", stop)
    for changed in (
        (Subset(digits, range(500)), TRANSFORM, 8, SETTINGS),
        (digits, square_transform(16, channels=1), 16, SETTINGS),
        (digits, TRANSFORM, 8, ClassifierSettings(1, 4, 64, 61)),
    ):
        with pytest.raises(SystemExit):
            cache.classifier_network(*changed)


def test_a_damaged_export_is_made_again_from_the_checkpoint(trained, digits, cached, capsys):
    path = cached / "export" / "classifier.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    again = cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)
    assert again.name == trained.name
    said = capsys.readouterr().out
    assert "cannot be used and is made again" in said
    assert "this run is finished" in said


def test_two_processes_do_not_train_at_once(trained, digits, cached, capsys):
    card = cached / "export" / "model.json"
    whole = card.read_text()
    card.unlink()
    with (cached / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def finish():
            time.sleep(0.3)
            card.write_text(whole)
            lock.close()

        other = threading.Thread(target=finish)
        other.start()
        again = cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)
        other.join()
    assert again.name == trained.name
    said = capsys.readouterr().out
    assert "waiting for another process" in said
    assert "training a classifier" not in said


def test_a_notice_to_stop_is_its_own_exit_status(digits, tmp_path, monkeypatch, capsys):
    def stop(*args, **more):
        raise Stopped(7, 143)

    def diverge(*args, **more):
        raise NonFiniteError(7, 6, "loss/x not finite at step 7")

    monkeypatch.setenv("JAXREPRO_CACHE", str(tmp_path))
    monkeypatch.setattr(cache.loop, "train", stop)
    with pytest.raises(SystemExit) as ended:
        cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)
    assert ended.value.code == 143
    assert "the classifier is saved at step 7 of" in capsys.readouterr().out
    monkeypatch.setattr(cache.loop, "train", diverge)
    with pytest.raises(InputError, match="classifier for measurements: loss/x not finite"):
        cache.classifier_network(digits, TRANSFORM, 8, SETTINGS)


def test_changed_weights_are_found(trained, tmp_path):
    card = {"module": {"num_classes": 10, "blocks_per_stage": 1, "width": 4}}
    card |= {"side": 8, "resolution": 8, "channels": 1, "data_spec": "tfds:cifar10@/data"}
    export = network.to_export(card, trained.variables, 0.5)
    assert export.card["name"].startswith("resnet8-cifar10-")
    card |= {"side": 64, "resolution": 128, "data_spec": "array_record:/data/birds/"}
    assert (
        network.to_export(card, trained.variables, 0.5)
        .card["name"]
        .startswith("resnet8-birds-at64-")
    )
    cache.write_export(tmp_path / "a", export)
    assert network.read_network(tmp_path / "a").accuracy == 0.5
    wrong = {**export.card, "module": {**card["module"], "width": 8}}
    cache.write_export(tmp_path / "b", type(export)(wrong, export.nets))
    with pytest.raises(InputError, match="the arrays are not those of"):
        network.read_network(tmp_path / "b")


def test_one_class_cannot_be_learnt(digits):
    digits = Subset(digits, [0, 1])
    digits.class_names = ("all",)
    with pytest.raises(InputError, match=r"one class.*eval\.features"):
        cache.classifier_network(digits, TRANSFORM, 8)


def test_parameters_of_the_published_size():
    """ResNet-20 of width 16 has 0.27 million parameters (He et al. 2016, table 6)."""
    resnet = model.ResNet(num_classes=10, blocks_per_stage=3, width=16)
    assert resnet.depth == 20
    images = np.zeros((1, 32, 32, 3), np.float32)
    shapes = jax.eval_shape(lambda: resnet.init(jax.random.key(0), images, train=False))
    num = sum(x.size for x in jax.tree.leaves(shapes["params"]))
    convolutions = 9 * 16 * (3 + 6 * 16 + 32 + 5 * 2 * 32 + 2 * 64 + 5 * 4 * 64)
    shortcuts = 16 * 32 + 32 * 64
    assert num == convolutions + shortcuts + num_norms() + 64 * 10 + 10
    assert round(num / 1e6, 2) == 0.27


def num_norms():
    """Two for each of nine blocks and one at the end, a gain and a bias a channel."""
    first = [16, 16, 16, 16, 32, 32, 32, 64, 64]
    second = [16, 16, 16, 32, 32, 32, 64, 64, 64]
    return 2 * (sum(first) + sum(second) + 64)


@pytest.mark.parametrize("size", [128, 96, 64])
def test_large_images_are_area_resized(size):
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    ours = np.asarray(model.as_input(jax.numpy.asarray(images), 64))
    expected = np.stack([area_resize(image, 64) for image in images]) / 127.5 - 1
    # The transform rounds to whole grey levels.
    np.testing.assert_allclose(ours, expected, atol=0.5 / 127.5 + 1e-5)
    assert model.input_side(size) == 64


def test_images_that_do_not_fit_are_refused(trained):
    with pytest.raises(InputError, match="8 or more"):
        model.input_side(4)
    for shape in ((1, 4, 4, 1), (1, 16, 8, 1)):
        with pytest.raises(InputError, match="squares of 8 pixels or more"):
            trained.apply(trained.variables, np.zeros(shape, np.uint8))
    with pytest.raises(InputError, match=r"takes \[B, S, S, 1\]"):
        trained.apply(trained.variables, np.zeros((1, 8, 8, 3), np.uint8))
