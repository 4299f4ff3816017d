"""PSNR and SSIM of several methods over a set of pictures: as text, as JSON, and checked."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.tables import aligned
from jaxrepro.metrics.pictures.decibels import exact_text, mean_decibels
from jaxrepro.papers.srcnn.measures.protocol import Protocol, published
from jaxrepro.papers.srcnn.pairs.planes import grey_note
from jaxrepro.papers.srcnn.tables.figures import Figure


@dataclasses.dataclass(frozen=True)
class Scores:
    """One method on one set: psnr in dB and ssim, one number a picture.

    figures: what was published of it. same: whether they belong to exactly this method, and not to
    a network of the same form trained by somebody else.
    """

    method: str
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    figures: tuple[Figure, ...] = ()
    same: bool = False

    @property
    def mean_psnr(self) -> float:
        """The mean over the pictures that have an error, see `mean_decibels`."""
        return mean_decibels(self.psnr).mean

    @property
    def num_exact(self) -> int:
        """The number of pictures without error."""
        return mean_decibels(self.psnr).num_exact

    @property
    def mean_ssim(self) -> float:
        """The mean over the pictures, in float64."""
        return float(np.mean(self.ssim))


@dataclasses.dataclass(frozen=True)
class ScoreTable:
    """All methods on one set of pictures at one scale.

    label: such as "set5"; spec: as of `data.sets.pictures.open_pictures`; pictures: the kind of
    each, see `planes.kind_of`, by name.
    """

    label: str
    spec: str
    scale: int
    degradation: str
    pictures: Mapping[str, str]
    scores: tuple[Scores, ...]

    @property
    def title(self) -> str:
        """Set and scale, such as "set5 x3"."""
        return f"{self.label} x{self.scale}"

    @property
    def protocol(self) -> Protocol:
        """How everything in the table is measured."""
        return published(self.scale, self.degradation)

    @property
    def notes(self) -> list[str]:
        """Sentences that the numbers need: on grey pictures, and on pictures without error."""
        grey = grey_note(self.pictures, self.protocol.luma)
        exact = [(one.method, exact_text(one.num_exact, len(one.psnr))) for one in self.scores]
        return ([grey] if grey else []) + [f"{name}: {text}" for name, text in exact if text]

    def as_json(self) -> dict[str, Any]:
        """Returns every number, and how it was measured."""
        return {
            "set": self.label,
            "data": self.spec,
            "scale": self.scale,
            "degradation": self.degradation,
            "protocol": self.protocol.record(),
            "protocol_sentence": self.protocol.sentence(),
            "pictures": list(self.pictures),
            "kinds": list(self.pictures.values()),
            "notes": self.notes,
            "methods": [
                {
                    "name": one.method,
                    "psnr": list(one.psnr),
                    "ssim": list(one.ssim),
                    "mean_psnr": one.mean_psnr,
                    "num_exact": one.num_exact,
                    "mean_ssim": one.mean_ssim,
                    "published": [
                        {**dataclasses.asdict(figure), "of_this_very_method": one.same}
                        for figure in one.figures
                    ],
                }
                for one in self.scores
            ],
        }


def pictures_text(table: ScoreTable) -> str:
    """Returns a table with one row a picture and one column a method: PSNR in dB, and SSIM.

    Below it are its notes.
    """
    rows = [
        [name, *(f"{one.psnr[i]:.2f} {one.ssim[i]:.4f}" for one in table.scores)]
        for i, name in enumerate(table.pictures)
    ]
    rows.append(["mean", *(f"{one.mean_psnr:.3f} {one.mean_ssim:.4f}" for one in table.scores)])
    text = aligned([table.title, *(one.method for one in table.scores)], rows)
    return "\n".join([text, *(f"note: {note}" for note in table.notes)])


def means_text(tables: Sequence[ScoreTable]) -> str:
    """Returns a table with one row a mean and published figure: both, and their difference."""
    compared = ["published", "difference"]
    header = ["set", "scale", "method", "PSNR", *compared, "SSIM", *compared, "figure of"]
    rows = []
    for table in tables:
        for one in table.scores:
            start = [table.label, f"x{table.scale}", one.method]
            for figure in one.figures or (None,):
                rows.append([*start, *_beside(one, figure)])
    return aligned(header, rows)


def _beside(one: Scores, figure: Figure | None) -> list[str]:
    psnr, ssim = f"{one.mean_psnr:.3f}", f"{one.mean_ssim:.4f}"
    if figure is None:
        return [psnr, "-", "-", ssim, "-", "-", ""]
    of = ", ".join(filter(None, [figure.training, figure.source]))
    if not one.same:
        of += "; trained by others"
    compared = [psnr, f"{figure.psnr:.2f}", f"{round(one.mean_psnr - figure.psnr, 3) + 0.0:+.3f}"]
    if figure.ssim is None:
        return [*compared, ssim, "-", "-", of]
    difference = f"{round(one.mean_ssim - figure.ssim, 4) + 0.0:+.4f}"  # No minus before 0.
    return [*compared, ssim, f"{figure.ssim:.4f}", difference, of]


def deviations(tables: Sequence[ScoreTable], tolerance: float) -> tuple[list[str], int]:
    """Returns (a sentence for every mean further than `tolerance` dB from its figure, how many).

    The number is of all means that have a published figure of their very own. Raises InputError if
    no network has one: then there is nothing to check but bicubic interpolation.
    """
    pairs = [
        (table, one, figure)
        for table in tables
        for one in table.scores
        if one.same
        for figure in one.figures
    ]
    if not any(figure.training for _, _, figure in pairs):
        raise InputError(
            "--check found no published figure: it needs files of the authors' release, and sets "
            "called Set5 or Set14"
        )
    sentences = [
        f"{one.method} on {table.title}: {one.mean_psnr:.3f} dB, published {figure.psnr:.2f}, "
        f"more than {tolerance:g} apart"
        for table, one, figure in pairs
        if not abs(one.mean_psnr - figure.psnr) <= tolerance
    ]
    return sentences, len(pairs)
