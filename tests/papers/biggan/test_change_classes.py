"""A run on ten digits made one on three folders of images: what is copied, and that it trains."""

import dataclasses
import functools
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from configs import biggan_digits
from jaxrepro import export
from jaxrepro.core.checkpoints.export import read_export
from jaxrepro.core.checkpoints.restore import restore_state
from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from jaxrepro.papers.biggan import change_classes
from jaxrepro.papers.biggan.porting import class_tables
from jaxrepro.papers.biggan.trained import load_generator
from tests import runs
from tests.papers.biggan.drawn_run import lighter, write_run

CONFIG = "--config=configs/biggan_digits.py:test"
ROWS = (3, None, 7)


LIGHTER = [
    "--config.model.ch=2",
    "--config.model.dim_z=6",
    "--config.model.shared_dim=4",
    "--config.train.batch_size=4",
    # Their program would be compiled for one update.
    "--config.guard.every=0",
    "--config.guard.action=off",
]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The workdir of a run at step 2, its arrays drawn at random."""
    return write_run(tmp_path_factory.mktemp("old") / "run")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in ("ant", "bee", "cat"):
        (folder / name).mkdir()
        for i in range(8):
            pixels = np.random.default_rng(i).integers(0, 255, (16, 16), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def new_config(images, total_steps=3):
    config = biggan_digits.get_config("test")
    config.data.source = f"folder:{images}"
    config.train.total_steps = total_steps
    return lighter(config)


def change(old, output, config, classes):
    change_classes.main(
        types.SimpleNamespace(
            model=str(old), output=str(output), config=config, classes=classes, step=None
        )
    )


@pytest.fixture(scope="module")
def new(old, images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "run"
    change(old, folder, new_config(images), "3,mean,7")
    return folder


def test_rows_come_from_the_chosen_classes_and_the_rest_is_kept(old, new):
    before, after = runs.leaves(old, 2), runs.leaves(new, 2)
    assert before.keys() == after.keys()
    tables = {
        path
        for path in before
        if path.endswith(("shared/embedding", "embedding/embedding", "spectral/embedding/u"))
    }
    # G: parameters, two moments, average; D: parameters, two moments, the vector.
    assert len(tables) == 8
    for path, array in before.items():
        if path in tables:
            mean = array.astype(np.float64).mean(0).astype(np.float32)
            expected = np.stack([array[3], mean, array[7]])
            assert np.abs(array).max() > 0
        else:
            expected = array
        np.testing.assert_array_equal(after[path], expected, err_msg=path)


def test_images_of_a_class_stay_and_logits_change_by_one_ratio(old, new):
    def networks(folder):
        settings = Settings(json.loads((folder / "config.json").read_text()))
        task = make_task(settings)
        state = restore_state(task, 0, folder, None, mesh.make_mesh())[1]
        return task.generator, task.update.discriminator, jax.device_get(state)

    g_old, d_old, was = networks(old)
    g_new, d_new, now = networks(new)
    z = jax.random.normal(jax.random.key(1), (6, g_old.dim_z))
    labels = {"old": jnp.asarray([3, 7] * 3), "new": jnp.asarray([0, 2] * 3)}

    apply = functools.cache(lambda module: jax.jit(functools.partial(module.apply, train=False)))

    def generate(module, state, labels):
        return apply(module)(state.ema["g"], z, labels)

    images = generate(g_old, was, labels["old"])
    np.testing.assert_array_equal(generate(g_new, now, labels["new"]), images)

    def logits(module, state, label):
        variables = state.nets["d"].variables
        return np.asarray(apply(module)(variables, images, jnp.full((6,), label)))

    def sigma(state):
        table = np.asarray(state.nets["d"].params["embedding"]["embedding"], np.float64)
        v = table.T @ state.nets["d"].stats["spectral"]["embedding"]["u"]
        return np.linalg.norm(table @ (v / np.linalg.norm(v)))

    difference = logits(d_old, was, 3) - logits(d_old, was, 7)
    assert np.abs(difference).max() > 0
    ratio = sigma(was) / sigma(now)
    assert ratio > 1.01
    np.testing.assert_allclose(
        logits(d_new, now, 0) - logits(d_new, now, 2), ratio * difference, rtol=1e-3, atol=1e-5
    )
    # The same classes in another order: the table's singular value is kept, and all logits.
    order = [9, *range(9)]
    paths = class_tables.class_table_paths(
        make_task(Settings(lighter(biggan_digits.get_config("test"))))
    )
    moved = class_tables.change_classes(was, paths, order, num_classes=10)
    np.testing.assert_allclose(logits(d_old, moved, 0), logits(d_old, was, 9), rtol=1e-5, atol=1e-6)


def test_tables_of_every_norm_without_a_shared_embedding():
    config = biggan_digits.get_config("test")
    config.model.shared_dim = 0
    config.model.hierarchical = False
    task = make_task(Settings(config))
    paths = class_tables.class_table_paths(task)
    g_params = {path for path in paths if path.startswith("nets/g/params/")}
    assert g_params == {
        f"nets/g/params/blocks_{i}/norm_{n}/{part}/embedding"
        for i in range(2)
        for n in (1, 2)
        for part in ("gain", "bias")
    }
    # Parameters, two moments and the average; then the discriminator's.
    assert len(paths) == 4 * len(g_params) + 4


def test_training_continues_and_the_result_is_exported(new, images, tmp_path, capsys):
    arguments = [CONFIG, f"--config.data.source=folder:{images}", "--config.train.total_steps=3"]
    result = runs.run("jaxrepro.train", *arguments, *LIGHTER, f"--workdir={new}")
    assert result.returncode == 0, result.stderr
    assert "continuing from the checkpoint of step 2" in result.stdout
    before, after = runs.leaves(new, 2), runs.leaves(new, 3)
    table = "nets/g/params/shared/embedding"
    assert after[table].shape == (3, 4)
    assert (after[table] != before[table]).any()
    assert json.loads((new / "origin.json").read_text())["classes"] == {
        "ant": "3 3",
        "bee": "mean",
        "cat": "7 7",
    }
    output = tmp_path / "export"
    runs.call(export, f"--workdir={new}", f"--output={output}", "--step=3")
    assert f"wrote {output}: g of step 3" in capsys.readouterr().out
    exported = read_export(output)
    assert exported.card["class_names"] == ["ant", "bee", "cat"]
    assert exported.card["provenance"]["step"] == 3
    assert exported.card["provenance"]["config"]["train"]["total_steps"] == 3
    generator = load_generator(output)
    expected = load_generator(new, step=3)
    assert generator.module == expected.module
    jax.tree.map(np.testing.assert_array_equal, generator.variables, expected.variables)


def wider(config):
    config.model.ch = 3


def other_optimizer(config):
    config.optim.g.multipliers = ("^shared=0",)


def other_channels(config):
    config.data.channels = 3


@pytest.mark.parametrize(
    ("classes", "adapt", "message"),
    [
        ("3,mean", None, "has 2 entries; the new data set has 3 classes: ant, bee, cat"),
        ("3,mean,12", None, "no class '12'; classes are 0 to 9"),
        (None, wider, r"differ from the run's in its classes, .*\(\d+,.* -> \(\d+,.* more"),
        (None, other_optimizer, "or the kind of optimiser: nets/g/opt_state"),
        (None, other_channels, r"-> .*\(3,\)"),
        (None, lambda c: c.train.update(total_steps=2), "at step 2, .*total_steps=1002"),
        (None, lambda c: c.model.update(nonsense=1), "model.nonsense"),
    ],
)
def test_what_does_not_fit_is_said(old, images, tmp_path, classes, adapt, message):
    config = new_config(images)
    config.unlock()
    if adapt is not None:
        adapt(config)
    with pytest.raises(InputError, match=message):
        change(old, tmp_path / "out", config, classes)
    assert not (tmp_path / "out").exists()


def test_folders_that_are_something_else(old, images, tmp_path):
    with pytest.raises(InputError, match="give --model, --output and --config"):
        change_classes.main(types.SimpleNamespace(model="a", output=None, config=None))
    with pytest.raises(InputError, match="is not empty; choose a new folder"):
        change(old, old, new_config(images), None)
    message = r"a folder of ant, bee, cat, without model\.json; give the folder of a run of biggan$"
    with pytest.raises(InputError, match=message):
        change(images, tmp_path / "out", new_config(images), None)


def test_names_with_commas_can_be_quoted():
    old_names = ["tabby, tabby cat", "ant", "tiger cat"]
    rows = change_classes.parse_rows('"tabby, tabby cat", mean,2', old_names, ["a", "b", "c"])
    assert rows == [0, None, 2]
    assert change_classes.parse_rows("tabby", old_names, ["a"]) == [0]
    assert change_classes.parse_rows(None, old_names, ["a", "b"]) == [None, None]


def test_generators_of_other_sizes_keep_their_settings():
    task = make_task(Settings(biggan_digits.get_config("test")))
    other = class_tables.with_num_classes(task, 4)
    assert (other.generator.num_classes, other.update.discriminator.num_classes) == (4, 4)
    assert dataclasses.replace(other, update=task.update) == task
