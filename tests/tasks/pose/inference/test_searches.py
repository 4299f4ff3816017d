"""Poses from many views: where they are, that a plain test is part of them, and early answers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.analysis.flops import count_operations
from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import MPII
from jaxrepro.data.pose.people import People, Person
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.tasks.pose.inference.predictor import Predictor
from jaxrepro.tasks.pose.inference.searches import (
    SEARCHES,
    chosen_searches,
    find_poses,
    search_crops,
)
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose

PADDING = JOINT_BOX_PADDING
KEY = jax.random.key(0)


class Redness:
    """A network whose maps are the mean red of each cell, the same for all joints."""

    num_stacks = 2

    def apply(self, variables, images, *, train, num_stacks, rngs):
        del variables, train, num_stacks, rngs
        n, h, w, _ = images.shape
        maps = images[..., 0].reshape(n, h // 4, 4, w // 4, 4).mean((2, 4))
        return jnp.broadcast_to(maps[None, ..., None], (2, n, h // 4, w // 4, len(MPII)))


class Spots(People):
    """People in dark pictures whose only bright spot is around (61.5, 42.5)."""

    def read_image(self, index):
        y, x = np.mgrid[:100, :120] + 0.5
        light = 255 * np.exp(-((x - 61.5) ** 2 + (y - 42.5) ** 2) / (2 * 4.0**2))
        return np.repeat(light[..., None], 3, axis=-1).astype(np.uint8)


def spots(num):
    everything = np.ones(16, bool)
    centers = [np.array([55.0 + 3 * i, 48.0]) for i in range(num)]
    joints = np.tile([61.5, 42.5], (16, 1))
    persons = [Person("", c, 0.3, joints, everything, everything, 10.0) for c in centers]
    return Spots("spots", MPII, persons)


def test_every_search_finds_a_spot_in_the_picture():
    trained = TrainedPose(Redness(), {}, MPII, 64, "none", None, "torch", "test")
    people = spots(3)
    found = find_poses(trained, trained.predictor(), people, PADDING, SEARCHES, 2)
    assert list(found) == ["plain", "flip", "scales", "flip and scales"]
    # A crop is 75 pixels of the picture wide: a cell of its map is 4.7, a pixel of it 1.2.
    for name, tolerance in (("plain", 2.4), ("flip", 2.4), ("scales", 1.3)):
        assert found[name].points.shape == (3, 16, 2)
        assert np.abs(found[name].points - people.joints).max() < tolerance, name
        truncated = found[name].truncated
        np.testing.assert_array_equal(truncated, np.trunc(found[name].points) + 0.5)
        assert found[name].confidences.shape == (3, 16) and (found[name].confidences > 0.5).all()


def test_people_of_a_pass_share_windows_on_any_number_of_devices():
    class Drawn(Redness):
        def apply(self, variables, images, *, rngs, **options):
            maps = super().apply(variables, images, rngs=rngs, **options)
            return jnp.full_like(maps, jax.random.uniform(rngs["pooling"]))

    trained = TrainedPose(Drawn(), {}, MPII, 64, "none", None, "torch", "test")
    predictor = dataclasses.replace(trained.predictor(), windows="resampled")
    searches = {"plain": SEARCHES["plain"]}
    found = find_poses(trained, predictor, spots(5), PADDING, searches, 2)["plain"]
    expected = [jax.random.uniform(jax.random.key(number)) for number in (0, 0, 1, 1, 2)]
    np.testing.assert_array_equal(found.confidences[:, 0], np.array(expected, np.float64))


def test_plain_and_flip_are_what_the_predictor_finds():
    crops = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3)).astype(np.uint8)
    zooms = (0.8, 1.0, 1.3)
    searches = {name: SEARCHES[name] for name in ("plain", "flip")}
    predictor = Predictor(Redness(), MPII, "mpii", "torch")
    found = search_crops(predictor, {}, jnp.asarray(crops), zooms, searches, KEY)
    for name, flip in (("plain", False), ("flip", True)):
        alone = Predictor(Redness(), MPII, "mpii", "torch", flip=flip)
        points, values = alone.points({}, jnp.asarray(crops[:, 1]), KEY)
        np.testing.assert_allclose(32 * found[name][0], points, atol=1e-5)
        np.testing.assert_allclose(found[name][1], values, atol=1e-6)


def test_flags_choose_searches():
    assert list(chosen_searches(flip=False, scales=False)) == ["plain"]
    assert list(chosen_searches(flip=True, scales=False)) == ["plain", "flip"]
    assert list(chosen_searches(flip=False, scales=True)) == ["plain", "scales"]
    assert len(chosen_searches(flip=True, scales=True)) == 4


def test_an_early_answer_costs_no_later_stack():
    x = jax.ShapeDtypeStruct((1, 1, 16, 16, 3), jnp.uint8)
    images = jnp.zeros((1, 16, 16, 3))

    def cost(num_stacks, stacks):
        module = StackedHourglass(num_stacks, 8, depth=1)
        variables = jax.eval_shape(lambda: dict(module.init(KEY, images, train=False)))
        predictor = Predictor(module, MPII, "none", "torch", stacks=stacks)
        searches = {"flip": SEARCHES["flip"]}
        return count_operations(
            lambda v, x: search_crops(predictor, v, x, (1.0,), searches, KEY), variables, x
        ).contractions

    assert cost(2, 1) == cost(1, None)
    assert cost(2, 2) == cost(2, None) > cost(2, 1)
    for stacks in (0, 3):
        with pytest.raises(InputError, match=f"stacks={stacks} given; the network has 2, so give"):
            Predictor(StackedHourglass(2, 8), MPII, "none", "torch", stacks=stacks)
