"""Where the people of a picture are: boxes that are given, places of a data set, or the whole."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import parse_json
from jaxrepro.data.pose.people import Person
from jaxrepro.data.pose.pose_crop import PIXELS_PER_SCALE, Padding

# (x, y, width, height) in pixels: the upper left corner and the size.
Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, eq=False)
class PersonBox:
    """Where a person is and which square of the picture the network sees.

    box: of the person. center [2], scale: of the square, 200 scale pixels wide. source: "given",
    "annotation" or "whole picture".
    """

    box: Box
    center: np.ndarray
    scale: float
    source: str

    @property
    def square(self) -> Box:
        """The square as a box."""
        side = PIXELS_PER_SCALE * self.scale
        x, y = (self.center - side / 2).tolist()
        return x, y, side, side


def whole_picture(width: int, height: int) -> PersonBox:
    """Returns the box of one person somewhere in a picture; the square holds all of the picture."""
    square = max(width, height) / PIXELS_PER_SCALE
    center = np.array([width / 2, height / 2])
    return PersonBox((0.0, 0.0, float(width), float(height)), center, square, "whole picture")


def given_person(box: Box, width: int, height: int, padding: Padding) -> PersonBox:
    """Returns the place of a person whose box was given.

    The square is as much wider than the box's longer side as `padding` says. It has the box's
    middle: a shift is for data sets that mark another place. Raises InputError for a box outside
    the picture, which is `width` by `height`.
    """
    x, y, box_width, box_height = box
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise InputError(
            f"the box {','.join(f'{value:g}' for value in box)} lies outside the picture, which "
            f"is {width} x {height}"
        )
    center = np.array([x + box_width / 2, y + box_height / 2])
    scale = max(box_width, box_height) / PIXELS_PER_SCALE * padding.enlarged
    return PersonBox(box, center, scale, "given")


def annotated_person(person: Person, padding: Padding) -> PersonBox:
    """Returns the place of a person of a data set; its box is square, of the size that is noted."""
    side = PIXELS_PER_SCALE * person.scale
    x, y = (person.center - side / 2).tolist()
    center, scale = padding.box(person.center, person.scale)
    return PersonBox((x, y, side, side), center, float(scale), "annotation")


def parse_box(text: str) -> Box:
    """Returns the box of "x,y,width,height"; raises InputError for anything else."""
    try:
        return checked_box([float(part) for part in text.split(",")])
    except ValueError as error:
        raise InputError(
            f"--box={text}: give x,y,width,height in pixels, such as --box=20,10,180,300 ({error})"
        ) from error


def read_boxes(path: pathlib.Path) -> Mapping[str, Sequence[Box]]:
    """Returns the boxes of each picture in a JSON file {"a.jpg": [[x, y, width, height], ...]}.

    Raises InputError if it cannot be read or has another form.
    """
    try:
        content: Any = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    form = 'the form is {"a.jpg": [[x, y, width, height], ...]}'
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        raise InputError(f"{path} is no object of lists of boxes; {form}")
    try:
        return {name: [checked_box(box) for box in boxes] for name, boxes in content.items()}
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: {error}; {form}") from error


def boxes_of(boxes: Mapping[str, Sequence[Box]], source: pathlib.Path, shown: str) -> Sequence[Box]:
    """Returns the boxes of one picture of `read_boxes`.

    It is looked up by its path as given, then by `shown`, its name below the folder that was
    given, then by its file name. Raises InputError if the file has none of them.
    """
    for name in (str(source), shown, source.name):
        if name in boxes:
            return boxes[name]
    raise InputError(f"{source}: the file of boxes does not name it; give it a list, [] for nobody")


def checked_box(values: Any) -> Box:
    """Returns four numbers as a box; raises ValueError or TypeError, which say why, for others."""
    if isinstance(values, str) or len(values) != 4:
        raise ValueError(f"a box has 4 numbers, {values!r} given")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise ValueError(f"a box has 4 numbers, {values!r} given")
    x, y, width, height = (float(value) for value in values)
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise ValueError(f"width and height of a box are positive, {values!r} given")
    return x, y, width, height
