"""The pose Task: its update against its parts, its settings, and what it refuses."""

import dataclasses
import json

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import workdir
from jaxrepro.core.run.run_record import record_start
from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, heat_maps
from jaxrepro.data.pose.joint_sets import COCO
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.tasks.pose import evaluate
from jaxrepro.tasks.pose.inference.predictor import network_input
from tests import runs
from tests.tasks.pose.tiny_pose import tiny_config, tiny_task


class TwoLayers(nn.Module):
    """Two stacks of one layer each, which compile in a second."""

    @nn.compact
    def __call__(self, images, *, train):
        x = BatchNormRelu()(nn.avg_pool(images, (4, 4), (4, 4)), train=train)
        return jnp.stack([BiasedConvolution(16)(x), BiasedConvolution(16)(x)])


def test_an_update_sums_the_stacks_and_averages_the_network():
    task = tiny_task(**{"ema.decay": 0.75, "data.mean": "mpii"})
    task = dataclasses.replace(task, module=TwoLayers())
    state = runs.first_state(task.init, jax.random.key(0))
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
        tiny_task(**changes)


def test_bfloat16_keeps_weights_and_losses_in_float32():
    task = tiny_task(**{"model.dtype": "bfloat16"})
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    text = str(jax.make_jaxpr(lambda s, b: task.train_step(s, b)[1])(state, batch))
    assert "bf16[8,8,8,8]" in text
    after, logs = jax.eval_shape(task.train_step, state, batch)
    assert {x.dtype for x in jax.tree.leaves(after.nets["model"].params)} == {np.dtype("float32")}
    assert logs["loss/heat_maps"].dtype == np.float32


def people_file(folder, *more, labelled=17, seed=0):
    """A COCO file of one person with that many labelled joints, in a picture; its specification."""
    joints = [*COCO.joints, *more]
    marks = np.random.default_rng(seed).integers(5, 25, (len(joints), 3))
    marks[:, 2] = 2
    marks[labelled:17, 2] = 0
    content = {
        "categories": [{"id": 1, "name": "person", "keypoints": joints}],
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": [
            {
                "id": 5,
                "image_id": 1,
                "category_id": 1,
                "bbox": [5, 5, 20, 20],
                "keypoints": marks.ravel().tolist(),
            }
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.json").write_text(json.dumps(content))
    Image.new("RGB", (40, 30)).save(folder / "a.png")
    return f"coco:{folder / 'mine.json'}"


def own_task(source, **changes):
    changes = {"data.split": "all", "data.validation_split": "all", **changes}
    return tiny_task(**{"data.source": source, **changes})


def test_joints_that_a_mirror_leaves_are_said_and_sides_without_partner_refused(tmp_path):
    toes = people_file(tmp_path / "toes", "L big toe", "R big toe", "tip")
    task = own_task(toes)
    assert task.predictor.joint_set.flip_pairs[-1] == (17, 18)
    notes = task.identities()["data.source"].notes
    assert notes == ("mirrored onto themselves: nose, tip",)
    assert ["L big toe", "R big toe"] in task.model_card()["joint_set"]["flip_pairs"]
    odd = people_file(tmp_path / "odd", "left toe", "big toe (right)")
    for changes, what in (
        ({}, "data.augmentation=hourglass mirrors"),
        ({"data.augmentation": "none"}, "eval.flip=True mirrors"),
    ):
        message = rf"{what} pictures, .* for left toe, big toe \(right\) of mine: give all pairs"
        with pytest.raises(InputError, match=message):
            own_task(odd, **changes)
    own_task(odd, **{"data.augmentation": "none", "eval.flip": False})
    pairs = (*(f"left_{x}:right_{x}" for x in ("eye", "ear")), "left toe:big toe (right)")
    given = own_task(odd, **{"data.flip_pairs": pairs}).predictor.joint_set
    assert given.flip_pairs == ((1, 2), (3, 4), (17, 18))
    with pytest.raises(InputError, match="flip_pairs: 'nose' given; a pair is two joints"):
        own_task(odd, **{"data.flip_pairs": ("nose",)})


def test_the_evaluation_of_a_run_takes_joints_in_the_order_of_its_training(tmp_path, capsys):
    spec = people_file(tmp_path)
    changes = {"data.source": spec, "data.split": "all", "data.validation_split": "all"}
    known = tiny_task(**changes).identities()
    with workdir.claimed(tmp_path / "run", tiny_config(**changes), data=known):
        record_start(tmp_path / "run", 0, data=known)
    assert len(evaluate.run_people(tmp_path / "run").validation) == 1
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a.png")
    evaluate.run_people(tmp_path / "run")
    assert "data.source holds other data than the run in" in capsys.readouterr().out
    content = json.loads((tmp_path / "mine.json").read_text())
    content["categories"][0]["keypoints"].reverse()
    (tmp_path / "mine.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="data.source has the joints .*right_ankle, left_ankle"):
        evaluate.run_people(tmp_path / "run")


def test_people_nobody_can_be_measured_on_are_said(tmp_path):
    whole, face = people_file(tmp_path / "whole"), people_file(tmp_path / "face", labelled=5)
    known = own_task(whole, **{"data.validation": face}).identities()
    assert known["data.validation"].notes == (
        "nothing measured: no person has both ends of the torso (left_shoulder and right_hip), and "
        "none has a head",
    )
    assert own_task(whole).identities()["data.validation"].notes == ()
    assert known["data.source"].places == ("data.images", "data.validation_list")


def test_a_run_knows_people_by_their_content(tmp_path):
    here, there = people_file(tmp_path / "here"), people_file(tmp_path / "there")
    other = people_file(tmp_path / "other", seed=1)
    first, moved, changed = (own_task(spec).identities() for spec in (here, there, other))
    assert all(first[key].is_same(moved[key]) for key in first)
    assert not first["data.source"].is_same(changed["data.source"])
    figures = tiny_task().identities()
    assert figures["data.source"].num_examples == 2000
    assert not figures["data.source"].is_same(figures["data.validation"])
