"""Joints drawn over a picture: a skeleton for each person, and how sure the network is of a joint.

Bones tell right, left and middle apart by colour, discs show the confidence of each joint.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxrepro.data.pose.joint_sets import JointSet

Color = tuple[int, int, int]

# Of the person, not of the picture. Also those who see no red or no green tell them apart.
SIDE_COLORS: dict[str, Color] = {
    "right": (240, 130, 0),
    "left": (60, 180, 255),
    "middle": (255, 255, 255),
}
_SIDES = ("left", "right")
# Dark to bright, so that it can be read without its hues.
_RAMP = np.array(
    [(40, 10, 80), (60, 70, 150), (30, 140, 140), (100, 200, 90), (255, 235, 60)], np.float64
)
_DARK = (0, 0, 0)
# Smaller pictures are enlarged, or there is no room for discs and letters.
_SMALLEST_SIDE = 400


@dataclasses.dataclass(frozen=True, eq=False)
class Skeleton:
    """A person to be drawn.

    points: [K, 2] in pixels of the picture; NaN for a joint that is left out, with its bones.
    confidences: [K], drawn from 0 to 1. box: (x, y, width, height) to be drawn, or None.
    """

    points: np.ndarray
    confidences: np.ndarray
    box: tuple[float, float, float, float] | None = None


def confidence_color(confidence: float) -> Color:
    """Returns the colour of a disc; below 0 is drawn as 0, above 1 as 1."""
    place = min(max(confidence, 0.0), 1.0) * (len(_RAMP) - 1)
    red, green, blue = (np.interp(place, range(len(_RAMP)), row) for row in _RAMP.T)
    return round(red), round(green), round(blue)


def side_of(*joints: str) -> str:
    """Returns the key of SIDE_COLORS for a joint, such as "left_knee", or the bone between two."""
    sides = {side for joint in joints if (side := joint.partition("_")[0]) in _SIDES}
    return sides.pop() if len(sides) == 1 else "middle"


def enlargement(height: int, width: int) -> int:
    """Returns how many times larger a picture is drawn: so that one side has 400 pixels."""
    return max(1, -(-_SMALLEST_SIDE // max(height, width)))


def draw_skeletons(
    image: np.ndarray, skeletons: Sequence[Skeleton], joint_set: JointSet
) -> np.ndarray:
    """Returns the picture with skeletons over it and a legend below, uint8 [H', W', 3].

    image: uint8 [H, W, 3]; it is drawn `enlargement(H, W)` times larger, from the top left.
    Several people are numbered from 1.
    """
    height, width = image.shape[:2]
    scale = enlargement(height, width)
    size = (width * scale, height * scale)
    canvas = Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for number, skeleton in enumerate(skeletons, start=1):
        text = str(number) if len(skeletons) > 1 else ""
        _draw_skeleton(draw, skeleton, joint_set, scale, text)
    legend = _legend(max(size))
    whole = Image.new("RGB", (max(size[0], legend.width), size[1] + legend.height), "white")
    whole.paste(canvas, (0, 0))
    whole.paste(legend, (0, size[1]))
    return np.asarray(whole)


def _draw_skeleton(
    draw: ImageDraw.ImageDraw, skeleton: Skeleton, joint_set: JointSet, scale: int, text: str
) -> None:
    points = np.asarray(skeleton.points, np.float64) * scale
    seen = np.isfinite(points).all(axis=1)
    reach = float(np.ptp(points[seen], axis=0).max()) if seen.any() else 0.0
    unit = max(3, round(reach / 70))  # Width of a bone.
    if skeleton.box is not None:
        x, y, width, height = (scale * value for value in skeleton.box)
        draw.rectangle((x, y, x + width, y + height), outline=_DARK, width=3)
        draw.rectangle((x + 1, y + 1, x + width - 1, y + height - 1), outline=(255, 255, 255))
    present = set(np.flatnonzero(seen).tolist())
    bones = [bone for bone in joint_set.bone_indices if present.issuperset(bone)]
    # All casings first: they must not cut through bones that are drawn already.
    for edge in (2, 0):
        for a, b in bones:
            side = side_of(joint_set.joints[a], joint_set.joints[b])
            color = _DARK if edge else SIDE_COLORS[side]
            ends = [*points[a].tolist(), *points[b].tolist()]
            draw.line(ends, fill=color, width=unit + edge)
    for joint in np.flatnonzero(seen):
        middle, radius = points[joint], unit * 1.2
        color = confidence_color(float(skeleton.confidences[joint]))
        for grown, fill in ((2.0, _DARK), (1.0, (255, 255, 255)), (0.0, color)):
            edges = [*(middle - radius - grown), *(middle + radius + grown)]
            draw.ellipse(edges, fill=fill)
    if text:
        place = (points[seen].min(axis=0) if seen.any() else np.zeros(2)).tolist()
        if skeleton.box is not None:
            place = [scale * skeleton.box[0], scale * skeleton.box[1]]
        font = ImageFont.load_default(max(14, 4 * unit))
        inside = (max(2.0, place[0] + 4), max(2.0, place[1] + 4))
        draw.text(inside, text, (255, 255, 255), font=font, stroke_width=2, stroke_fill=_DARK)


def _legend(longest: int) -> Image.Image:
    """Returns the strip that says what the colours mean, for a picture with that longest side."""
    size = max(13, round(longest / 50))
    font = ImageFont.load_default(size)
    words = "confidence"
    ramp, gap = 8 * size, size // 2
    lengths = {word: round(font.getlength(word)) for word in (words, "0", "1", *SIDE_COLORS)}
    # What is written below: words with a gap after each, and three lines with one before and after.
    width = sum(lengths.values()) + ramp + len(SIDE_COLORS) * 2 * size + 14 * gap
    strip = Image.new("RGB", (width, 2 * size), "white")
    draw = ImageDraw.Draw(strip)
    x, middle = gap, size

    def write(word: str) -> None:
        nonlocal x
        draw.text((x, middle), word, _DARK, font=font, anchor="lm")
        x += lengths[word] + gap

    write(words)
    write("0")
    for column in range(ramp):
        color = confidence_color(column / (ramp - 1))
        draw.line((x + column, middle - size // 2, x + column, middle + size // 2), fill=color)
    x += ramp + gap
    write("1")
    for side, color in SIDE_COLORS.items():
        x += gap
        end = x + 2 * size
        draw.line((x, middle, end, middle), fill=_DARK, width=size // 3 + 4)
        draw.line((x + 1, middle, end - 1, middle), fill=color, width=size // 3)
        x = end + gap
        write(side)
    return strip
