"""What a user draws: strokes on the mask, the sketch and the colour, in their order.

A drawing travels and is kept as JSON:

    {"version": 1, "width": 512, "height": 512, "seed": 7,
     "strokes": [{"layer": "mask", "width": 32, "points": [[10.5, 20], [40, 25]]},
                 {"layer": "color", "width": 6, "color": "#a04030", "points": [[12, 22]]},
                 {"layer": "mask", "width": 20, "erase": true, "points": [[40, 25]]}]}

Coordinates are pixels of the photo from its upper left corner. A later stroke covers an earlier
one on the same layer; with "erase" it takes away. "eyes": [x, y, x, y], where a user has marked
them, are those on the left and right of the photo.
"""

import dataclasses
import itertools
import json
import re
from typing import Any

import numpy as np

from jaxrepro.core.config import LARGEST_SEED
from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.stroke_drawing import Stroke, draw_strokes
from jaxrepro.papers.scfegan.studio.limits import Limits

VERSION = 1
LAYERS = ("mask", "sketch", "color")


@dataclasses.dataclass(frozen=True)
class Mark:
    """A stroke, the layer it is on, whether it erases, and its RGB colour on the colour layer."""

    layer: str
    stroke: Stroke
    erase: bool = False
    color: tuple[int, int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The marks on a photo of this size, the eyes, and the seed that they were tried with."""

    width: int
    height: int
    marks: tuple[Mark, ...]
    seed: int = 0
    eyes: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Layers:
    """The pictures that an editor takes beside the photo.

    mask, sketch, strokes: uint8 {0, 1} [H, W, 1]: erased, a line, a colour is given.
    color: uint8 [H, W, 3] RGB, 0 where none is given.
    """

    mask: np.ndarray
    sketch: np.ndarray
    color: np.ndarray
    strokes: np.ndarray


def parse_drawing(text: bytes | str, limits: Limits) -> Drawing:
    """Returns the drawing in a JSON text.

    Raises InputError that names the first thing that is wrong, or what is more than allowed.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the drawing is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError("the drawing is not a JSON object")
    if value.get("version") != VERSION:
        raise InputError(
            f"the drawing has version {value.get('version')!r}; this server reads {VERSION}"
        )
    strokes = value.get("strokes")
    if not isinstance(strokes, list) or len(strokes) > limits.max_strokes:
        raise InputError(f"the drawing has no list of at most {limits.max_strokes} strokes")
    num_points = sum(
        len(stroke["points"])
        for stroke in strokes
        if isinstance(stroke, dict) and isinstance(stroke.get("points"), list)
    )
    if num_points > limits.max_points:
        raise InputError(
            f"the drawing has {num_points} points; at most {limits.max_points} are allowed"
        )
    return Drawing(
        width=_whole(value, "width", 1, 2**16),
        height=_whole(value, "height", 1, 2**16),
        marks=tuple(_parse_mark(index, stroke) for index, stroke in enumerate(strokes)),
        seed=_whole(value, "seed", 0, LARGEST_SEED, 0),
        eyes=_parse_eyes(value.get("eyes", [])),
    )


def drawing_json(drawing: Drawing) -> dict[str, Any]:
    """Returns the JSON value that `parse_drawing` reads."""
    return {
        "version": VERSION,
        "width": drawing.width,
        "height": drawing.height,
        "seed": drawing.seed,
        "strokes": [_mark_json(mark) for mark in drawing.marks],
    } | ({"eyes": list(drawing.eyes)} if drawing.eyes else {})


def draw_layers(drawing: Drawing) -> Layers:
    """Returns the layers, drawn by the code that draws the masks of the training."""
    height, width = drawing.height, drawing.width
    layers = Layers(
        *(np.zeros((height, width, channels), np.uint8) for channels in (1, 1, 3, 1)),
    )
    for layer in LAYERS:
        marks = [mark for mark in drawing.marks if mark.layer == layer]
        # Strokes that say the same thing are drawn in one go.
        for (erase, color), alike in itertools.groupby(marks, lambda m: (m.erase, m.color)):
            covered = draw_strokes(height, width, [mark.stroke for mark in alike])[..., 0] > 0
            if layer == "mask":
                layers.mask[covered] = not erase
            elif layer == "sketch":
                layers.sketch[covered] = not erase
            else:
                layers.strokes[covered] = not erase
                layers.color[covered] = 0 if color is None else color
    return layers


def _parse_mark(index: int, value: Any) -> Mark:
    name = f"stroke {index + 1}"
    if not isinstance(value, dict) or value.get("layer") not in LAYERS:
        raise InputError(f"{name} has no layer; give one of {', '.join(LAYERS)}")
    erase, color = value.get("erase", False), None
    if not isinstance(erase, bool):
        raise InputError(f"{name}: erase is {erase!r}; give true or false")
    if value["layer"] == "color" and not erase:
        color = value.get("color")
        if not isinstance(color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise InputError(f"{name}: color is {color!r}; give one such as '#a04030'")
        red, green, blue = bytes.fromhex(color[1:])
        color = (red, green, blue)
    width = value.get("width")
    if not isinstance(width, int | float) or isinstance(width, bool):
        raise InputError(f"{name}: width is {width!r}; give a number of pixels")
    try:
        stroke = Stroke(_points(value.get("points")), float(width))
    except (InputError, OverflowError) as error:
        raise InputError(f"{name}: {error}") from error
    return Mark(value["layer"], stroke, erase, color)


def _parse_eyes(value: Any) -> tuple[float, ...]:
    numbers = isinstance(value, list) and all(type(x) in (int, float) for x in value)
    if not numbers or len(value) not in (0, 4) or not all(abs(x) <= 2**16 for x in value):
        raise InputError("the drawing's eyes are not [x, y, x, y] in pixels")
    return tuple(value)


def _points(value: Any) -> np.ndarray:
    # numpy would take strings and true for numbers.
    pairs = isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in pair)
        for pair in value
    )
    if not pairs:
        raise InputError("points are not a list of [x, y]")
    return np.array(value, np.float64).reshape(-1, 2)


def _mark_json(mark: Mark) -> dict[str, Any]:
    value: dict[str, Any] = {"layer": mark.layer, "width": round(mark.stroke.width, 2)}
    if mark.color is not None:
        value["color"] = "#" + bytes(mark.color).hex()
    if mark.erase:
        value["erase"] = True
    value["points"] = np.round(mark.stroke.points, 2).tolist()
    return value


def _whole(value: dict, key: str, low: int, high: int, default: int | None = None) -> int:
    number = value.get(key, default)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise InputError(f"the drawing's {key} is {number!r}; give a whole number {low} to {high}")
    return number
