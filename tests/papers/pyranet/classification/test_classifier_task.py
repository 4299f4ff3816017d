"""The paper's classifiers: their configs, their figures, and the table of runs."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.classifiers.resnext import ResNeXt
from jaxrepro.nn.classifiers.wide_resnet import WideResNet
from jaxrepro.papers import make_task
from jaxrepro.papers.pyranet import classifier_table
from jaxrepro.papers.pyranet.classification import classification_published
from jaxrepro.papers.pyranet.classification.classifiers import PyramidBranch, classifier_card
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from tests import runs
from tests.papers.pyranet.tiny_task import pose_config

PYRAMIDS = PyramidBranch(PyramidSettings(base_width=4, cardinality=4))


def classification_task(variant="test,prm=none", **changes):
    return make_task(Settings(pose_config("prm_cifar", variant, **changes)))


@pytest.mark.parametrize("net", ["wrn", "resnext"])
def test_maps_have_the_chosen_type_and_parameters_float32(net):
    task = classification_task(f"test,net={net}", **{"model.dtype": "bfloat16"})
    state = jax.eval_shape(task.init, jax.random.key(0))
    assert {x.dtype for x in jax.tree.leaves(state.nets["model"].params)} == {jnp.dtype("float32")}
    x = jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.bfloat16)

    def maps(variables, x):
        _, found = task.module.apply(
            variables,
            x,
            train=False,
            rngs={"pooling": jax.random.key(0)},
            capture_intermediates=True,
        )
        return found["intermediates"]["block_2_0"]["__call__"][0]

    assert jax.eval_shape(maps, state.nets["model"].variables, x).dtype == jnp.bfloat16


def test_the_published_schedules():
    config = pose_config("prm_cifar", "net=wrn")
    assert config.train.total_steps == 200 * 391
    assert config.optim.drop_steps == (60 * 391, 120 * 391, 160 * 391)
    config = pose_config("prm_cifar", "net=resnext,prm=none")
    assert config.train.total_steps == 300 * 391
    assert (config.optim.decay_factor, config.model.block) == (0.1, "res")


def test_config_errors():
    for arg, text in (
        ("net=vgg", "net=vgg; allowed: wrn, resnext"),
        ("prm=E", "prm=E; allowed: none, A, B, C, D"),
        ("net=resnext,width=2.5", "channels of a group are a whole number"),
    ):
        with pytest.raises(InputError, match=text):
            pose_config("prm_cifar", arg)
    for changes, text in (
        ({"data.pad": 8}, "data.pad is 8; with data.size=8 it must be below 8"),
        ({"model.block": "B", "model.base_width": 9}, "model.base_width=9: with blocks of 8"),
        ({"model.size": "same"}, "model.size is 'same'; allowed: 'added', 'equal'"),
    ):
        with pytest.raises(InputError, match=text):
            classification_task(**changes)


class Counted:
    """Images of CIFAR-10's classes, of which only the number is known."""

    class_names = tuple(
        "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905
    )

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return self.number


class Images:
    size = 32

    def __init__(self, num_train):
        self.train, self.test = Counted(num_train), Counted(10_000)


def test_published_figures_stand_beside_their_networks_only():
    def rows(module, num_train=50_000):
        card = classifier_card(module)
        return classification_published.references(card, Images(num_train)).rows

    found = {row.name: row.value for row in rows(WideResNet(28, 9, beside=PYRAMIDS))}
    assert found == {"test/top1_error": 3.82, "size/parameters": 36.4e6}
    assert [row.value for row in rows(ResNeXt(29, 8, 64))] == [3.65, 34.4e6]
    assert not rows(WideResNet(28, 10), num_train=25_000)
    assert not rows(WideResNet(28, 9, beside=PyramidBranch(PyramidSettings(base_width=9))))
    assert not rows(WideResNet(16, 1))


def write_run(folder, errors_of_seeds):
    """Writes what a finished run of so many measurements leaves; errors by seed."""
    card = classifier_card(WideResNet(10, 0.5, beside=PYRAMIDS))
    seeds = range(len(errors_of_seeds))
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"train": {"total_steps": 20}}))
    (folder / "model.json").write_text(json.dumps({"network": card}))
    lines = []
    for i, values in enumerate(zip(*errors_of_seeds, strict=True)):
        record = {"test/top1_error": float(np.mean(values))}
        if len(values) > 1:
            record |= {f"test/top1_error/seed{s}": values[s] for s in seeds}
            record["test/top1_error/std"] = float(np.std(values, ddof=1))
        lines.append({"step": 10 * (i + 1), **record})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    bounds = {"test/top1_error_low": 20.0, "test/top1_error_high": 40.0}
    size = {"size/parameters": 21_345.0, "size/multiplications": 4e6}
    last = {name: value for name, value in lines[-1].items() if name != "step"}
    (folder / "results.json").write_text(json.dumps({"step": 20, "results": last | bounds | size}))


def test_the_table_names_the_last_and_the_best_error(tmp_path, capsys):
    write_run(tmp_path / "one", [[30.0, 32.0]])
    write_run(tmp_path / "three", [[30.0, 28.0], [25.0, 26.0], [40.0, 36.0]])
    output = tmp_path / "table.json"
    folders = f"{tmp_path / 'one'},{tmp_path / 'three'}"
    runs.call(classifier_table, f"--workdirs={folders}", f"--output={output}")
    one, three = json.loads(output.read_text())["rows"]
    assert (one["last"], one["deviation"]) == (32, None)
    assert (one["best_of_seeds"], one["best_steps"]) == ([30], [10])
    assert (three["last"], three["last_of_seeds"]) == (30, [28, 26, 36])
    assert math.isclose(three["deviation"], 28**0.5)
    assert (three["best_of_seeds"], three["best_steps"]) == ([28, 25, 36], [20, 10, 20])
    text = capsys.readouterr().out
    assert "32.00 [20.00, 40.00]" in text
    assert "30.00 ± 5.29 (3 seeds)" in text
    assert "WRN-10-0.5 PRM-B" in text
    (tmp_path / "one" / "results.json").unlink()
    with pytest.raises(InputError, match="is not a finished run of configs/prm_cifar.py"):
        runs.call(classifier_table, f"--workdirs={tmp_path / 'one'}")
