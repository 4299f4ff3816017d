"""How decibels are taken: everything that a PSNR depends on beside the two pictures."""

import numpy as np

from jaxrepro.data.ycbcr import to_uint8
from jaxrepro.metrics.image_quality import psnr, ssim


def published_measures(output: np.ndarray, truth: np.ndarray, shave: int) -> dict[str, float]:
    """Returns {"psnr": dB, "ssim": at most 1} of one plane, as the authors' code measures it.

    output, truth: [H, W] in [0, 1]. Both are rounded to 8 bits, then `shave` pixels are cut off
    every side. The published figure of a set is the mean over its pictures.
    """
    inner = (slice(shave, -shave or None),) * 2
    one, two = (to_uint8(planes)[inner] for planes in (output, truth))
    return {"psnr": psnr(one, two), "ssim": ssim(one, two)}
