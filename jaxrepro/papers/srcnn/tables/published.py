"""Which network the published figures belong to."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.task import Caption, PublishedFigure, References
from jaxrepro.papers.srcnn.measures.protocol import published as published_protocol
from jaxrepro.papers.srcnn.tables.figures import (
    BICUBIC,
    CITATION,
    ECCV,
    IMAGENET,
    IMAGES,
    NETWORKS,
    TPAMI,
    Figure,
)

# What needs no network: in words, and in the names of results.
_BASELINES = {"bicubic interpolation": "bicubic", "the best linear filter": "linear"}
_CAPTIONS = {
    "before-after/squares": Caption(
        "In each of the first pictures, the square where bicubic interpolation is furthest from "
        "the original. From the left: bicubic, network, original."
    ),
    "first-layer/filters": Caption(
        "Filters of the first layer, the largest first. Grey is 0; dead ones are crossed out."
    ),
}


@dataclasses.dataclass(frozen=True)
class Released:
    """A file of the authors' release."""

    network: str
    training: str
    scale: int


# By SHA-256: a .mat file says neither its scale nor what it was trained on.
_RELEASED = {
    "51b748297e8669832a4ad27cc4b7eebc6d65d37a77bcb19bef23c1b5f972ea12": ("9-1-5", IMAGES, 2),
    "ef05325a96221ab9399db844bc833f687796a1078bfa6aacc6930bde60ca5b10": ("9-1-5", IMAGES, 3),
    "717c2c6f5196a95959f98953f84a359e56fc415eba190b5db016b25896e74862": ("9-1-5", IMAGES, 4),
    "63906335110253189230f1190a577b431aaab6c3b677c97f2720da4eab7e6efe": ("9-1-5", IMAGENET, 3),
    "d798df50cf1e1b265ae63204da726fd6bf8b0e42c6dd2f18d5fe618576eec553": ("9-3-5", IMAGENET, 3),
    "dc06d52ab0ecfb75a4222a33c06c2c23287cf67abbd75b869a178f6305f8cdc1": ("9-5-5", IMAGENET, 2),
    "fa2ee366d328b942b971c80c24f48dc2b015d5ed4b5790070f720ccfb6ab1578": ("9-5-5", IMAGENET, 3),
    "3f94150d24e5b60dab2b74f4eaf358aefdc72cbe724d86990435bf877ed452ed": ("9-5-5", IMAGENET, 4),
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
    if degradation != "matlab-bicubic" or (label, scale) not in BICUBIC:
        return None
    return Figure(*BICUBIC[label, scale], training="", source=f"{ECCV} and {TPAMI}")


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
        for (network, training), (source, figures) in NETWORKS.items()
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
    levels: dict[str, dict[str, str]] = {}
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
            levels[name] = {words: f"{name}_{method}" for words, method in _BASELINES.items()}
    measured = published_protocol(scale).sentence()
    rows = [dataclasses.replace(row, protocol=f"{row.protocol}; {measured}") for row in rows]
    return References(
        tuple(rows),
        (),
        meanings,
        CITATION,
        levels,
        better={name: "higher" for name in meanings if "/psnr" in name or "/ssim" in name},
        headline=f"{sets[0]}/psnr" if sets else "",
        captions=_CAPTIONS,
    )


def _rows(label: str, suffix: str, figure: Figure, what: str) -> list[PublishedFigure]:
    values = {"psnr": figure.psnr, "ssim": figure.ssim}
    return [
        PublishedFigure(f"{label}/{measure}{suffix}", value, what, figure.source)
        for measure, value in values.items()
        if value is not None
    ]
