"""Published means over test sets, as numbers alone.

Every figure of SRCNN and of bicubic interpolation here is confirmed: the authors' released weights,
measured by `jaxrepro.papers.srcnn.evaluate`, come within 0.01 dB and 0.0005 of SSIM of it. What the
paper prints and no weights can confirm (other methods, other test sets) is left out.
"""

import dataclasses
from collections.abc import Mapping

CITATION = (
    "Dong, Loy, He and Tang, Image Super-Resolution Using Deep Convolutional Networks, TPAMI 2016, "
    "arXiv 1501.00092; first at ECCV 2014"
)

ECCV = "ECCV 2014"
TPAMI = "TPAMI 2016"
SECONDARY = "FSRCNN paper, ECCV 2016, quoted second-hand; no released weights measured here"
ESPCN = "ESPCN paper, CVPR 2016, quoted second-hand; no released weights measured here"
IMAGES = "91 images"
IMAGENET = "ImageNet"


@dataclasses.dataclass(frozen=True)
class Figure:
    """Means over a test set: PSNR in dB, and SSIM where it is known.

    training: what the network was trained on, "" for bicubic interpolation.
    """

    psnr: float
    ssim: float | None
    training: str
    source: str


# By set and scale: PSNR, SSIM. Both papers have them.
BICUBIC = {
    ("set5", 2): (33.66, 0.9299),
    ("set5", 3): (30.39, 0.8682),
    ("set5", 4): (28.42, 0.8104),
    ("set14", 2): (30.23, 0.8687),
    ("set14", 3): (27.54, 0.7736),
    ("set14", 4): (26.00, 0.7019),
}

# By network and training set: the source, and by set and scale: PSNR, SSIM.
NETWORKS: Mapping[
    tuple[str, str], tuple[str, Mapping[tuple[str, int], tuple[float, float | None]]]
] = {
    ("9-1-5", IMAGES): (
        ECCV,
        {
            ("set5", 2): (36.34, None),
            ("set5", 3): (32.39, None),
            ("set5", 4): (30.09, None),
            ("set14", 2): (32.18, None),
            ("set14", 3): (29.00, None),
            ("set14", 4): (27.20, None),
        },
    ),
    ("9-1-5", IMAGENET): (TPAMI, {("set5", 3): (32.52, None)}),
    ("9-3-5", IMAGENET): (TPAMI, {("set5", 3): (32.66, None)}),
    ("9-5-5", IMAGENET): (
        TPAMI,
        {
            ("set5", 2): (36.66, 0.9542),
            ("set5", 3): (32.75, 0.9090),
            ("set5", 4): (30.49, 0.8628),
            ("set14", 2): (32.45, 0.9067),
            ("set14", 3): (29.30, 0.8215),
            ("set14", 4): (27.50, 0.7513),
        },
    ),
    ("FSRCNN(56,12,4)", IMAGES): (
        SECONDARY,
        {("set5", 2): (36.94, None), ("set5", 3): (33.06, None), ("set5", 4): (30.55, None)},
    ),
    ("FSRCNN(32,5,1)", IMAGES): (SECONDARY, {("set5", 3): (32.55, None)}),
    ("ESPCN 5-3-3", IMAGES): (ESPCN, {("set5", 3): (32.55, None)}),
}
