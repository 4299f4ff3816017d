"""What is measured during training, as a config says."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import Evaluator, Every
from jaxrepro.data.sets.pictures import Pictures, open_pictures
from jaxrepro.papers.srcnn.measures.baselines import WithBaselines
from jaxrepro.papers.srcnn.measures.before_after import BeforeAfter, square_side
from jaxrepro.papers.srcnn.measures.color_quality import ColorQuality
from jaxrepro.papers.srcnn.measures.evaluators import Quality
from jaxrepro.papers.srcnn.measures.first_layer import FilterSheet


@dataclasses.dataclass(frozen=True)
class Measurements:
    """Quality on whole pictures and what a page shows of them; see `settings.py` for the values."""

    validation: tuple[Pictures, ...]
    every: Every
    pictures_every: Every
    batch_size: int
    tile: int

    @classmethod
    def from_settings(cls, settings: Settings) -> "Measurements":
        """Reads eval.* and data.validation, and finds the pictures.

        Raises InputError for values that are not allowed, pictures that are not there, and two
        sets whose results would have one name.
        """
        measured = settings.eval
        validation = tuple(open_pictures(spec) for spec in settings.data.validation)
        labels = [pictures.label for pictures in validation]
        if len(set(labels)) < len(labels):
            raise InputError(
                f"data.validation={settings.data.validation}: the results of these sets would be "
                f"called {', '.join(labels)}; give one of a name, or rename a folder"
            )
        return cls(
            validation=validation,
            every=Every(measured.at_least("every", 0)),
            pictures_every=Every(measured.at_least("pictures_every", 0)),
            batch_size=measured.at_least("batch_size", 1),
            tile=measured.at_least("tile", 1),
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the validation sets, with which their results begin."""
        return tuple(pictures.label for pictures in self.validation)

    def evaluators(
        self, module: Any, *, training: str, degradation: str, scale: int, color: str
    ) -> Mapping[str, Evaluator]:
        """Returns the quality on each set of pictures, named after its folder, and pictures.

        The pictures are the filters of the first layer, and squares of the first set. training:
        what the run is trained on, for the linear filter beside the network; degradation: a key of
        `degradation.DEGRADATIONS`; color: a key of `planes.COLORS`.
        """
        quality = Quality if color == "y" else ColorQuality
        settings = [(module, one.spec, degradation, scale, color) for one in self.validation]
        found: dict[str, Evaluator] = {
            pictures.label: WithBaselines(
                quality(*setting, self.tile, self.every, self.batch_size),
                pictures.spec,
                training,
                degradation,
                scale,
            )
            for pictures, setting in zip(self.validation, settings, strict=True)
        }
        # Names that no set of pictures can have.
        often = (self.pictures_every, self.batch_size)
        found["first-layer"] = FilterSheet(module, *often)
        for setting in settings[:1]:
            side = square_side(scale) // module.factor
            found["before-after"] = BeforeAfter(*setting, side, *often)
        return found
