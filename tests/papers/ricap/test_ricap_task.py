"""RICAP's Task: what an update sees, what each arm changes, what is refused, and its verbs."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxrepro
from configs import ricap as config_file
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.files.strict_json import write_strict_json
from jaxrepro.losses.mixed_labels import mixed_cross_entropy
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.papers.ricap import compare, show
from jaxrepro.papers.ricap.settings import AUGMENTATIONS
from jaxrepro.papers.ricap.task import from_settings
from jaxrepro.tasks.classification.paired_table import paired_table
from tests import runs

PAGE = pathlib.Path(jaxrepro.__file__).parent / "papers" / "ricap" / "README.md"


def task_of(settings="test", **changes):
    config = config_file.get_config(settings)
    config.update_from_flattened_dict(changes)
    return from_settings(Settings(config))


@pytest.fixture(scope="module")
def batch():
    batches = task_of().train_data(0, 0, 1)
    found = next(batches)
    batches.close()
    return found


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_arm_changes_what_it_says(name, batch):
    task = task_of(f"test,augment={name}")
    seen = jax.jit(task.augment)(jax.random.key(3), batch)
    labels, shares = np.asarray(seen["labels"]), np.asarray(seen["shares"])
    assert len(labels) == len(shares) == {"ricap": 4, "mixup": 2}.get(name, 1)
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
    changed = not np.array_equal(seen["image"], batch["image"])
    assert changed == (name != "none")
    if len(labels) == 1:
        np.testing.assert_array_equal(labels[0], batch["label"])


def test_settings_reach_the_augmentation(batch):
    key = jax.random.key(5)
    of_examples = task_of("test,scope=example").augment(key, batch)
    assert of_examples["shares"].shape == (4, 8)
    alone = task_of("test,patch=no").augment(key, batch)
    np.testing.assert_array_equal(alone["image"], batch["image"])
    largest = task_of("test,labels=largest").augment(key, batch)
    assert sorted(largest["shares"]) == [0, 0, 0, 1]


def test_the_loss_is_that_of_the_shares(batch):
    task = task_of("test,beta=1")
    seen = task.augment(jax.random.key(1), batch)
    logits = jax.random.normal(jax.random.key(0), (8, 10))
    value, logs = task.loss({}, Classified(logits, logits), seen, jnp.zeros((), jnp.int32))
    expected = mixed_cross_entropy(logits, seen["labels"], seen["shares"])
    assert value == logs["loss/cross_entropy"] == expected
    assert 0 <= logs["train_agreement"] <= 1


def test_training_images_are_as_many_of_each_class():
    train = task_of("demo,n=55").images.train
    counts = np.bincount(train.labels)
    assert counts.tolist() == [6] * 5 + [5] * 5
    more = task_of("demo,n=100").images.train
    assert len(more) == 100
    with pytest.raises(InputError, match="class '0' has 142, 200 are needed"):
        task_of("demo,n=2000")


def test_the_published_settings():
    config = config_file.get_config()
    assert (config.model.depth, config.model.width, config.model.dropout) == (28, 10, 0.3)
    assert config.train.total_steps == 200 * 391
    assert config.optim.drop_steps == (60 * 391, 120 * 391, 160 * 391)
    assert (config.optim.l2_penalty, config.data.border, config.augment.beta) == (
        5e-4,
        "black",
        0.3,
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("test,augment=cutmix", "augment.name is 'cutmix'; allowed: 'none', 'ricap'"),
        ("test,scope=image", "augment.scope is 'image'"),
        ("test,patch=maybe", "patch=maybe; allowed: yes, no"),
        ("test,beta=0", "augment.beta is 0"),
        ("test,net=vgg", "setting net=vgg; allowed: wrn, resnext, convolutions"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        task_of(settings)


def test_show_draws_a_sheet(tmp_path, capsys):
    for number in range(3):
        Image.new("RGB", (40, 30), (80 * number, 50, 50)).save(tmp_path / f"{number}.png")
    output = tmp_path / "sheet.png"
    runs.call(show, str(tmp_path), f"--output={output}", "--size=32", "--scope=example")
    assert "3 pictures patched" in capsys.readouterr().out
    with Image.open(output) as sheet:
        assert sheet.size == (3 * (32 + 2) + 2, 32 + 36 + 4)
    with pytest.raises(InputError, match="the sheet is a .png"):
        runs.call(show, str(tmp_path), "--output=sheet.jpg")


def test_runs_are_compared_by_their_seeds(tmp_path, capsys):
    for name, errors in (("plain", (4.0, 5.0, 6.0)), ("ricap", (3.0, 4.5, 5.0))):
        results = {}
        for key in (column[0] for column in compare.COLUMNS):
            results |= {f"{key}/seed{i}": x for i, x in enumerate(errors)}
            results |= {key: float(np.mean(errors)), f"{key}/std": float(np.std(errors, ddof=1))}
        (tmp_path / name).mkdir()
        write_strict_json(tmp_path / name / "results.json", {"step": 1, "results": results})
    runs.call(compare, f"--workdirs={tmp_path}/plain,{tmp_path}/ricap")
    lines = capsys.readouterr().out.splitlines()
    # Differences -1, -0.5, -1: mean -0.83, t(2) 4.303 times 0.289 over the root of 3.
    assert lines[-1].startswith("| ricap | 4.17 ± 1.04 |")
    assert lines[-1].endswith("| 3.00, 4.50, 5.00 | -0.83 [-1.55, -0.12] |")
    with pytest.raises(InputError, match="holds no finished run"):
        paired_table([place(str(tmp_path))], compare.COLUMNS)


def test_the_examples_of_the_page_run(monkeypatch):
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    names = {}
    exec(example, names)
    assert np.isfinite(names["loss"])
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
