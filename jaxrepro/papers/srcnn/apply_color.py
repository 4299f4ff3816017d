"""Pictures through networks of any colour: what a network sees of a picture, and the way back."""

from collections.abc import Callable

import chex
import numpy as np

from jaxrepro.data.resize import resize
from jaxrepro.data.ycbcr import LUMA_WEIGHTS, rgb_to_ycbcr, ycbcr_to_rgb


def split(picture: np.ndarray, color: str) -> np.ndarray:
    """Returns the planes, floating [H, W, planes] in [0, 1], that a network of `color` sees.

    picture: floating [H, W, 3], R, G, B in [0, 1], or [H, W, 1], grey. color: a key of
    `planes.COLORS`. Nothing is rounded, so that pictures of 16 bits keep theirs. A grey picture is
    its own luma, in full range, as in the authors' evaluation; where three planes are wanted, its
    grey is R, G and B.
    """
    chex.assert_shape(picture, (None, None, {1, 3}))
    if picture.shape[-1] == 1:
        if color == "y":
            return picture
        picture = np.repeat(picture, 3, axis=-1)
    if color == "rgb":
        return picture
    ycbcr = rgb_to_ycbcr(picture)
    return ycbcr[..., :1] if color == "y" else ycbcr


def join(planes: np.ndarray, picture: np.ndarray, color: str) -> np.ndarray:
    """Returns the picture, floating [H', W', 1 or 3], of a network's result.

    planes: [H', W', planes], what the network of `color` made of `split(picture, color)`. picture:
    [H, W, 1 or 3], from which chroma is interpolated if the network has none; the result is grey
    if this is. It is not clipped.
    """
    grey = picture.shape[-1] == 1
    if color == "y":
        if grey:
            return planes
        chroma = resize(rgb_to_ycbcr(picture)[..., 1:], planes.shape[:2])
        return ycbcr_to_rgb(np.concatenate([planes, chroma], axis=-1))
    rgb = planes if color == "rgb" else ycbcr_to_rgb(planes)
    return rgb @ LUMA_WEIGHTS[:, None].astype(rgb.dtype) if grey else rgb


def enlarge(
    picture: np.ndarray, color: str, network: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Returns the enlarged picture, floating [H', W', 1 or 3] as `picture` [H, W, 1 or 3].

    network: from planes [H, W, planes] of `color` to [H', W', planes]; it does the interpolation
    that comes before a network of factor 1. See `split` and `join`.
    """
    return join(network(split(picture, color)), picture, color)
