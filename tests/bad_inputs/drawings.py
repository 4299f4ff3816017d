"""The picture that nothing is wrong with."""

import numpy as np
from PIL import Image


def drawn(height: int = 24, width: int = 24) -> Image.Image:
    """Returns a picture of noise and a ramp."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    pixels[:, : width // 2] = np.arange(height, dtype=np.uint8)[:, None, None]
    return Image.fromarray(pixels)
