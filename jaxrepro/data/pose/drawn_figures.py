"""Articulated figures drawn over free photographs: people for a demo without any download."""

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import MPII, JointSet
from jaxrepro.data.pose.people import People, Person, joint_box
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.data.transforms import random_crop, to_channels

SIDE = 160
_NUM = {"train": 2000, "test": 250}
# Drawn larger and then averaged, for smooth edges.
_SMOOTH = 2
_PIXELS_PER_SCALE = 200


# Lengths are shares of the height of the figure. Angles open towards the side of the limb.
_ARM = ((0.16, 0.15), (-20.0, 170.0), (-20.0, 130.0))
_LEG = ((0.23, 0.23), (-15.0, 60.0), (-70.0, 15.0))


class DrawnFigures(People):
    """Jointed figures in front of photographs, with the 16 joints of MPII, all labelled.

    They are drawings and not people: they show that training works, and accuracies on them say
    nothing about a network on photographs. Each has a trunk with two hips and two shoulders, a
    neck, a head with a face, arms and legs of two segments at random angles, random colours,
    widths and size, and leans by up to 40 degrees. It faces the viewer, so that its right is on
    the left of the picture, and a mirrored figure is a figure again. The photographs behind are
    parts of `photos:train` or `photos:test`. Pictures are 160 x 160; figure i is always the same.

    Splits: "train" (2,000) and "test" (250).
    """

    def __init__(self, split: str = "train"):
        """Raises InputError for another split."""
        if split not in _NUM:
            raise InputError(f"figures has no split {split!r}; its splits are train and test")
        self._split = split
        persons = [_person(split, index) for index in range(_NUM[split])]
        super().__init__(f"figures, {split}", MPII, persons)

    def read_image(self, index: int) -> np.ndarray:
        """Returns the picture of figure `index`, uint8 [160, 160, 3]."""
        rng = _generator(self._split, index, "picture")
        photographs = _photographs(self._split)
        ground = random_crop(photographs[rng.integers(len(photographs))], SIDE, rng)
        return _draw(ground, self.persons[index].joints, rng)

    def _pictures_digest(self) -> str:
        return self.spec  # Drawn anew, always the same.

    def _with(self, spec: str, joint_set: JointSet, persons: Sequence[Person]) -> People:
        raise InputError(
            "drawn figures are all taken, with the joints of MPII; name other people for some of "
            f"them or for the joints of {joint_set.name}"
        )


def _generator(split: str, index: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([sorted(_NUM).index(split), index, len(purpose)])


@functools.cache
def _photographs(split: str) -> list[np.ndarray]:
    pictures = open_pictures(f"photos:{split}")
    return [to_channels(pictures.read(number), 3) for number in range(len(pictures))]


def _person(split: str, index: int) -> Person:
    rng = _generator(split, index, "pose")
    height = rng.uniform(0.55, 0.8) * SIDE
    joints = _pose(rng) * height
    middle, side = joint_box(joints, np.ones(len(joints), bool))
    # Anywhere, but with its middle so far inside that most of it is in the picture.
    center = SIDE / 2 + rng.uniform(-0.12, 0.12, 2) * SIDE
    neck, top = joints[MPII.index("upper_neck")], joints[MPII.index("head_top")]
    labelled = np.ones(len(joints), bool)
    return Person(
        image=f"figure {index}",
        center=center,
        scale=side / _PIXELS_PER_SCALE,
        joints=joints - middle + center,
        labelled=labelled,
        visible=labelled,
        head_size=float(np.linalg.norm(top - neck)),
    )


def _pose(rng: np.random.Generator) -> np.ndarray:
    """Returns joints [16, 2] of a figure of height 1, its pelvis at (0, 0)."""
    at = {"pelvis": np.zeros(2)}
    lean = rng.uniform(-40, 40)
    up, right = _direction(180 + lean), _direction(90 + lean)
    # A person's left is on the right of the picture.
    for side, sign in (("right", -1), ("left", 1)):
        at[f"{side}_hip"] = sign * rng.uniform(0.05, 0.07) * right
        at[f"{side}_shoulder"] = 0.27 * up + sign * rng.uniform(0.09, 0.12) * right
        for part, (lengths, first, bend) in (("arm", _ARM), ("leg", _LEG)):
            start, joints = (
                ("shoulder", ("elbow", "wrist")) if part == "arm" else ("hip", ("knee", "ankle"))
            )
            angle = rng.uniform(*first)
            place = at[f"{side}_{start}"]
            for joint, length in zip(joints, lengths):
                place = place + length * _direction(sign * angle + lean)
                at[f"{side}_{joint}"] = place
                angle += rng.uniform(*bend)
    at["thorax"] = (at["right_shoulder"] + at["left_shoulder"]) / 2
    at["upper_neck"] = at["thorax"] + 0.05 * up
    at["head_top"] = at["upper_neck"] + 0.14 * _direction(180 + lean + rng.uniform(-25, 25))
    return np.stack([at[joint] for joint in MPII.joints])


def _direction(degrees: float) -> np.ndarray:
    """Returns a unit vector; 0 degrees is down in the picture, 90 to the right."""
    return np.array([np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))])


def _draw(ground: np.ndarray, joints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    canvas = Image.fromarray(ground).resize((SIDE * _SMOOTH, SIDE * _SMOOTH))
    draw = ImageDraw.Draw(canvas)
    place = dict(zip(MPII.joints, joints * _SMOOTH))
    unit = float(np.linalg.norm(place["head_top"] - place["upper_neck"])) / 0.14
    shirt, trousers, skin = (tuple(rng.integers(0, 256, 3).tolist()) for _ in range(3))
    widths = {"leg": 0.055, "arm": 0.04}
    for side in ("right", "left"):
        leg = [place[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]
        _limb(draw, leg, trousers, unit * widths["leg"] * rng.uniform(0.8, 1.3))
    trunk = [place[f"{a}"] for a in ("right_shoulder", "left_shoulder", "left_hip", "right_hip")]
    draw.polygon([tuple(corner) for corner in trunk], fill=shirt)
    for a, b in zip(trunk, [*trunk[1:], trunk[0]]):
        _limb(draw, [a, b], shirt, unit * 0.04)
    for side in ("right", "left"):
        shoulder, elbow, wrist = (
            place[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")
        )
        width = unit * widths["arm"] * rng.uniform(0.8, 1.3)
        _limb(draw, [elbow, wrist], skin, width)
        _limb(draw, [shoulder, elbow], shirt, width * 1.15)
    _head(draw, place["thorax"], place["upper_neck"], place["head_top"], skin, unit)
    return np.asarray(canvas.reduce(_SMOOTH))


def _limb(
    draw: ImageDraw.ImageDraw, points: list[np.ndarray], color: tuple[int, ...], width: float
) -> None:
    """Draws segments with round ends."""
    for a, b in itertools.pairwise(points):
        draw.line([tuple(a), tuple(b)], fill=color, width=max(1, round(width)))
    for point in points:
        _disc(draw, point, width / 2, color)


def _head(
    draw: ImageDraw.ImageDraw,
    thorax: np.ndarray,
    neck: np.ndarray,
    top: np.ndarray,
    color: tuple[int, ...],
    unit: float,
) -> None:
    _limb(draw, [thorax, neck], color, unit * 0.05)
    middle, up = (neck + top) / 2, (top - neck) / 2
    radius = float(np.linalg.norm(up))
    for share in np.linspace(-0.45, 0.45, 9):
        # An ellipse along the axis of the head, whichever way it leans.
        _disc(draw, middle + share * up, radius * np.sqrt(1 - share**2) * 0.75, color)
    _disc(draw, middle + 0.45 * up, radius * 0.55, color)
    across = np.array([-up[1], up[0]])
    for sign in (-1, 1):
        _disc(draw, middle + 0.15 * up + sign * 0.28 * across, radius * 0.13, (255, 255, 255))
        _disc(draw, middle + 0.15 * up + sign * 0.28 * across, radius * 0.07, (0, 0, 0))
    mouth = middle - 0.35 * up
    draw.line([tuple(mouth - 0.2 * across), tuple(mouth + 0.2 * across)], fill=(90, 0, 0), width=2)


def _disc(
    draw: ImageDraw.ImageDraw, center: np.ndarray, radius: float, color: tuple[int, ...]
) -> None:
    draw.ellipse([*(center - radius), *(center + radius)], fill=color)
