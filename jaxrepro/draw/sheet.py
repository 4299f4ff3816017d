"""Many images as one picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxrepro.core.errors import InputError
from jaxrepro.data.transforms import to_uint8

MAX_COLUMNS = 20
# Images smaller than this are enlarged: 16 pixels are a speck on a screen.
VISIBLE_SIDE = 48
_WHITE = 255


def sheet(
    images: np.ndarray, columns: int, *, padding: int = 2, scale: int | None = None
) -> np.ndarray:
    """Images in rows of `columns`, uint8 [H', W', C], in their order, from the top left.

    With cells of h = scale * H pixels, H' = rows * (h + padding) + padding, and W' likewise. What
    the last row leaves free is white.

    Args:
      images: [N, H, W, C] with C 1 or 3; uint8, or float in [-1, 1].
      columns: images in a row.
      padding: white pixels between images and around them.
      scale: how many times to repeat every pixel; None takes the smallest number that makes the
        shorter side `VISIBLE_SIDE` or more.

    Raises:
      InputError: for images of another form, none at all, or numbers out of range.
    """
    images = _checked(images)
    num, height, width, channels = images.shape
    if columns < 1 or padding < 0 or (scale is not None and scale < 1):
        raise InputError(
            f"columns={columns}, padding={padding}, scale={scale} given; "
            "columns and scale must be 1 or more, padding 0 or more"
        )
    repeats = -(-VISIBLE_SIDE // min(height, width)) if scale is None else scale
    rows = -(-num // columns)
    cells = np.full((rows * columns, height, width, channels), _WHITE, np.uint8)
    cells[:num] = images
    cells = cells.repeat(repeats, axis=1).repeat(repeats, axis=2)
    # The gap after each cell belongs to it, the gap before the first is added at the end.
    cells = _pad(cells, (0, 0), (0, padding), (0, padding), (0, 0))
    grid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    picture = grid.reshape(rows * grid.shape[1], columns * grid.shape[3], channels)
    return _pad(picture, (padding, 0), (padding, 0), (0, 0))


def row_sheet(
    images: np.ndarray, texts: Sequence[str], *, padding: int = 2, scale: int | None = None
) -> np.ndarray:
    """Images in rows of equal length, each with a text at its left, uint8 [H', W', C].

    Args:
      images: [N, H, W, C] with C 1 or 3; uint8, or float in [-1, 1].
      texts: one a row, of one or more lines; their number must divide N.
      padding, scale: as for `sheet`.

    Raises:
      InputError: as `sheet`, and if the images do not fill the rows.
    """
    images = _checked(images)
    if not texts or len(images) % len(texts):
        raise InputError(f"{len(images)} images do not fill {len(texts)} rows")
    picture = sheet(images, len(images) // len(texts), padding=padding, scale=scale)
    row_height = (len(picture) - padding) // len(texts)
    strip = _pad(_text_rows(texts, row_height), (0, len(picture) - row_height * len(texts)), (0, 0))
    return np.concatenate([np.repeat(strip[..., None], picture.shape[-1], axis=-1), picture], 1)


def class_sheet(
    images: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str] | None = None,
    *,
    per_class: int | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> np.ndarray:
    """Images with one row a class, uint8 [H', W', C]; the classes that occur, in ascending order.

    More than `MAX_COLUMNS` images of a class continue on further rows.

    Args:
      images: [N, H, W, C] with C 1 or 3; uint8, or float in [-1, 1].
      labels: int [N].
      class_names: by label, written at the left of the class's first row; None for none.
      per_class: how many images of each class to show at most, the first ones; None for all.
      padding, scale: as for `sheet`.

    Raises:
      InputError: as `sheet`, and if labels are not one integer an image or have no name.
    """
    images, labels = _checked(images), np.asarray(labels)
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"labels of shape {labels.shape} and type {labels.dtype} given for {len(images)} "
            "images; they must be one integer an image"
        )
    if per_class is not None and per_class < 1:
        raise InputError(f"per_class={per_class} given; it must be 1 or more")
    members = {int(c): np.flatnonzero(labels == c)[:per_class] for c in np.unique(labels)}
    columns = min(max(map(len, members.values())), MAX_COLUMNS)
    blank = np.full_like(images[:1], _WHITE)
    cells: list[np.ndarray] = []
    names: list[int | None] = []
    for label, chosen in members.items():
        free = -len(chosen) % columns
        cells += [images[chosen], *[blank] * free]
        names += [label] + [None] * ((len(chosen) + free) // columns - 1)
    if class_names is None:
        return sheet(np.concatenate(cells), columns, padding=padding, scale=scale)
    if min(members) < 0 or max(members) >= len(class_names):
        raise InputError(
            f"labels {min(members)} to {max(members)} given with names for 0 to "
            f"{len(class_names) - 1}; name every class"
        )
    texts = ["" if label is None else class_names[label] for label in names]
    return row_sheet(np.concatenate(cells), texts, padding=padding, scale=scale)


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise InputError(
            f"images of shape {images.shape} given; they must be [N, H, W, C], at least one, "
            "with C 1 or 3"
        )
    if np.issubdtype(images.dtype, np.floating):
        return to_uint8(images)
    if images.dtype != np.uint8:
        raise InputError(f"images of type {images.dtype} given; allowed are uint8 and floats")
    return images


def _pad(array: np.ndarray, *widths: tuple[int, int]) -> np.ndarray:
    return np.pad(array, widths, constant_values=_WHITE)


def _text_rows(texts: Sequence[str], row_height: int) -> np.ndarray:
    """Black on white lines of text, uint8 [len(texts) * row_height, W], each within its own row."""
    size = min(max(row_height // 3, 10), 16)
    font = ImageFont.load_default(size)
    margin = size // 2
    width = 2 * margin + int(
        np.ceil(max(font.getlength(line) for text in texts for line in text.split("\n")))
    )
    rows = []
    for text in texts:
        row = Image.new("L", (width, row_height), _WHITE)
        draw = ImageDraw.Draw(row)
        draw.text((margin, row_height / 2), text, fill=0, font=font, anchor="lm")
        rows.append(np.asarray(row))
    return np.concatenate(rows)
