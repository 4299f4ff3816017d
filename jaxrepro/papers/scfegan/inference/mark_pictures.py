"""Masks, sketches and layers of colour in picture files: which of their pixels mark something.

The command and the studio read them here, so that one file means the same to both.
"""

import numpy as np

from jaxrepro.data.formats.picture_files import Picture

# A mask that erases more than this is more often one of black on white than one that is meant.
_MOST = 0.95


def marks_of(picture: Picture) -> np.ndarray:
    """Returns uint8 {0, 1} [H, W, 1] of a mask or sketch: 1 where it marks.

    Where alpha tells pixels apart, as in a layer of a painting program, they are the opaque ones;
    elsewhere the bright ones. Many programs write alpha that is the same all over.
    """
    told = _told_by_alpha(picture)
    if told is None:
        told = picture.color.mean(axis=2) > picture.maximum / 2
    return told.astype(np.uint8)[..., None]


def colors_of(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Returns (uint8 colours [H, W, 3], uint8 {0, 1} strokes [H, W, 1]) of a layer of colour.

    A colour is given where the layer is opaque, if its alpha tells pixels apart; else everywhere.
    """
    told = _told_by_alpha(picture)
    shape = picture.color.shape[:2]
    strokes = np.ones(shape, np.uint8) if told is None else told.astype(np.uint8)
    color = np.broadcast_to(eight_bits(picture.color), (*shape, 3))
    return np.ascontiguousarray(color), strokes[..., None]


def eight_bits(color: np.ndarray) -> np.ndarray:
    """Returns uint8 of 8 or 16 bits, to the nearest."""
    if color.dtype == np.uint8:
        return color
    return ((color.astype(np.uint32) + 128) // 257).astype(np.uint8)


def erased_text(mask: np.ndarray) -> str:
    """Returns how much a mask {0, 1} [H, W, 1] erases, such as "erases 2 %"."""
    percent = 100 * float(np.mean(mask != 0))
    return f"erases {percent:.0f} %" if percent >= 1 else f"erases {percent:.1g} %"


def mask_warning(mask: np.ndarray) -> str:
    """Returns a sentence about a mask that erases nearly everything, "" for any other."""
    if np.mean(mask != 0) <= _MOST:
        return ""
    return (
        f"the mask {erased_text(mask)} of the picture: what is white is erased, or what is opaque "
        "where its alpha varies; is it black on white?"
    )


def _told_by_alpha(picture: Picture) -> np.ndarray | None:
    """Returns bool [H, W], True where a picture is opaque; None if its alpha says nothing.

    That is if there is none, if it is the same all over, or opaque by more than half all over. A
    picture that is transparent all over is opaque nowhere.
    """
    alpha = picture.alpha
    if alpha is None:
        return None
    least, half = alpha.min(), picture.maximum / 2
    if least > half or 0 < least == alpha.max():
        return None
    return alpha > half
