"""Published figures, and which network they belong to.

Every figure of SRCNN and of bicubic interpolation here is confirmed: the authors' released weights,
measured by `jaxrepro.papers.srcnn.evaluate`, come within 0.01 dB and 0.0005 of SSIM of it. What the
paper prints and no weights can confirm (other methods, other test sets) is left out.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.task import PublishedFigure, References
from jaxrepro.papers.srcnn.measures.protocol import published as published_protocol

CITATION = (
    "Dong, Loy, He and Tang, Image Super-Resolution Using Deep Convolutional Networks, TPAMI 2016, "
    "arXiv 1501.00092; first at ECCV 2014"
)

_ECCV = "ECCV 2014"
_TPAMI = "TPAMI 2016"
_SECONDARY = "FSRCNN paper, ECCV 2016, quoted second-hand; no released weights measured here"
_ESPCN = "ESPCN paper, CVPR 2016, quoted second-hand; no released weights measured here"
_IMAGES = "91 images"
_IMAGENET = "ImageNet"


@dataclasses.dataclass(frozen=True)
class Figure:
    """Means over a test set: PSNR in dB, and SSIM where it is known.

    training: what the network was trained on, "" for bicubic interpolation.
    """

    psnr: float
    ssim: float | None
    training: str
    source: str


@dataclasses.dataclass(frozen=True)
class Released:
    """A file of the authors' release."""

    network: str
    training: str
    scale: int


# By set and scale: PSNR, SSIM. Both papers have them.
_BICUBIC = {
    ("set5", 2): (33.66, 0.9299),
    ("set5", 3): (30.39, 0.8682),
    ("set5", 4): (28.42, 0.8104),
    ("set14", 2): (30.23, 0.8687),
    ("set14", 3): (27.54, 0.7736),
    ("set14", 4): (26.00, 0.7019),
}

# By network and training set: the source, and by set and scale: PSNR, SSIM.
_NETWORKS: Mapping[
    tuple[str, str], tuple[str, Mapping[tuple[str, int], tuple[float, float | None]]]
] = {
    ("9-1-5", _IMAGES): (
        _ECCV,
        {
            ("set5", 2): (36.34, None),
            ("set5", 3): (32.39, None),
            ("set5", 4): (30.09, None),
            ("set14", 2): (32.18, None),
            ("set14", 3): (29.00, None),
            ("set14", 4): (27.20, None),
        },
    ),
    ("9-1-5", _IMAGENET): (_TPAMI, {("set5", 3): (32.52, None)}),
    ("9-3-5", _IMAGENET): (_TPAMI, {("set5", 3): (32.66, None)}),
    ("9-5-5", _IMAGENET): (
        _TPAMI,
        {
            ("set5", 2): (36.66, 0.9542),
            ("set5", 3): (32.75, 0.9090),
            ("set5", 4): (30.49, 0.8628),
            ("set14", 2): (32.45, 0.9067),
            ("set14", 3): (29.30, 0.8215),
            ("set14", 4): (27.50, 0.7513),
        },
    ),
    ("FSRCNN(56,12,4)", _IMAGES): (
        _SECONDARY,
        {("set5", 2): (36.94, None), ("set5", 3): (33.06, None), ("set5", 4): (30.55, None)},
    ),
    ("FSRCNN(32,5,1)", _IMAGES): (_SECONDARY, {("set5", 3): (32.55, None)}),
    ("ESPCN 5-3-3", _IMAGES): (_ESPCN, {("set5", 3): (32.55, None)}),
}

# By SHA-256: a .mat file says neither its scale nor what it was trained on.
_RELEASED = {
    "51b748297e8669832a4ad27cc4b7eebc6d65d37a77bcb19bef23c1b5f972ea12": ("9-1-5", _IMAGES, 2),
    "ef05325a96221ab9399db844bc833f687796a1078bfa6aacc6930bde60ca5b10": ("9-1-5", _IMAGES, 3),
    "717c2c6f5196a95959f98953f84a359e56fc415eba190b5db016b25896e74862": ("9-1-5", _IMAGES, 4),
    "63906335110253189230f1190a577b431aaab6c3b677c97f2720da4eab7e6efe": ("9-1-5", _IMAGENET, 3),
    "d798df50cf1e1b265ae63204da726fd6bf8b0e42c6dd2f18d5fe618576eec553": ("9-3-5", _IMAGENET, 3),
    "dc06d52ab0ecfb75a4222a33c06c2c23287cf67abbd75b869a178f6305f8cdc1": ("9-5-5", _IMAGENET, 2),
    "fa2ee366d328b942b971c80c24f48dc2b015d5ed4b5790070f720ccfb6ab1578": ("9-5-5", _IMAGENET, 3),
    "3f94150d24e5b60dab2b74f4eaf358aefdc72cbe724d86990435bf877ed452ed": ("9-5-5", _IMAGENET, 4),
}


def released(content: bytes) -> Released | None:
    """Returns which file of the authors' release has this content, None if none."""
    known = _RELEASED.get(hashlib.sha256(content).hexdigest())
    return Released(*known) if known else None


def bicubic_figure(label: str, scale: int, degradation: str) -> Figure | None:
    """Returns what the papers say of bicubic interpolation, None if nothing.

    label: of the set of pictures, such as "set5". degradation: a key of `DEGRADATIONS`; the papers
    measure one only.
    """
    if degradation != "matlab-bicubic" or (label, scale) not in _BICUBIC:
        return None
    return Figure(*_BICUBIC[label, scale], training="", source=f"{_ECCV} and {_TPAMI}")


def network_figures(
    card: Mapping[str, Any], label: str, scale: int, degradation: str
) -> tuple[Figure, ...]:
    """Returns what was published of a network, one figure for each set it was trained on.

    card: as of `networks.network_card`. The other arguments are those of `bicubic_figure`.
    """
    if degradation != "matlab-bicubic":
        return ()
    name = network_name(card)
    return tuple(
        Figure(*figures[label, scale], training, source)
        for (network, training), (source, figures) in _NETWORKS.items()
        if network == name and (label, scale) in figures
    )


def network_name(card: Mapping[str, Any]) -> str:
    """Returns the published name of a network, such as "9-1-5"; "" if it is not a published one.

    Figures belong to networks of one plane: luma.
    """
    kernels, widths = card.get("kernels", ()), list(card.get("widths", ()))
    sides = "-".join(map(str, kernels))
    if card.get("channels") != 1:
        return ""
    if card["name"] == "srcnn" and widths == [64, 32]:
        return sides
    if card["name"] == "fsrcnn":
        return f"FSRCNN({card['features']},{card['shrunk']},{card['mappings']})"
    if card["name"] == "espcn" and widths == [64, 32]:
        return f"ESPCN {sides}"
    return ""


def references(
    card: Mapping[str, Any], *, sets: tuple[str, ...], scale: int, degradation: str
) -> References:
    """Returns the published figures for a network on its validation sets.

    sets: their labels, which begin the names of the results. Baselines are drawn as levels.
    """
    rows: list[PublishedFigure] = []
    meanings: dict[str, str] = {"first-layer/dead_filters": "first-layer filters close to zero"}
    levels: dict[str, tuple[str, ...]] = {}
    for label in sets:
        for figure in network_figures(card, label, scale, degradation):
            rows += _rows(label, "", figure, f"{network_name(card)} trained on {figure.training}")
        if figure := bicubic_figure(label, scale, degradation):
            rows += _rows(label, "_bicubic", figure, "bicubic interpolation")
        for measure, words in (("psnr", "PSNR in dB"), ("ssim", "SSIM")):
            name = f"{label}/{measure}"
            meanings[name] = f"{words} of luma, mean over the pictures of {label}, x{scale}"
            meanings[f"{name}_bicubic"] = f"{words} of bicubic interpolation"
            meanings[f"{name}_linear"] = (
                f"{words} of the best 13 x 13 linear filter, fitted on the training pictures"
            )
            levels[name] = (f"{name}_bicubic", f"{name}_linear")
    measured = published_protocol(scale).sentence()
    rows = [dataclasses.replace(row, protocol=f"{row.protocol}; {measured}") for row in rows]
    return References(tuple(rows), (), meanings, CITATION, levels)


def _rows(label: str, suffix: str, figure: Figure, what: str) -> list[PublishedFigure]:
    values = {"psnr": figure.psnr, "ssim": figure.ssim}
    return [
        PublishedFigure(f"{label}/{measure}{suffix}", value, what, figure.source)
        for measure, value in values.items()
        if value is not None
    ]
