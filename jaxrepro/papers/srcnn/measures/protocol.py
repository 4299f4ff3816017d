"""How decibels are taken: everything that a PSNR depends on beside the network."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.ycbcr import to_uint8
from jaxrepro.metrics.pictures.decibels import MeanDecibels, mean_decibels
from jaxrepro.metrics.pictures.image_quality import SSIM_SIDE, psnr, ssim
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS

PEAK = 255.0
# The patches of the paper's training set, on which the article measures too.
PATCH_SIDE, PATCH_STRIDE = 33, 14

WHOLE = "whole picture"
PATCHES = f"patches {PATCH_SIDE} stride {PATCH_STRIDE}"

# How the errors of pictures or patches become one number.
MEAN_OF_PICTURES = "mean of pictures"
POOLED = "pooled squared error"
MEAN_OF_PATCHES = "mean of patches"
MEAN_OF_PATCHES_BY_PICTURE = "mean of patches in each picture, then of pictures"

_ALLOWED = {
    "degradation": tuple(DEGRADATIONS),
    "luma": ("studio", "full"),
    "grey": ("as stored", "0..255", "16..235"),
    "color_pooling": ("luma only", "all planes"),
    "low_rounding": ("none", "8 bits"),
    "precision": ("float32", "float64"),
    "padding": ("replicate", "zero", "valid"),
    "output_rounding": ("8 bits", "none"),
    "region": (WHOLE, PATCHES),
    "averaging": (MEAN_OF_PICTURES, POOLED, MEAN_OF_PATCHES, MEAN_OF_PATCHES_BY_PICTURE),
    "metric": ("PSNR", "SSIM", "PSNR and SSIM"),
}
_LUMA = {"studio": "luma in 16..235", "full": "luma in 0..255"}
_GREY = {
    "as stored": ", of grey files in 0..255",
    "0..255": ", of pictures without colour in 0..255",
    "16..235": "",
}
_REGIONS = {WHOLE: "whole pictures", PATCHES: f"patches of {PATCH_SIDE} at stride {PATCH_STRIDE}"}


@dataclasses.dataclass(frozen=True)
class Protocol:
    """One way to measure, with all that its numbers depend on. The default is the published one.

    Attributes:
      degradation: a key of `degradation.DEGRADATIONS`.
      scale: by how much pictures are enlarged.
      luma: its range, "studio" (16..235) or "full" (0..255).
      grey: the range of pictures without colour where that of luma is 16..235: "as stored", 0..255
        of a file that is grey and 16..235 of one that is stored in colour, as in the authors' code;
        or one range for both.
      color_pooling: "luma only", or "all planes" for one squared error over them.
      low_rounding: of the low-resolution picture, "none" or "8 bits".
      precision: of the resizing and of the network, "float32" or "float64".
      padding: what layers see beyond the edge, "replicate" or "zero"; with "valid" nothing, and
        the truth and the input lose what the network does.
      output_rounding: of output, input and truth before they are compared, "8 bits" or "none".
      shave: pixels cut off every side after that.
      region: what is measured, `WHOLE` pictures or `PATCHES`.
      averaging: `MEAN_OF_PICTURES` (of one PSNR each), `POOLED` (one squared error over
        everything), `MEAN_OF_PATCHES` (of one PSNR each) or `MEAN_OF_PATCHES_BY_PICTURE`.
        With `PATCHES`, the error of a picture is that of all its patches.
      error_floor: a smaller mean squared error of a patch counts as this much, in squared grey
        levels; without it a patch of one colour has an infinite PSNR and is left out of a mean.
      metric: "PSNR", "SSIM" or "PSNR and SSIM".
    """

    degradation: str = "matlab-bicubic"
    scale: int = 3
    luma: str = "studio"
    grey: str = "as stored"
    color_pooling: str = "luma only"
    low_rounding: str = "none"
    precision: str = "float32"
    padding: str = "replicate"
    output_rounding: str = "8 bits"
    shave: int = 3
    region: str = WHOLE
    averaging: str = MEAN_OF_PICTURES
    error_floor: float = 0.0
    metric: str = "PSNR and SSIM"

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"protocol: {name}={getattr(self, name)!r} given; allowed are "
                    f"{', '.join(allowed)}"
                )
        if self.scale < 2 or self.shave < 0 or self.error_floor < 0:
            raise InputError(
                f"protocol: scale={self.scale}, shave={self.shave}, error_floor={self.error_floor} "
                "given; a scale is at least 2, the others are not negative"
            )
        if self.region == WHOLE and "patches" in self.averaging:
            raise InputError(f"protocol: averaging={self.averaging!r} needs region={PATCHES!r}")
        if self.region == PATCHES and self.padding != "valid":
            raise InputError("protocol: patches are measured with padding='valid'")
        if DEGRADATIONS[self.degradation].low_rounding != "none" and self.low_rounding == "none":
            raise InputError(f"protocol: {self.degradation} has low_rounding='8 bits'")

    def record(self) -> dict[str, Any]:
        """Returns the protocol as JSON, to be written with its numbers."""
        return dataclasses.asdict(self)

    def sentence(self) -> str:
        """Returns the protocol in words, to be printed with its numbers."""
        planes = "all planes as one"
        if self.color_pooling == "luma only":
            planes = _LUMA[self.luma] + (_GREY[self.grey] if self.luma == "studio" else "")
        low = "" if self.low_rounding == "none" else ", low resolution rounded to 8 bits"
        padding = "valid convolutions" if self.padding == "valid" else f"{self.padding} padding"
        output = "rounded to 8 bits" if self.output_rounding == "8 bits" else "not rounded"
        floor = f", errors of at least {self.error_floor:g}" if self.error_floor else ""
        return (
            f"{self.metric} of {planes}; x{self.scale} by {self.degradation} "
            f"({DEGRADATIONS[self.degradation].description}){low}; network in {self.precision} "
            f"with {padding}; results {output}, {self.shave} pixels shaved off; "
            f"{_REGIONS[self.region]}, {self.averaging}{floor}."
        )

    def compared(self, planes: np.ndarray) -> np.ndarray:
        """Returns what is compared, in 0..255, of planes [..., H, W, C] in [0, 1].

        Rounded and shaved. Raises InputError if nothing is left.
        """
        height, width = planes.shape[-3:-1]
        if min(height, width) <= 2 * self.shave:
            raise InputError(
                f"a picture of {width}x{height} pixels has none left when {self.shave} are shaved "
                "off every side; leave it out"
            )
        inner = slice(self.shave, -self.shave or None)
        planes = planes[..., inner, inner, :]
        return to_uint8(planes) if self.output_rounding == "8 bits" else planes * PEAK

    def num_compared(self, planes: np.ndarray) -> int:
        """Returns how many values of each of the planes [N, H, W, C] are compared."""
        height, width, channels = planes.shape[1:]
        return (height - 2 * self.shave) * (width - 2 * self.shave) * channels

    def errors(self, output: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Returns the mean squared error of each picture or patch, float64 [N].

        output, truth: [N, H, W, C] in [0, 1].
        """
        difference = np.subtract(self.compared(output), self.compared(truth), dtype=np.float64)
        return np.mean(difference**2, axis=(1, 2, 3))

    def psnr(self, errors: Sequence[np.ndarray], sizes: Sequence[int]) -> MeanDecibels:
        """Returns the PSNR in dB of a set, and how many pictures or patches have no error.

        Those are left out of a mean of decibels; a pooled error has them in it. errors: what
        `errors` gives for each picture, one number or one a patch. sizes: the pixels that each of a
        picture's numbers is a mean of.
        """
        present = [(one, size) for one, size in zip(errors, sizes, strict=True) if len(one)]
        if not present:
            raise InputError("nothing to measure: no picture is as large as a patch")
        if self.averaging == POOLED:
            pixels = [len(one) * size for one, size in present]
            pooled = float(np.average([one.mean() for one, _ in present], weights=pixels))
            return MeanDecibels(_decibels(pooled), sum(not one.any() for one, _ in present))
        floored = [np.maximum(one, self.error_floor) for one, _ in present]
        if self.averaging == MEAN_OF_PICTURES:
            return mean_decibels(_decibels(float(one.mean())) for one, _ in present)
        decibels = [np.array([_decibels(float(x)) for x in one]) for one in floored]
        if self.averaging == MEAN_OF_PATCHES_BY_PICTURE:
            pictures = [mean_decibels(one) for one in decibels]
            num_exact = sum(one.num_exact for one in pictures)
            return MeanDecibels(mean_decibels(one.mean for one in pictures).mean, num_exact)
        return mean_decibels(np.concatenate(decibels))


PUBLISHED = Protocol()


def published(scale: int, degradation: str = PUBLISHED.degradation) -> Protocol:
    """Returns the protocol of the authors' code and of all published numbers, at one scale.

    As many pixels are shaved off as pictures are enlarged. degradation: a key of `DEGRADATIONS`;
    another than the authors' brings the luma and the rounding that it implies.
    """
    implied = DEGRADATIONS[degradation]
    return dataclasses.replace(
        PUBLISHED,
        degradation=degradation,
        scale=scale,
        shave=scale,
        luma=implied.luma,
        low_rounding=implied.low_rounding,
    )


def published_measures(
    output: np.ndarray, truth: np.ndarray, shave: int, name: str = ""
) -> dict[str, float]:
    """Returns {"psnr": dB, "ssim": at most 1} of one plane, by `published(scale=shave)`.

    output, truth: [H, W] in [0, 1]. Both are rounded to 8 bits, then `shave` pixels are cut off
    every side. The published figure of a set is the mean over its pictures. name: of the picture,
    for messages. Raises InputError for one of which less than SSIM's window is left.
    """
    height, width = truth.shape
    if min(height, width) - 2 * shave < SSIM_SIDE:
        raise InputError(
            f"{prefix(name)}a picture of {width}x{height} pixels is too small for SSIM: "
            f"{SSIM_SIDE} must be left of each side when {shave} are shaved off both ends; leave "
            "it out"
        )
    protocol = dataclasses.replace(PUBLISHED, shave=shave)
    one, two = (protocol.compared(planes[..., None])[..., 0] for planes in (output, truth))
    return {"psnr": psnr(one, two), "ssim": ssim(one, two)}


def prefix(name: str) -> str:
    """Returns how a message on a picture of this name begins, "" where it has none."""
    return f"{name}: " if name else ""


def _decibels(error: float) -> float:
    return math.inf if error == 0 else 10 * math.log10(PEAK**2 / error)
