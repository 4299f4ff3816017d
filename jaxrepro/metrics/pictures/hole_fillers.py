"""Fills of holes that learn nothing of faces, to measure a network against."""

from collections.abc import Iterable

import chex
import numpy as np

from jaxrepro.core.errors import InputError


def mean_picture(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the mean of pictures uint8 [H, W, 3] of one size, float64 [H, W, 3] in [0, 255].

    Of aligned faces it is the mean face: take the training pictures. Raises InputError for none.
    """
    total, num = None, 0
    for picture in pictures:
        picture = picture.astype(np.float64)
        if total is None:
            total = np.zeros_like(picture)
        chex.assert_equal_shape([picture, total])
        total += picture
        num += 1
    if total is None:
        raise InputError("no pictures given; a mean needs one or more")
    return total / num


def fill_with(filling: np.ndarray, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Returns `image` with the pixels of `filling` where it is erased, uint8 [H, W, 3].

    filling: [H, W, 3] in [0, 255], rounded to whole values. image: uint8 [H, W, 3]. hole: {0, 1}
    [H, W, 1], 1 = erased. Values of `image` there are not looked at.
    """
    chex.assert_equal_shape([filling, image])
    rounded = np.clip(np.rint(filling), 0, 255).astype(np.uint8)
    return np.where(np.asarray(hole) != 0, rounded, image)


def fill_biharmonic(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Returns `image` with its hole filled as smoothly as its surroundings allow, uint8 [H, W, 3].

    scikit-image's `inpaint_biharmonic` (Damelin and Hoang 2018), with all holes at once. Arguments
    as of `fill_with`; time grows faster than the hole.

    Raises:
      InputError: no pixel is left to go by.
    """
    from skimage.restoration import inpaint_biharmonic

    erased = np.asarray(hole)[..., 0] != 0
    if erased.all():
        raise InputError("everything is erased: a smooth filling needs pixels to go by")
    known = np.where(erased[..., None], 0.0, image.astype(np.float64) / 255)
    filled = inpaint_biharmonic(known, erased, channel_axis=-1)
    return fill_with(np.asarray(filled) * 255, image, hole)
