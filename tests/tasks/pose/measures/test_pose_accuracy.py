"""What a run measures: known predictions have known accuracies."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import Image
from jaxrepro.data.pose.drawn_figures import DrawnFigures
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.data.pose.people import People
from jaxrepro.tasks.pose.inference.predictor import Predictor
from jaxrepro.tasks.pose.measures.accuracy import MEANINGS, measured
from tests.tasks.pose.tiny_pose import tiny_task

FIGURES = DrawnFigures("test")


def named(results, name):
    return {key: value for key, value in results.items() if key.startswith(name)}


def test_true_joints_in_any_order_are_all_found():
    """Through crop, batches and back: the evaluator undoes what the crop does."""
    task = tiny_task()
    evaluator = task.evaluators()["validation"]
    assert len(evaluator.data_set.validation) == 250
    crops = next(evaluator.data(0, 1))
    assert crops["image"].shape == (64, 32, 32, 3)
    people, padding = evaluator.data_set.validation, evaluator.data_set.box_padding
    sides = 200 * 1.25 * people.scales[:, None, None]
    assert padding.enlarged == 1.25
    points = (people.joints - people.centers[:, None]) / sides * 32 + 16
    order = np.random.default_rng(0).permutation(250)
    acc = evaluator.init()
    for part in np.array_split(order, 3):
        acc = evaluator.merge(acc, {"points": points[part], "index": part})
    results = evaluator.finish(acc)
    assert results["pckh@0.5"] == results["pck_wrist@0.2"] == results["pckh_all_joints@0.5"] == 100
    assert results["people_with_torso"] == 250
    # What the page of the run shows.
    pictures = {name for name, value in results.items() if isinstance(value, Image)}
    assert pictures == {"joint_errors", "chosen_people"}
    quiet = dataclasses.replace(evaluator, num_worst=0)
    assert set(quiet.finish(acc)) == set(results) - pictures
    swapped = evaluator.merge(evaluator.init(), {"points": points, "index": order})
    assert evaluator.finish(swapped)["pckh@0.5"] < 60


def test_one_joint_off_by_a_known_share():
    errors = np.zeros_like(FIGURES.joints)
    # Right wrists of the first 100 people are 0.3 torsos away.
    errors[:100, MPII.index("right_wrist"), 0] = 0.3 * FIGURES.torso_sizes[:100]
    results = measured(FIGURES.joints + errors, FIGURES)
    assert results["pck_wrist@0.2"] == pytest.approx((100 + 60) / 2)
    assert results["pck@0.2"] == pytest.approx((13 * 100 + 60) / 14)
    assert results["pck@0.5"] == results["pck_wrist@0.5"] == 100
    assert results["pck_low@0.2"] < results["pck@0.2"] < results["pck_high@0.2"]
    assert {name.split("@")[0] for name in measured(FIGURES.joints, FIGURES)} >= set(MEANINGS)


def test_people_without_heads_have_no_pckh_and_others_without_torso_no_pck():
    headless = [dataclasses.replace(p, head_size=np.nan) for p in FIGURES.persons[:4]]
    results = measured(FIGURES.joints[:4], People("p", MPII, headless))
    assert not named(results, "pckh")
    assert results["pck@0.2"] == 100
    hidden = FIGURES.persons[0].labelled.copy()
    hidden[[MPII.index("right_hip"), MPII.index("left_hip")]] = False
    hipless = [dataclasses.replace(p, labelled=hidden) for p in FIGURES.persons[:4]]
    results = measured(FIGURES.joints[:4], People("p", MPII, hipless))
    assert not named(results, "pck@")
    assert results["pckh@0.5"] == 100
    assert "pckh_hip@0.5" not in results
    assert "pckh_knee@0.5" in results


class BrightestPixel:
    """A network whose maps are the red of the picture, the same for all joints."""

    def apply(self, variables, images, *, train, num_stacks, rngs):
        del variables, train, num_stacks, rngs
        maps = images[:, 2::4, 2::4, :1]
        return jnp.tile(maps[None], (2, 1, 1, 1, len(MPII)))


@pytest.mark.parametrize("flip", [False, True])
def test_peaks_become_pixels_of_the_crop(flip):
    images = np.zeros((2, 32, 32, 3), np.uint8)
    # The whole cell, so that the mirrored picture has it too.
    images[0, 12:16, 20:24, 0] = 200
    images[1, 4:8, 8:12, 0] = 100
    predictor = Predictor(BrightestPixel(), MPII, "none", "torch", flip=flip)
    points, values = predictor.points({}, jnp.asarray(images), jax.random.key(0))
    np.testing.assert_allclose(points, np.tile([[[22, 14]], [[10, 6]]], (1, 16, 1)))
    np.testing.assert_allclose(values, np.tile([[200 / 255], [100 / 255]], (1, 16)), rtol=1e-6)


def test_the_moving_average_is_measured():
    class ByVariable(BrightestPixel):
        def apply(self, variables, images, **rest):
            return super().apply(variables, images + variables["params"], **rest)

    task = tiny_task()
    predictor = Predictor(ByVariable(), MPII, "none", "torch", flip=False)
    evaluator = dataclasses.replace(task.accuracy, predictor=predictor)
    spot = jnp.zeros((32, 32, 3)).at[14, 18].set(5.0)
    net = Net({}, {}, ())
    state = TrainState(
        jnp.zeros((), jnp.int32), jax.random.key(0), {"model": net}, {"model": {"params": spot}}
    )
    batch = {"image": jnp.zeros((1, 32, 32, 3), jnp.uint8), "index": jnp.zeros(1, jnp.int32)}
    out = evaluator.step(state, batch, state.key)
    np.testing.assert_allclose(out["points"][0, 0], [18, 14])


def test_baselines_of_a_few_figures():
    task = tiny_task()
    few = [FIGURES.persons[i] for i in (3, 4, 5, 6)]

    class Few(People):
        def read_image(self, index):
            return FIGURES.read_image(3 + index)

    people = Few("few", MPII, few)
    data = dataclasses.replace(task.data_set, train=people, validation=people)
    baselines = dataclasses.replace(task.evaluators()["baselines"], data_set=data)
    assert baselines.every.due(7, 7)
    assert not baselines.every.due(6, 7)
    acc = baselines.init()
    for rows in baselines.data(0, 1):
        out = baselines.step(None, {k: v for k, v in rows.items() if k != "mask"}, None)
        acc = baselines.merge(acc, {k: v[rows["mask"]] for k, v in out.items()})
    results = baselines.finish(acc)
    # Everybody is their own neighbour.
    assert results["nearest_pck@0.2"] == results["nearest_pckh@0.5"] == 100
    assert results["mean_pose_pck@0.2"] < 90


def test_figures_are_not_given_other_joints():
    with pytest.raises(InputError, match="joints of MPII"):
        FIGURES.in_order_of(LSP)
