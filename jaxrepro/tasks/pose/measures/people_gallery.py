"""People chosen by how well their joints were found, drawn with the found and true skeleton."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxrepro.data.pose.joint_sets import JointSet
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import (
    PIXELS_PER_SCALE,
    Padding,
    crop_image,
    crop_matrix,
    map_points,
)
from jaxrepro.draw.skeleton_drawing import SIDE_COLORS, Color, side_of

_SIDE = 200
_COLUMNS = 4
_GAP = 4
_CAPTION = 34
_HEADING = 22
# Wide enough for most joints that were put beside the person.
_ROOM = Padding(1.6)
_TRUE: dict[str, Color] = dict.fromkeys(SIDE_COLORS, (255, 255, 255))
_DARK = (0, 0, 0)
# So that left and right that were taken for each other are seen; the middle's white is the truth's.
_FOUND = SIDE_COLORS | {"middle": (240, 230, 60)}


def person_errors(predictions: np.ndarray, people: People) -> np.ndarray:
    """Returns each person's mean distance over labelled joints in shares of its size, float64 [N].

    predictions: [N, K, 2] in coordinates of the pictures. The size is 200 times the scale in
    pixels, which everybody has; NaN without a label.
    """
    distances = _distances(predictions, people)
    counts = people.labelled.sum(axis=1)
    return np.where(counts > 0, np.nansum(distances, axis=1) / np.maximum(counts, 1), np.nan)


def chosen_people(errors: np.ndarray, worst: int, others: int) -> dict[str, np.ndarray]:
    """Returns numbers of people by the words for how they were found, nobody twice.

    errors: float64 [N], NaN for nobody's. Those found worst, worst first; and, of who is left,
    `others` around the median of all and `others` found best, best first.
    """
    order = np.argsort(-errors, kind="stable")[: int(np.isfinite(errors).sum())]
    left = order[worst:]
    best = left[::-1][:others]
    left = left[: len(left) - len(best)]
    # By their ranks among all: where the worst and the best are many, the middle is not left.
    ranks = worst + np.arange(len(left))
    nearest = np.argsort(np.abs(ranks - (len(order) - 1) / 2), kind="stable")[:others]
    found = {"found worst": order[:worst], "typical": left[np.sort(nearest)], "found best": best}
    return {words: numbers for words, numbers in found.items() if len(numbers)}


def people_gallery(
    people: People, predictions: np.ndarray, worst: int, others: int = 0
) -> np.ndarray | None:
    """Returns the people of the largest `person_errors`, worst first, uint8 [H, W, 3].

    worst: how many. others: how many typical ones and how many found best are below, each with a
    heading. The true skeleton is white, the found one coloured: orange is the person's right and
    blue its left. Below each: its number from 0, the mean error and the worst joint. None if
    nobody has a label.
    """
    errors = person_errors(predictions, people)
    groups = chosen_people(errors, worst, others)
    if not groups:
        return None
    columns = min(_COLUMNS, max(len(numbers) for numbers in groups.values()))
    step_x, step_y, heading = _SIDE + _GAP, _SIDE + _CAPTION, _HEADING * (others > 0)
    rows = sum(-(-len(numbers) // columns) for numbers in groups.values())
    height = _GAP + rows * step_y + len(groups) * heading + 18
    canvas = Image.new("RGB", (columns * step_x + _GAP, height), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=11)
    distances = _distances(predictions, people)
    above = _GAP
    for words, numbers in groups.items():
        if heading:
            draw.text((_GAP, above), words, fill=_DARK, font=ImageFont.load_default(size=14))
            above += heading
        for place, number in enumerate(numbers.tolist()):
            left, top = _GAP + place % columns * step_x, above + place // columns * step_y
            canvas.paste(_person(people, predictions[number], number), (left, top))
            joint = int(np.nanargmax(distances[number]))
            name = people.joint_set.joints[joint].replace("_", " ")
            text = (
                f"person {number}: mean error {100 * errors[number]:.0f} %\n"
                f"{name} {100 * distances[number, joint]:.0f} %"
            )
            draw.text((left, top + _SIDE + 1), text, fill=_DARK, font=font, spacing=1)
        above += -(-len(numbers) // columns) * step_y
    note = "white: true; orange: found, right; blue: found, left. Errors by the person's size."
    draw.text((_GAP, canvas.height - 16), note, fill=_DARK, font=font)
    return np.asarray(canvas)


def _distances(predictions: np.ndarray, people: People) -> np.ndarray:
    """Returns distances to the truth by the person's size, float64 [N, K]; NaN without a label."""
    sizes = PIXELS_PER_SCALE * people.scales
    distances = np.linalg.norm(predictions - people.joints, axis=-1) / sizes[:, None]
    return np.where(people.labelled, distances, np.nan)


def _person(people: People, points: np.ndarray, number: int) -> Image.Image:
    person = people.persons[number]
    center, scale = _ROOM.box(person.center, person.scale)
    matrix = crop_matrix(center, float(scale), _SIDE)
    picture = Image.fromarray(crop_image(people.read_image(number), matrix, _SIDE))
    draw = ImageDraw.Draw(picture)
    joint_set = people.joint_set
    true = map_points(matrix, person.joints)
    _skeleton(draw, joint_set, true, person.labelled, _TRUE, 2)
    everywhere = np.ones(len(joint_set), bool)
    _skeleton(draw, joint_set, map_points(matrix, points), everywhere, _FOUND, 3)
    return picture


def _skeleton(
    draw: ImageDraw.ImageDraw,
    joint_set: JointSet,
    points: np.ndarray,
    shown: np.ndarray,
    colors: dict[str, Color],
    width: int,
) -> None:
    """Draws bones with a dark rim, and discs; colors: by the key of SIDE_COLORS."""
    joints = joint_set.joints
    bones = [(a, b) for a, b in joint_set.bone_indices if shown[a] and shown[b]]
    for rim in (2, 0):
        for a, b in bones:
            color = _DARK if rim else colors[side_of(joints[a], joints[b])]
            draw.line([tuple(points[a]), tuple(points[b])], fill=color, width=width + rim)
    for number in np.flatnonzero(shown):
        edges = [*(points[number] - width), *(points[number] + width)]
        draw.ellipse(edges, fill=colors[side_of(joints[number])], outline=_DARK, width=1)
