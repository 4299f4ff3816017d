"""What the server does with a request's data, apart from HTTP."""

import base64
import dataclasses
import time
from typing import Any, Protocol

import numpy as np

from jaxrepro.core.config import LARGEST_SEED
from jaxrepro.papers.scfegan.inference.crops import CROPS, Box, eyes_box
from jaxrepro.papers.scfegan.inference.mark_pictures import mask_warning
from jaxrepro.papers.scfegan.studio.drawings import (
    Drawing,
    Layers,
    Mark,
    draw_layers,
    drawing_json,
    parse_drawing,
)
from jaxrepro.papers.scfegan.studio.http_errors import RequestError
from jaxrepro.papers.scfegan.studio.limits import Limits
from jaxrepro.papers.scfegan.studio.line_tracing import EdgeMap, suggest_strokes
from jaxrepro.papers.scfegan.studio.photos import Photo, read_layers, read_photo
from jaxrepro.papers.scfegan.studio.projects import is_archive, read_project


class PhotoEditor(Protocol):
    """What the studio needs of a model."""

    def edit(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        sketch: np.ndarray,
        color: np.ndarray,
        strokes: np.ndarray,
        *,
        seed: int,
        num: int,
        crop: str | Box,
    ) -> list[np.ndarray]:
        """Returns `num` edited images, uint8 [H, W, 3], that differ by their noise.

        image, color: uint8 [H, W, 3] RGB. mask, sketch, strokes: uint8 {0, 1} [H, W, 1]. crop: what
        the network sees of the photo, one of `CROPS` or a box.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Edit:
    """The outcome of an edit: PNG files, and what is said about them.

    erased: the share of the photo. warning: of a mask that erases nearly everything, or "".
    """

    files: list[bytes]
    seed: int
    milliseconds: int
    unchanged_outside: bool
    erased: float
    warning: str


@dataclasses.dataclass(frozen=True)
class Jobs:
    """The work behind each address of the API; all methods take form data."""

    editor: PhotoEditor
    edge_map: EdgeMap
    limits: Limits

    def open(self, form: dict[str, bytes]) -> dict[str, Any]:
        """Returns the photo as PNG and the drawing of a picture or project file."""
        data = _part(form, "file")
        if is_archive(data):
            photo, drawing = read_project(data, self.limits)
        else:
            photo = read_photo(data, "the file", self.limits.max_pixels)
            drawing = Drawing(photo.rgb.shape[1], photo.rgb.shape[0], ())
        return {"image": base64_text(photo.file(photo.rgb)), "drawing": drawing_json(drawing)}

    def edit(self, form: dict[str, bytes]) -> Edit:
        """Returns the results of an edit. `milliseconds` are those of the editor."""
        photo = self._photo(form)
        layers, seed = self._layers(form, photo)
        seed = _number(form, "seed", 0, LARGEST_SEED, seed)
        num = _number(form, "num", 1, self.limits.max_results, 1)
        if not layers.mask.any():
            raise RequestError(400, "the mask is empty: nothing is to be changed")
        begin = time.perf_counter()
        results = self.editor.edit(
            photo.rgb,
            layers.mask,
            layers.sketch,
            layers.color,
            layers.strokes,
            seed=seed,
            num=num,
            crop=_crop(form),
        )
        milliseconds = round(1000 * (time.perf_counter() - begin))
        outside = layers.mask[..., 0] == 0
        unchanged = all(np.array_equal(result[outside], photo.rgb[outside]) for result in results)
        return Edit(
            [photo.file(result) for result in results],
            seed,
            milliseconds,
            unchanged,
            float(layers.mask.mean()),
            mask_warning(layers.mask),
        )

    def sketch(self, form: dict[str, bytes]) -> dict[str, Any]:
        """Returns strokes along the photo's edges inside the mask."""
        photo = self._photo(form)
        layers, _ = self._layers(form, photo)
        found = suggest_strokes(photo.rgb, layers.mask, self.edge_map)
        height, width = photo.rgb.shape[:2]
        drawing = Drawing(width, height, tuple(Mark("sketch", stroke) for stroke in found))
        return {"strokes": drawing_json(drawing)["strokes"]}

    def _photo(self, form: dict[str, bytes]) -> Photo:
        return read_photo(_part(form, "image"), "image", self.limits.max_pixels)

    def _layers(self, form: dict[str, bytes], photo: Photo) -> tuple[Layers, int]:
        """Returns the layers and the drawing's seed."""
        height, width = photo.rgb.shape[:2]
        if "drawing" not in form:
            _part(form, "mask")
            files = {name: form[name] for name in ("mask", "sketch", "color") if name in form}
            return read_layers(files, (height, width), self.limits.max_pixels), 0
        if {"mask", "sketch", "color"} & set(form):
            raise RequestError(400, "give either a drawing or pictures of the layers")
        drawing = parse_drawing(form["drawing"], self.limits)
        if (drawing.width, drawing.height) != (width, height):
            raise RequestError(
                400,
                f"the drawing is for {drawing.width} x {drawing.height} pixels and the photo has "
                f"{width} x {height}",
            )
        return draw_layers(drawing), drawing.seed


def _crop(form: dict[str, bytes]) -> str | Box:
    """Returns what the network is to see: a name, or the square around a face."""
    crop, eyes = (form.get(name, b"").decode("utf-8", "replace") for name in ("crop", "eyes"))
    if not eyes:
        if (crop or "whole") not in CROPS:
            raise RequestError(400, f"crop is {crop[:40]!r}; give one of {', '.join(CROPS)}")
        return crop or "whole"
    if crop:
        raise RequestError(400, "give either crop or eyes")
    try:
        x0, y0, x1, y1 = (float(word) for word in eyes.split(","))
    except ValueError as error:
        raise RequestError(400, f"eyes is {eyes[:40]!r}; give x,y,x,y in pixels") from error
    return eyes_box((x0, y0, x1, y1))


def base64_text(data: bytes) -> str:
    """Returns bytes as JSON can hold them."""
    return base64.b64encode(data).decode()


def _part(form: dict[str, bytes], name: str) -> bytes:
    if not form.get(name):
        raise RequestError(400, f"the form has no {name}")
    return form[name]


def _number(form: dict[str, bytes], name: str, low: int, high: int, default: int) -> int:
    text = form.get(name, b"").decode("ascii", "replace") or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and low <= int(text) <= high):
        raise RequestError(400, f"{name} is {text[:40]!r}; give a whole number {low} to {high}")
    return int(text)
