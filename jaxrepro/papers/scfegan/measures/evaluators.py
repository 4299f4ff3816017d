"""Measurements on held-out pictures: edits of the moving average, and fillings without it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch, Image
from jaxrepro.draw.sheet import sheet
from jaxrepro.losses.feature_distance import perceptual_distance
from jaxrepro.metrics.evaluators import Columns, KeepsRows
from jaxrepro.metrics.features.vgg_network import VggNetwork
from jaxrepro.metrics.pictures.hole_fillers import mean_picture
from jaxrepro.metrics.result_names import result_name
from jaxrepro.metrics.samples.frechet import frechet_distance_of
from jaxrepro.papers.scfegan.examples.held_out import HeldOut
from jaxrepro.papers.scfegan.examples.training_examples import conditions_of
from jaxrepro.papers.scfegan.faces.face_sets import Faces
from jaxrepro.papers.scfegan.faces.sketches import canny_sketch
from jaxrepro.papers.scfegan.measures.fidelity import Example, baseline_edits, edit_scores
from jaxrepro.papers.scfegan.network.conditions import (
    Conditions,
    composite,
    generator_input,
    scaled,
    to_bytes,
)
from jaxrepro.papers.scfegan.training.update import GENERATOR, EditingUpdate, feature_variables

_GREY, _WHITE = 128, 255


def preview_sheet(
    examples: Sequence[Example], raw: Sequence[np.ndarray], edits: Sequence[np.ndarray]
) -> np.ndarray:
    """Returns rows of six pictures, uint8 [H', W', 3], one row an example.

    From the left: the picture with its hole in grey, the sketch in the hole, black on white; the
    colours given in the hole, on white; the generator's whole picture `raw`; the edit; the truth.
    """
    cells = []
    for example, whole, edit in zip(examples, raw, edits, strict=True):
        hole = example["mask"] > 0
        lines = hole & (example["sketch"] > 0)
        colored = hole & (example["strokes"] > 0)
        cells += [
            np.where(hole, np.uint8(_GREY), example["image"]),
            np.where(lines, np.uint8(0), np.full_like(example["image"], _WHITE)),
            np.where(colored, example["color"], np.uint8(_WHITE)),
            whole,
            edit,
            example["image"],
        ]
    return sheet(np.stack(cells), 6)


# What is kept from the generator, beside everything that the examples have.
WITHHELD = {
    "without_sketch": ("sketch",),
    "without_color": ("strokes",),
    "without_input": ("sketch", "strokes"),
}
# What is told of such edits, of all holes together and, of nearness, by their size.
_TOLD_OF_WITHHELD = (
    "hole_l1",
    "hole_psnr",
    "hole_psnr_exact",
    "sketch_f_score",
    "stroke_color_difference",
)
# Training pictures that the mean picture is made of, at most.
_NUM_FOR_MEAN = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOutEdits(KeepsRows):
    """Edits of held-out pictures with their own sketch and colours given, and without.

    Results of the edits with everything given have the names of `fidelity.EditScores`; those of
    edits with something withheld end in "_without_sketch" and so on: the same sketches and colours
    are looked for in them.
    """

    update: EditingUpdate
    held_out: HeldOut
    every: Every
    batch_size: int
    sheet_rows: int

    @property
    def measured_on(self) -> str:
        """The pictures, and whose edits."""
        return (
            f"{self.held_out.words}; edits of the generator's moving average, given the picture's "
            "own sketch and colours unless the name says what is withheld"
        )

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the examples."""
        return self.held_out.batches(self.batch_size, process, num_processes)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the generator's raw picture, the edits and their features, and the examples."""
        del key
        conditions = conditions_of(batch)
        truth = scaled(conditions["image"])
        raw = self._complete(state, conditions)
        edited = composite(raw, truth, conditions["mask"])
        network = VggNetwork(self.update.features)
        variables = feature_variables(state)
        maps, wanted = (self.update.features.maps(variables, x) for x in (edited, truth))
        found = {
            "raw": to_bytes(raw),
            "edit": to_bytes(edited),
            "feature_difference": perceptual_distance(maps, wanted),
            "edit_features": network.apply(variables, to_bytes(edited)).features,
            "true_features": network.apply(variables, conditions["image"]).features,
        }
        for name, absent in WITHHELD.items():
            given = conditions | {k: jnp.zeros_like(conditions[k]) for k in absent}
            picture = composite(self._complete(state, given), truth, conditions["mask"])
            found[name] = to_bytes(picture)
        return {**batch, **found}

    def _complete(self, state: TrainState, conditions: Conditions) -> jax.Array:
        picture = self.update.generator.apply(state.ema[GENERATOR], generator_input(conditions))
        assert isinstance(picture, jax.Array)
        return picture

    def results(self, rows: Columns) -> Mapping[str, float | Image]:
        """Returns all scores, the distances in features, and a sheet of the first examples."""
        examples = _examples(rows)
        results: dict[str, float | Image] = {}
        results |= edit_scores(list(rows["edit"]), examples, canny_sketch).results()
        for method in WITHHELD:
            scores = edit_scores(list(rows[method]), examples, canny_sketch).results()
            for name, value in scores.items():
                measure, _, holes = name.partition("/")
                if measure not in _TOLD_OF_WITHHELD:
                    continue
                results[f"{measure}_{method}{holes and '/' + holes}"] = value
        network, num = VggNetwork(self.update.features).name, len(examples)
        frechet = frechet_distance_of(rows["edit_features"], rows["true_features"])
        results[result_name("frechet", num, network)] = frechet
        results[result_name("feature_difference", num, network)] = float(
            rows["feature_difference"].astype(np.float64).mean()
        )
        first = {name: x[: self.sheet_rows] for name, x in rows.items()}
        results["sheet"] = Image(
            preview_sheet(_examples(first), list(first["raw"]), list(first["edit"]))
        )
        return results


@dataclasses.dataclass(frozen=True, eq=False)
class Baselines(KeepsRows):
    """The same scores of holes filled without learning, once, at the end.

    "mean_face_": with the mean of the training pictures. "biharmonic_": smoothly.
    """

    held_out: HeldOut
    faces: Faces
    batch_size: int

    @property
    def every(self) -> Every:
        """At the end only."""
        return Every(0)

    @property
    def measured_on(self) -> str:
        """The pictures."""
        return f"{self.held_out.words}; no network"

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the examples."""
        return self.held_out.batches(self.batch_size, process, num_processes)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the examples: they are filled on the host."""
        del state, key
        return dict(batch)

    def results(self, rows: Columns) -> Mapping[str, float]:
        """Returns the scores of both by the names of `fidelity.EditScores` behind their own."""
        examples = _examples(rows)
        return {
            f"{method.replace(' ', '_')}_{name}": value
            for method, edits in baseline_edits(examples, mean_face(self.faces)).items()
            for name, value in edit_scores(edits, examples, canny_sketch).results().items()
        }


def mean_face(faces: Faces) -> np.ndarray:
    """Returns the mean of up to 1,000 pictures spread over a set, float64 [S, S, 3]."""
    num = min(len(faces), _NUM_FOR_MEAN)
    chosen = np.linspace(0, len(faces) - 1, num).round().astype(int)
    return mean_picture(faces.read_image(int(index)) for index in chosen)


def _examples(rows: Mapping[str, np.ndarray]) -> Sequence[Example]:
    """Returns one mapping an example, with what is erased as "mask"."""
    conditions = conditions_of(rows)
    return [{name: x[i] for name, x in conditions.items()} for i in range(len(conditions["image"]))]
