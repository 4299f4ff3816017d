"""Pictures of samples/ as data URIs, small enough for a page."""

import base64
import dataclasses
import io
import re
from collections.abc import Mapping

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, read_bytes
from jaxrepro.core.task import Caption

# All pictures of a page together; base64 makes four bytes of three.
_PAGE_BYTES = 1_500_000
_STRIP_BYTES = 70_000
_MAX_NAMES = 12
MAX_STRIP = 6


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of a page: its name and step, the file, and what the <img> needs."""

    name: str
    step: int
    path: Place
    uri: str
    width: int
    height: int
    reduced: bool


@dataclasses.dataclass(frozen=True)
class PictureSet:
    """The pictures of one name: the latest, and at most MAX_STRIP over the run, oldest first.

    caption: what is on them, None where the Task does not say it.
    """

    name: str
    latest: Picture
    strip: tuple[Picture, ...]
    caption: Caption | None = None


def read_pictures(
    folder: Place, captions: Mapping[str, Caption]
) -> tuple[list[PictureSet], list[str]]:
    """Returns the pictures `<name>-<step>.png` in `folder`, and the names that had no room.

    captions: by the results that the pictures are, see `References`; they come first, in that
    order. Raises InputError naming a file that is no picture.
    """
    known = {name.replace("/", "-"): caption for name, caption in captions.items()}
    steps: dict[str, dict[int, Place]] = {}
    for path in sorted(folder.glob("*.png")):
        if match := re.fullmatch(r"(.+)-(\d{8,})", path.stem):
            steps.setdefault(match[1], {})[int(match[2])] = path
    names = [name for name in known if name in steps]
    names += sorted(name for name in steps if name not in known)
    sets = []
    for name in names[:_MAX_NAMES]:
        files = steps[name]
        budget = _PAGE_BYTES // min(len(names), _MAX_NAMES)
        last = max(files)
        chosen = spread(sorted(files), MAX_STRIP) if len(files) > 1 else []
        strip_bytes = min(_STRIP_BYTES, budget // (2 * MAX_STRIP))
        strip = tuple(
            _picture(name, s, files[s], strip_bytes, (560, 480, 360, 240)) for s in chosen
        )
        sides = (1200, 1000, 800, 600, 400, 300)
        latest = _picture(name, last, files[last], budget - len(strip) * strip_bytes, sides)
        sets.append(PictureSet(name, latest, strip, known.get(name)))
    return sets, names[_MAX_NAMES:]


def spread(steps: list[int], count: int) -> list[int]:
    """Returns at most `count` of `steps`, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(count, len(steps))).round().astype(int)
    return [steps[i] for i in places]


def _picture(name: str, step: int, path: Place, max_bytes: int, sides: tuple[int, ...]) -> Picture:
    """Returns the file itself if it is small, else a JPEG of the first side that fits."""
    try:
        content = read_bytes(path)
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()
            image = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a picture: {error}; remove it") from error
    small = len(content) <= max_bytes and max(image.size) <= sides[0]
    kind, width, height = "png", image.width, image.height
    if not small:
        kind = "jpeg"
        content, width, height = _jpeg(image, max_bytes, sides)
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Picture(name, step, path, uri, width, height, reduced=not small)


def _jpeg(image: Image.Image, max_bytes: int, sides: tuple[int, ...]) -> tuple[bytes, int, int]:
    """Returns (JPEG, width, height) of the largest size and quality that fits, or the smallest."""
    content, reduced = b"", image
    for side in sides:
        reduced = image.copy()
        reduced.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in (90, 80):
            buffer = io.BytesIO()
            reduced.save(buffer, format="JPEG", quality=quality, optimize=True)
            content = buffer.getvalue()
            if len(content) <= max_bytes:
                return content, reduced.width, reduced.height
    return content, reduced.width, reduced.height
