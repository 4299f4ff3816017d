"""Decibels of colour pictures: of Y, Cb and Cr, of the three together, and of R, G and B.

What the paper's table calls "RGB colour image" is the squared error pooled over Y, Cb and Cr: so
taken, bicubic interpolation has the published 34.57 dB on Set5. Its true RGB PSNR is 28.61 dB.
Both are given here, under their names.
"""

import functools
from collections.abc import Mapping

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.ycbcr import full_range_luma, rgb_to_ycbcr, to_uint8, ycbcr_to_rgb
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.metrics.pictures.decibels import mean_measures
from jaxrepro.metrics.pictures.image_quality import psnr
from jaxrepro.papers.srcnn.measures.evaluators import Canvases, Quality
from jaxrepro.papers.srcnn.measures.protocol import prefix, published_measures
from jaxrepro.papers.srcnn.pairs.planes import crop_to_multiple, has_color

# In the order of the table's columns.
MEASURES = ("psnr_y", "psnr_cb", "psnr_cr", "psnr_pooled", "psnr_rgb")


@functools.lru_cache(maxsize=8)
def true_pictures(spec: str, scale: int) -> tuple[np.ndarray, ...]:
    """Returns the pictures of `spec`, uint8 [H, W, 1 or 3], cropped to multiples of `scale`."""
    pictures = open_pictures(spec)
    return tuple(
        crop_to_multiple(pictures.read(number), scale, name)
        for number, name in enumerate(pictures.names)
    )


def rounded(planes: np.ndarray, color: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (Y Cb Cr, R G B), both uint8 [H, W, 3], of a network's three planes.

    planes: floating [H, W, 3] in [0, 1]; color: "ycbcr" or "rgb". The planes are rounded to 8 bits
    first, as in a file, and the other form is computed from the rounded ones and rounded too.
    """
    own = to_uint8(planes)
    return (rgb_to_ycbcr(own), own) if color == "rgb" else (own, ycbcr_to_rgb(own))


def color_measures(
    planes: np.ndarray, truth: np.ndarray, color: str, shave: int, name: str = ""
) -> dict[str, float]:
    """Returns the PSNRs of one picture in dB, by the names in `MEASURES`.

    planes: floating [H, W, 3] in [0, 1], of `color` "ycbcr" or "rgb"; truth: uint8 [H, W, 3], R,
    G, B. See `rounded`; `shave` pixels are cut off every side. Y, Cb and Cr are of studio range
    with a peak of 255, as published. "psnr_pooled" is of the mean squared error over Y, Cb and Cr
    together, "psnr_rgb" over R, G and B. A plane without error has an infinite PSNR. Raises
    InputError for a picture of which nothing is left; name: of the picture, for the message.
    """
    if min(truth.shape[:2]) <= 2 * shave:
        raise InputError(
            f"{prefix(name)}a picture of {truth.shape[1]}x{truth.shape[0]} pixels has none left "
            f"when {shave} are shaved off every side; leave it out"
        )
    inner = (slice(shave, -shave or None),) * 2
    ycbcr, rgb = (one[inner] for one in rounded(planes, color))
    true_ycbcr, true_rgb = rgb_to_ycbcr(truth)[inner], truth[inner]
    single = (psnr(ycbcr[..., plane], true_ycbcr[..., plane]) for plane in range(3))
    return dict(zip(MEASURES, (*single, psnr(ycbcr, true_ycbcr), psnr(rgb, true_rgb))))


def luma_measures(
    planes: np.ndarray, truth: np.ndarray, color: str, shave: int, name: str = ""
) -> dict[str, float]:
    """Returns PSNR and SSIM of the luma of one picture by the published protocol.

    As `color_measures`, but truth may be grey, [H, W, 1]: its own luma, as published, beside which
    stands the full-range luma of the result.
    """
    ycbcr, rgb = rounded(planes, color)
    grey = truth.shape[-1] == 1
    luma = full_range_luma(rgb)[..., 0] if grey else ycbcr[..., 0]
    true_luma = truth[..., 0] if grey else rgb_to_ycbcr(truth)[..., 0]
    return published_measures(luma / 255, true_luma / 255, shave, name)


class ColorQuality(Quality):
    """`Quality` of networks of three planes: of luma, and of every plane of colour pictures."""

    @property
    def measured_on(self) -> str:
        """The pictures, and which of them, and of their planes, a result is of."""
        return (
            f"{self._pictures_in_words}; psnr and ssim of luma, the others of the planes that they "
            f"name, where pictures have colour; {self.scale} pixels shaved off every side"
        )

    def finish(self, acc: Canvases) -> Mapping[str, float]:
        """Returns the means over the pictures.

        "psnr" and "ssim" are of luma, over all pictures: comparable with those of a luma network.
        The names in `MEASURES` are over colour pictures and absent where there are none.
        """
        truths = true_pictures(self.pictures, self.scale)
        pairs = [(acc[number], truth) for number, truth in enumerate(truths)]
        luma = [
            luma_measures(*pair, self.color, self.scale, one.name)
            for pair, one in zip(pairs, self.prepared, strict=True)
        ]
        colored = [
            color_measures(*pair, self.color, self.scale, one.name)
            for pair, one in zip(pairs, self.prepared, strict=True)
            if has_color(pair[1])
        ]
        return mean_measures(luma) | (mean_measures(colored) if colored else {})
