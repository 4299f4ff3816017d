import pickle

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.pose.drawn_figures import DrawnFigures
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.data.pose.people import People, Person
from jaxrepro.data.pose.pose_augmentation import (
    AUGMENTATIONS,
    PoseAugmentation,
    augmented_crop_transform,
    mirrored,
)
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, crop_transform


class Dots(People):
    """Two people whose 14 joints are white squares on a dark ground."""

    def __init__(self):
        persons = []
        for seed in range(2):
            places = np.random.default_rng(seed).permutation(25)[:14]
            joints = np.stack([places % 5, places // 5], axis=1) * 16.0 + 20
            has = np.ones(14, bool)
            persons.append(Person(f"{seed}", np.array([52.0, 52.0]), 0.5, joints, has, has))
        super().__init__("dots", LSP, persons)

    def read_image(self, index):
        image = np.full((104, 104, 3), 20, np.uint8)
        for x, y in self.joints[index].astype(int):
            image[y - 3 : y + 3, x - 3 : x + 3] = 200
        return image


def batches(transform, *, seed=3, start=0, num=2):
    # Workers receive the transform so.
    transform = pickle.loads(pickle.dumps(transform))
    with train_iterator(
        Dots(), transform, seed=seed, batch_shape=(2,), start_step=start
    ) as iterator:
        return [next(iterator) for _ in range(num)]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_joints_stay_on_their_dots(name):
    transform = augmented_crop_transform(64, JOINT_BOX_PADDING, AUGMENTATIONS[name], LSP)
    for batch in batches(transform, num=3):
        for image, joints in zip(batch["image"], batch["joints"]):
            inside = ((joints > 2) & (joints < 62)).all(axis=1)
            assert inside.sum() >= 5
            x, y = joints[inside].astype(int).T
            ground = np.median(image, axis=(0, 1))
            assert (image[y, x] > 2 * ground).all()


def test_data_are_a_function_of_seed_and_step():
    transform = augmented_crop_transform(32, JOINT_BOX_PADDING, AUGMENTATIONS["hourglass"], LSP)
    first = batches(transform, num=3)
    again = batches(transform, start=2, num=1)
    for name, value in first[2].items():
        np.testing.assert_array_equal(again[0][name], value)
    other = batches(transform, seed=4, num=1)
    assert (other[0]["joints"] != first[0]["joints"]).any()
    assert first[0]["image"].shape == (2, 32, 32, 3) and first[0]["image"].dtype == np.uint8


def test_mirror_swaps_sides_and_twice_is_none():
    item = crop_transform(48, JOINT_BOX_PADDING).prepare(DrawnFigures("test")[0])
    once = mirrored(item, MPII.mirror_order)
    np.testing.assert_array_equal(once["image"], item["image"][:, ::-1])
    right, left = MPII.index("right_wrist"), MPII.index("left_wrist")
    np.testing.assert_allclose(once["joints"][left], [48, 0] + item["joints"][right] * [-1, 1])
    twice = mirrored(once, MPII.mirror_order)
    np.testing.assert_allclose(twice["joints"], item["joints"], atol=1e-5)
    # The given item is as it was.
    again = crop_transform(48, JOINT_BOX_PADDING).prepare(DrawnFigures("test")[0])
    np.testing.assert_array_equal(item["joints"], again["joints"])


def measured(augmentation, num=600):
    """Zoom, rotation in degrees and mirroring of many crops, from where three joints end up."""
    joints = np.array([[10.0, 10.0], [10.0, 0.0], [20.0, 10.0]] + [[0.0, 0.0]] * 11)
    has = np.ones(14, bool)
    item = {
        "image": np.zeros((20, 20, 3), np.uint8),
        "joints": joints,
        "labelled": has,
        "visible": has,
        "center": joints[0],
        "scale": np.float64(0.1),
        "index": np.int32(0),
    }
    order = tuple(range(14))
    unpaired = type("Unpaired", (), {"mirror_order": order})
    transform = augmented_crop_transform(20, JOINT_BOX_PADDING, augmentation, unpaired)
    rng = np.random.default_rng(0)
    crops = np.stack([transform.augment(item, rng)["joints"][:3] for _ in range(num)])
    up, right = crops[:, 1] - crops[:, 0], crops[:, 2] - crops[:, 0]
    flipped = up[:, 0] * right[:, 1] - up[:, 1] * right[:, 0] < 0
    zoom = 8 / np.linalg.norm(up, axis=1)
    angle = np.rad2deg(np.arctan2(-up[:, 0], -up[:, 1])) * np.where(flipped, -1, 1)
    return zoom, angle, flipped


def test_spread_of_the_variations():
    zoom, angle, flipped = measured(AUGMENTATIONS["hourglass"])
    assert zoom.min() > 2**-0.5 - 1e-4 and zoom.max() < 2**0.5 + 1e-4
    # A standard normal number cut off at 2 has the standard deviation 0.959.
    assert np.log2(zoom).std() == pytest.approx(0.25 * 0.959, abs=0.02)
    assert np.mean(np.abs(angle) > 1e-3) == pytest.approx(0.4, abs=0.06)
    assert np.abs(angle).max() <= 60.001
    assert flipped.mean() == pytest.approx(0.5, abs=0.06)
    zoom, angle, _ = measured(AUGMENTATIONS["princeton"])
    assert zoom.min() > 0.7499 and zoom.max() < 1.2501
    assert zoom.std() == pytest.approx(0.5 / 12**0.5, abs=0.01)
    assert angle.std() == pytest.approx(60 / 12**0.5, abs=1)
    zoom, angle, flipped = measured(AUGMENTATIONS["none"], 20)
    np.testing.assert_allclose(zoom, 1, atol=1e-5)
    np.testing.assert_allclose(angle, 0, atol=1e-3)
    assert not flipped.any()


def test_colour_scales_each_channel():
    grey = PoseAugmentation("normal", 0, "normal", 0, 0, 0, 0.4)
    transform = augmented_crop_transform(64, JOINT_BOX_PADDING, grey, LSP)
    gains = np.stack(
        [np.median(batch["image"], axis=(1, 2)) / 20 for batch in batches(transform, num=20)]
    ).reshape(-1, 3)
    assert gains.min() >= 0.6 and gains.max() <= 1.4
    assert gains.std(axis=0).min() > 0.15 and (gains[:, 0] != gains[:, 1]).any()


def test_evaluation_takes_each_person_once():
    rows = list(eval_batches(Dots(), crop_transform(16, JOINT_BOX_PADDING), 4))
    assert len(rows) == 1 and rows[0]["mask"].tolist() == [True, True, False, False]
    assert rows[0]["image"].shape == (4, 16, 16, 3) and rows[0]["joints"].shape == (4, 14, 2)


def test_errors_name_the_range():
    with pytest.raises(InputError, match="zoom 'log'; allowed are power, normal, uniform"):
        PoseAugmentation(zoom_kind="log")
    with pytest.raises(InputError, match=r"flip_probability=2 given; it must lie in \[0, 1\]"):
        PoseAugmentation(flip_probability=2)
    with pytest.raises(InputError, match="must lie in .*infinity"):
        PoseAugmentation(rotation=-1)
