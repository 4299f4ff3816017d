"""Measurements of a run, on rows as the compiled step would give them: nothing is compiled."""

import chex
import jax
import numpy as np
import pytest

from configs import scfegan as config_file
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from jaxrepro.papers.scfegan.measures.evaluators import WITHHELD, preview_sheet


@pytest.fixture(scope="module")
def evaluators():
    config = config_file.get_config("test")
    config.eval.update(baselines=True, num_examples=3, batch_size=2)
    return make_task(Settings(config)).evaluators()


def outputs(evaluator, edit):
    """Batches with edits made by `edit` of each batch, padding taken off as the loop does."""
    acc = evaluator.init()
    for batch in evaluator.data(0, 1):
        features = batch["image"].reshape(len(batch["image"]), -1)[:, :5].astype(np.float32)
        made = {name: edit(batch) for name in ("raw", "edit", *WITHHELD)}
        made |= {"edit_features": features, "true_features": features}
        out = {**batch, **made, "feature_difference": np.arange(len(features)) + 1.0}
        acc = evaluator.merge(acc, {k: v[batch["mask"]] for k, v in out.items()})
    return acc


def test_the_truth_is_perfect_and_grey_is_not(evaluators):
    evaluator = evaluators["held_out"]
    truth = evaluator.finish(outputs(evaluator, lambda batch: batch["image"]))
    assert truth["hole_l1"] == truth["hole_l1_without_input"] == 0
    assert truth["hole_psnr"] == np.inf
    assert truth["sketch_f_score"] > 0.9
    assert truth["frechet@3:random-vgg16-seed-0-width-2-means"] == pytest.approx(0, abs=1e-6)
    # Of batches of two examples and one: 1, 2 and 1.
    name = "feature_difference@3:random-vgg16-seed-0-width-2-means"
    assert truth[name] == pytest.approx(4 / 3)
    assert "sketch_precision_without_sketch" not in truth
    grey = evaluator.finish(outputs(evaluator, lambda batch: 0 * batch["image"] + 128))
    assert grey["hole_l1"] > 0.03
    assert grey["sketch_f_score"] == grey["sketch_f_score_without_color"] == 0
    assert grey["stroke_color_difference"] > 5


def test_baselines_fill_the_hole_alone(evaluators):
    evaluator = evaluators["baselines"]
    acc = [{k: v[batch["mask"]] for k, v in batch.items()} for batch in evaluator.data(0, 1)]
    results = evaluator.finish(acc)
    assert 0 < results["biharmonic_hole_l1"] < 0.5
    assert 0 < results["mean_face_hole_l1"] < 0.5
    assert results["biharmonic_hole_l1"] != results["mean_face_hole_l1"]
    assert all(name.startswith(("biharmonic_", "mean_face_")) for name in results)


def test_held_out_examples_are_the_first_and_never_change(evaluators):
    held_out = evaluators["held_out"].held_out
    holes = np.concatenate([b["hole"][b["mask"]] for b in held_out.batches(2, 0, 1)])
    assert len(held_out) == len(holes) == 3
    for index in range(3):
        np.testing.assert_array_equal(holes[index], held_out[index]["hole"])
    with pytest.raises(IndexError, match="example 3 of 3"):
        held_out[3]


def test_a_preview_shows_six_pictures_a_row():
    image = np.full((50, 50, 3), 10, np.uint8)
    one = np.zeros((50, 50, 1), np.uint8)
    hole, sketch, strokes = one.copy(), one.copy(), one.copy()
    hole[:20], sketch[5], sketch[30], strokes[8], strokes[40] = 1, 1, 1, 1, 1
    example = {"image": image, "mask": hole, "sketch": sketch, "strokes": strokes}
    example["color"] = np.full_like(image, 77)
    picture = preview_sheet([example] * 2, [image + 1] * 2, [image + 2] * 2)
    assert picture.shape == (2 + 2 * 52, 2 + 6 * 52, 3)
    first = [picture[2:52, 2 + 52 * k : 52 + 52 * k] for k in range(6)]
    assert [x[0, 0, 0] for x in first] == [128, 255, 255, 11, 12, 10]
    assert (first[0][30] == 10).all()
    assert (first[1][5] == 0).all() and (first[1][30] == 255).all()
    assert (first[2][8] == 77).all() and (first[2][40] == 255).all()


@pytest.mark.parametrize(
    ("leaf", "value", "message"),
    [
        ("eval.num_examples", 1, "measure two or more"),
        ("data.size", 48, "choose 32, 64"),
        ("features.width", 0, "width"),
        ("loss.form", "log", "loss.form"),
        ("data.masks.everything", 2.0, "probabilities of masks"),
    ],
)
def test_settings_that_do_not_fit_are_refused(leaf, value, message):
    config = config_file.get_config("test")
    *path, name = leaf.split(".")
    section = config
    for part in path:
        section = section[part]
    section[name] = value
    with pytest.raises(InputError, match=message):
        make_task(Settings(config))


def test_ablations_change_what_they_name():
    config = config_file.get_config("test,gate=separate,norm=pixel,style=0,d_input=0,bs=4")
    assert config.model.deconvolution_gate == "separate"
    assert config.model.norm == "pixel"
    assert config.loss.style == 0
    assert config.train.batch_size == 4
    task = make_task(Settings(config))
    assert not task.update.with_user_input
    assert task.update.generator.norm == "pixel"
    with pytest.raises(InputError, match="each is 0 or 1"):
        config_file.get_config("style=2")
    # As published at 512 pixels: tested by its size in test_networks.
    full = config_file.get_config("paper")
    assert (full.model.width, full.data.size, full.train.batch_size) == (64, 512, 8)


@pytest.mark.parametrize(
    ("settings", "absent"),
    [
        ("gate=self,d_input=0", set()),
        ("gate=separate,style=0", {"loss/g/style_raw", "loss/g/style_composed"}),
        ("architecture=coarse_to_fine,norm=pixel", set()),
    ],
)
def test_ablations_can_be_trained(settings, absent):
    """Shapes and dtypes are a fixed point of their update; nothing is compiled."""
    task = make_task(Settings(config_file.get_config(f"test,{settings}")))
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    after, scalars = jax.eval_shape(task.train_step, state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    terms = {"loss/g/pixel", "loss/g/style_raw", "loss/g/style_composed"}
    assert terms & set(scalars) == terms - absent
