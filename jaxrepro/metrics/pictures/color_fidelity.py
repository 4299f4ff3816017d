"""Whether a picture has the colours that strokes ask for: differences as the eye sees them."""

import chex
import numpy as np


def stroke_color_differences(
    image: np.ndarray, color: np.ndarray, strokes: np.ndarray, hole: np.ndarray
) -> np.ndarray:
    """Returns the CIEDE2000 difference of every pixel with a stroke in the hole, float64 [P].

    image: uint8 [H, W, 3], sRGB. color: uint8 [H, W, 3], the colours asked for where `strokes`,
    {0, 1} [H, W, 1], are 1. hole: {0, 1} [H, W, 1]. Empty where no stroke lies in the hole. About 1
    is just visible; black and white are 100 apart.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    chex.assert_equal_shape([image, color])
    chex.assert_shape([strokes, hole], (*image.shape[:2], 1))
    where = ((np.asarray(strokes) != 0) & (np.asarray(hole) != 0))[..., 0]
    if not where.any():
        return np.zeros(0)
    pixels = (rgb2lab(x[where][:, None].astype(np.float64) / 255) for x in (image, color))
    return np.asarray(deltaE_ciede2000(*pixels), np.float64)[:, 0]
