"""Skeletons over pictures: where what is drawn, in which colour."""

import numpy as np
import pytest

from jaxrepro.data.pose.joint_sets import MPII, JointSet
from jaxrepro.draw.skeleton_drawing import (
    SIDE_COLORS,
    Skeleton,
    confidence_color,
    draw_skeletons,
    enlargement,
    side_of,
)

ARM = JointSet(
    "arm",
    ("left_wrist", "left_elbow", "right_wrist"),
    (("left_wrist", "left_elbow"), ("left_elbow", "right_wrist")),
)
NAN = float("nan")


def test_sides_of_joints_and_bones():
    assert (side_of("right_hip"), side_of("pelvis")) == ("right", "middle")
    assert side_of("left_knee", "left_hip") == "left"
    assert side_of("right_hip", "pelvis") == "right"
    assert side_of("right_hip", "left_hip") == "middle"
    assert side_of("thorax", "upper_neck") == "middle"
    sides = [side_of(*bone) for bone in MPII.bones]
    assert [sides.count(side) for side in ("left", "right", "middle")] == [6, 6, 3]


def test_confidence_goes_from_dark_to_bright():
    lightness = [sum(confidence_color(c)) for c in np.linspace(0, 1, 9)]
    assert lightness == sorted(lightness)
    assert len(set(lightness)) == 9
    assert confidence_color(-3.0) == confidence_color(0.0)
    assert confidence_color(1.7) == confidence_color(1.0)


def test_discs_and_bones_lie_where_the_joints_are():
    image = np.full((400, 500, 3), 90, np.uint8)
    points = np.array([[100.0, 50.0], [100.0, 350.0], [NAN, NAN]])
    person = Skeleton(points, np.array([0.25, 1.0, 0.9]), (60.0, 20.0, 80.0, 360.0))
    drawn = draw_skeletons(image, [person], ARM)
    picture, legend = drawn[:400], drawn[400:]
    assert tuple(picture[50, 100]) == confidence_color(0.25)
    assert tuple(picture[350, 100]) == confidence_color(1.0)
    assert tuple(picture[200, 100]) == SIDE_COLORS["left"]
    # The joint that was not found is nowhere, nor is its bone.
    assert (picture[:, 150:] == 90).all()
    assert (picture[200, 60] != 90).all()
    for color in (*SIDE_COLORS.values(), confidence_color(0), confidence_color(1)):
        assert (legend == color).all(axis=-1).any()


def test_small_pictures_are_enlarged_and_several_people_numbered():
    image = np.zeros((100, 40, 3), np.uint8)
    assert enlargement(100, 40) == 4
    assert enlargement(4000, 3000) == 1
    points = np.array([[10.0, 20.0], [30.0, 80.0], [20.0, 50.0]])
    one = Skeleton(points, np.ones(3))
    drawn = draw_skeletons(image, [one], ARM)
    for x, y in points.astype(int):
        assert tuple(drawn[4 * y, 4 * x]) == confidence_color(1.0)
    again = Skeleton(points, np.ones(3))
    assert (draw_skeletons(image, [one, again], ARM) != drawn).any()
    nobody = draw_skeletons(image, [], ARM)
    assert (nobody[:400, :160] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000)])
def test_pictures_of_any_shape_have_their_legend(shape):
    everywhere = np.array([[0.5, 0.5], [5000.0, -300.0], [NAN, 1.0]])
    drawn = draw_skeletons(
        np.zeros((*shape, 3), np.uint8), [Skeleton(everywhere, np.zeros(3))], ARM
    )
    # The legend's last word is whole: white follows it.
    assert (drawn[-20:, -5:] == 255).all()
    assert (drawn[-5:] == SIDE_COLORS["middle"]).all(axis=-1).any()
