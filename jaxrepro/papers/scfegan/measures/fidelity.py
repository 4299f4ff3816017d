"""How good edits are: near the truth in the hole, and true to the sketch and the colours given."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.devices.row_map import RowMap
from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.tables import aligned, number
from jaxrepro.metrics.features.feature_network import FeatureNetwork
from jaxrepro.metrics.pictures.color_fidelity import stroke_color_differences
from jaxrepro.metrics.pictures.decibels import exact_text
from jaxrepro.metrics.pictures.hole_fillers import fill_biharmonic, fill_with
from jaxrepro.metrics.pictures.hole_quality import MEASURES, SIZE_EDGES, hole_quality, mean_by_size
from jaxrepro.metrics.pictures.line_fidelity import LineCounts, chance_fidelity, line_fidelity
from jaxrepro.metrics.result_names import result_name
from jaxrepro.metrics.samples.frechet import frechet_distance_of

# One picture with what is erased and asked for: image, mask, sketch, color and strokes, uint8.
Example = Mapping[str, np.ndarray]
# From a picture uint8 [H, W, 3] to its lines {0, 1} [H, W, 1]: the detector that drew the sketches.
LinesOf = Callable[[np.ndarray], np.ndarray]

# By which a line may miss, as a share of the picture's diagonal: that of the benchmark of edge
# detectors (Martin, Fowlkes and Malik 2004). 1.4 pixels at 128, 5.4 at 512.
LINE_TOLERANCE = 0.0075


@dataclasses.dataclass(frozen=True)
class EditScores:
    """What is measured of the edits of a set of pictures by one method.

    Attributes:
      quality: by group of hole sizes, see `metrics.pictures.hole_quality.mean_by_size`.
      lines: the edits' lines against the sketches. chance: the same against other pictures'
        sketches; what is above its F-score was followed and not met by accident.
      color_difference: mean CIEDE2000 over all pixels of strokes in holes; None without any.
    """

    quality: Mapping[str, Mapping[str, float]]
    lines: LineCounts
    chance: LineCounts
    color_difference: float | None

    def results(self) -> dict[str, float]:
        """Returns all numbers by name: "hole_l1", "hole_psnr/0.1-0.25", "sketch_f_score", ...

        "hole_psnr_exact" is the number of holes without error, which the mean leaves out.
        """
        numbers: dict[str, float] = {}
        for group, means in self.quality.items():
            # Names of results go into event files, whose tags have no brackets.
            suffix = "" if group == "all" else "/" + group.strip("(]").replace(", ", "-")
            told = [measure for measure in (*MEASURES, "psnr_exact") if measure in means]
            numbers |= {f"hole_{measure}{suffix}": means[measure] for measure in told}
        numbers |= {
            "sketch_precision": self.lines.precision,
            "sketch_recall": self.lines.recall,
            "sketch_f_score": self.lines.f_score,
            "sketch_f_score_by_chance": self.chance.f_score,
        }
        if self.color_difference is not None:
            numbers["stroke_color_difference"] = self.color_difference
        return numbers


def edit_scores(
    edits: Sequence[np.ndarray],
    examples: Sequence[Example],
    lines_of: LinesOf,
    *,
    tolerance: float = LINE_TOLERANCE,
    edges: Sequence[float] = SIZE_EDGES,
) -> EditScores:
    """Returns the scores of `edits`, uint8 [H, W, 3], of two examples or more.

    examples: with sketches, colours and strokes of whole pictures, as they were given; a model that
    was given none is measured against the same ones. tolerance: by which a line may miss, as a
    share of the picture's diagonal. edges: of the groups of hole sizes.

    Raises:
      InputError: the numbers of edits and examples differ or are below two, a mask is empty, or as
        the measurements.
    """
    if len(edits) != len(examples):
        raise InputError(f"{len(edits)} edits of {len(examples)} examples given; give one of each")
    quality = [
        hole_quality(edit, example["image"], example["mask"])
        for edit, example in zip(edits, examples)
    ]
    if len(examples) < 2:
        raise InputError(f"{len(examples)} examples given; measure two or more")
    lines = [lines_of(edit) for edit in edits]
    sketches, holes = ([example[name] for example in examples] for name in ("sketch", "mask"))
    pixels = tolerance * math.hypot(*edits[0].shape[:2])
    differences = np.concatenate(
        [
            stroke_color_differences(edit, *(example[k] for k in ("color", "strokes", "mask")))
            for edit, example in zip(edits, examples)
        ]
    )
    return EditScores(
        quality=mean_by_size(quality, edges),
        lines=line_fidelity(lines, sketches, holes, pixels),
        chance=chance_fidelity(lines, sketches, holes, pixels),
        color_difference=float(differences.mean()) if len(differences) else None,
    )


def baseline_edits(
    examples: Sequence[Example], mean_face: np.ndarray, *, biharmonic: bool = True
) -> dict[str, list[np.ndarray]]:
    """Returns what two methods without learning make of the examples, uint8 [H, W, 3] each.

    "mean face": the hole shows `mean_face`, [H, W, 3] in [0, 255], see `hole_fillers.mean_picture`.
    "biharmonic": the hole is filled smoothly; a picture of which nothing is left gives nothing to
    go by, and is the mean face there too; left out unless `biharmonic`, which takes minutes for a
    large picture. Neither looks at sketch or colours.
    """
    by_mean = [fill_with(mean_face, example["image"], example["mask"]) for example in examples]
    if not biharmonic:
        return {"mean face": by_mean}
    smooth = [
        mean if example["mask"].all() else fill_biharmonic(example["image"], example["mask"])
        for mean, example in zip(by_mean, examples)
    ]
    return {"mean face": by_mean, "biharmonic": smooth}


def feature_distance(
    network: FeatureNetwork,
    edits: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    batch_size: int,
) -> dict[str, float]:
    """Returns the Frechet distance of two sets of pictures uint8 [H, W, 3] by its name.

    The name has the number of edits and the network: compare under one name only.
    """
    edited, real = (picture_features(network, x, batch_size) for x in (edits, truths))
    name = result_name("frechet", len(edits), network.name)
    return {name: frechet_distance_of(edited, real)}


def picture_features(
    network: FeatureNetwork, pictures: Sequence[np.ndarray], batch_size: int
) -> np.ndarray:
    """Returns the network's features of pictures uint8 [H, W, 3] of one size, float32 [N, D]."""

    def features(variables: Any, rows: Any) -> Any:
        return network.apply(variables, rows["image"]).features

    return RowMap(features, batch_size)(network.variables, {"image": np.stack(pictures)})


def comparison_table(scores: Mapping[str, EditScores]) -> str:
    """Returns methods side by side as text: L1, PSNR and SSIM by hole size, then fidelity.

    scores: by the method's name, all of the same examples.
    """
    quality = [
        [
            group,
            f"{row['num']}",
            method,
            f"{row['l1']:.4f}",
            f"{row['psnr']:.2f}",
            f"{row['ssim']:.3f}",
        ]
        for group in next(iter(scores.values())).quality
        for method, score in scores.items()
        for row in [score.quality[group]]
    ]
    fidelity = [
        [
            method,
            *(
                number(value, 3)
                for value in (
                    score.lines.f_score,
                    score.chance.f_score,
                    score.lines.precision,
                    score.lines.recall,
                )
            ),
            number(score.color_difference, 2),
        ]
        for method, score in scores.items()
    ]
    notes = [
        f"{method}: {exact_text(int(means['psnr_exact']), int(means['num']))}"
        for method, score in scores.items()
        if "psnr_exact" in (means := score.quality["all"])
    ]
    return "\n\n".join(
        [
            aligned(["holes", "num", "method", "L1", "PSNR", "SSIM"], quality),
            aligned(["method", "sketch F", "chance", "precision", "recall", "colour"], fidelity),
            *notes,
        ]
    )
