import pathlib

import numpy as np
import pytest

from jaxrepro.data.pose.joint_sets import LSP
from jaxrepro.data.pose.people import People, Person
from jaxrepro.data.pose.pose_crop import (
    JOINT_BOX_PADDING,
    MPII_PADDING,
    boxes,
    crop_image,
    crop_matrix,
    crop_transform,
    map_points,
    zoomed_crops_transform,
)

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "pose.npz")


def test_matrices_are_those_of_published_code():
    for i in range(len(GOLDEN["tf/pts"])):
        box = GOLDEN["tf/center"][i], GOLDEN["tf/scale"][i]
        rotation, point = GOLDEN["tf/rot"][i], GOLDEN["tf/pts"][i] - 1
        matrix = crop_matrix(*box, 256, rotation)
        np.testing.assert_allclose(matrix, GOLDEN["tf/matrix256"][i], atol=1e-9)
        coarse = crop_matrix(*box, 64, rotation)
        np.testing.assert_array_equal(
            np.trunc(map_points(coarse, point)) + 1, GOLDEN["tf/fwd64"][i]
        )
        back = map_points(np.linalg.inv(coarse), GOLDEN["tf/pts"][i] / 13 - 1)
        np.testing.assert_array_equal(np.trunc(back) + 1, GOLDEN["tf/inv64"][i])


@pytest.mark.parametrize(
    ("scale", "rotation"), [(0.16, 0), (0.16, 30), (0.4, -75), (1.1, 20)], ids=str
)
def test_a_spot_stays_under_its_joint(scale, rotation):
    """A bright square in the picture is found where the matrix puts its middle."""
    image = np.zeros((200, 220, 3), np.uint8)
    image[120:132, 60:72] = 240
    joint, center = np.array([66.0, 126.0]), np.array([68.0, 124.0])
    matrix = crop_matrix(center, scale, 64, rotation)
    crop = crop_image(image, matrix, 64).astype(np.float64)
    assert crop.shape == (64, 64, 3)
    mass = crop[..., 1]
    middles = np.arange(64) + 0.5
    centroid = np.array([mass.sum(axis=0) @ middles, mass.sum(axis=1) @ middles]) / mass.sum()
    np.testing.assert_allclose(centroid, map_points(matrix, joint), atol=0.05)
    # The light of the square, whose area changes with the square of the scale.
    np.testing.assert_allclose(mass.sum(), 240 * (12 * 64 / (200 * scale)) ** 2, rtol=0.06)


def test_positive_rotation_is_anticlockwise():
    image = np.zeros((64, 64, 3), np.uint8)
    image[30:34, 60:64] = 255
    crop = crop_image(image, crop_matrix(np.array([32.0, 32.0]), 0.32, 64, 90), 64)
    expected = np.zeros_like(crop)
    expected[0:4, 30:34] = 255
    np.testing.assert_allclose(crop, expected, atol=1)


def test_whole_pixels_are_copied_and_outside_is_black():
    image = np.random.default_rng(0).integers(1, 256, (20, 20, 3)).astype(np.uint8)
    matrix = crop_matrix(np.array([4.0, 10.0]), 16 / 200, 16)
    crop = crop_image(image, matrix, 16)
    np.testing.assert_array_equal(crop[:, 4:], image[2:18, :12])
    assert not crop[:, :4].any()
    far = crop_image(image, crop_matrix(np.array([500.0, 10.0]), 0.08, 16), 16)
    assert far.shape == (16, 16, 3) and not far.any()


def test_fine_stripes_become_grey_when_shrunk():
    image = np.zeros((200, 200, 3), np.uint8)
    image[:, ::2] = 200
    crop = crop_image(image, crop_matrix(np.array([100.0, 100.0]), 0.72, 32, 10), 32)
    assert np.ptp(crop) <= 2 and crop.mean() == pytest.approx(100, abs=1)


def test_transform_centres_the_padded_box(monkeypatch):
    labelled = np.arange(14) < 9
    joints = np.random.default_rng(0).uniform(10, 50, (14, 2))
    person = Person("a", np.array([30.0, 20.0]), 0.2, joints, labelled, labelled)
    people = People("test", LSP, [person])
    picture = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    monkeypatch.setattr(people, "read_image", lambda index: picture)
    item = crop_transform(32, MPII_PADDING).prepare(people[0])
    # 15 pixels down at scale 1, and a square of 1.25 times the size.
    side = 200 * 0.2 * 1.25
    expected = (joints - [30, 20 + 15 * 0.2]) * 32 / side + 16
    np.testing.assert_allclose(item["joints"], expected, rtol=1e-5)
    assert item["image"].shape == (32, 32, 3) and item["joints"].dtype == np.float32
    np.testing.assert_array_equal(item["labelled"], labelled)
    several = zoomed_crops_transform(32, MPII_PADDING, (0.5, 1.0)).prepare(people[0])
    assert set(several) == {"image"} and several["image"].shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(several["image"][1], item["image"])
    closer = crop_image(picture, crop_matrix(np.array([30.0, 23.0]), 0.125, 32), 32)
    np.testing.assert_array_equal(several["image"][0], closer)
    centers, scales = boxes(people, MPII_PADDING)
    np.testing.assert_allclose(centers, [[30, 23]])
    np.testing.assert_allclose(scales, [0.25])
    np.testing.assert_allclose(boxes(people, JOINT_BOX_PADDING)[0], [[30, 20]])
