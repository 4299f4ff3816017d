"""Which measurements a BigGAN run takes, as its config says."""

import dataclasses

import numpy as np

from jaxrepro.core.config import Settings
from jaxrepro.core.data_identity import listed_both
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import Evaluator, Every
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import Transform
from jaxrepro.metrics.samples.comparison import ComparisonSettings
from jaxrepro.papers.biggan.measures.discriminator_accuracy import DiscriminatorAccuracy
from jaxrepro.papers.biggan.measures.sample_metrics import SampleMetrics
from jaxrepro.papers.biggan.training.update import AdversarialUpdate


@dataclasses.dataclass(frozen=True)
class Measurements:
    """Measurements of samples and of the discriminator; see `settings.py` for the values."""

    every: Every
    num_samples: int
    features: str
    labels: str
    num_reference: int
    comparison: ComparisonSettings
    discriminator_samples: int
    validation: Source | None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Measurements":
        """Reads eval.* and data.validation; opens the validation images.

        Raises InputError for values that are not allowed or do not fit together.
        """
        data, measured = settings.data, settings.eval
        comparison = ComparisonSettings(
            precision_neighbors=measured.at_least("precision_neighbors", 1),
            density_neighbors=measured.at_least("density_neighbors", 1),
            neighborhood_samples=measured.at_least("neighborhood_samples", 0),
            score_splits=measured.at_least("score_splits", 1),
        )
        num_samples = measured.at_least("num_samples", 0)
        num_reference = measured.at_least("num_reference", 2)
        if num_samples:
            for name, num in (("num_samples", num_samples), ("num_reference", num_reference)):
                try:
                    comparison.check(num)
                except InputError as error:
                    raise InputError(f"eval.{name}={num}: {error}") from error
        spec, split = data.validation, data.validation_split
        return cls(
            every=Every(measured.at_least("metrics_every", 0)),
            num_samples=num_samples,
            features=measured.features,
            labels=measured.one_of("labels", ("uniform", "training")),
            num_reference=num_reference,
            comparison=comparison,
            discriminator_samples=measured.at_least("discriminator_samples", 0),
            validation=open_source(spec, split=split, channels=data.channels) if spec else None,
        )

    @property
    def headline(self) -> str:
        """The result that stands first: the FID, or the distance by another network than its."""
        if not self.num_samples:
            return ""
        return "metrics/fid" if self.features else "metrics/frechet"

    def evaluators(
        self, update: AdversarialUpdate, source: Source, transform: Transform, *, batch_size: int
    ) -> dict[str, Evaluator]:
        """Returns the evaluators "metrics" and "discriminator", each if it has samples to take.

        source, transform: of the training images. Raises InputError for validation images with
        labels of other classes, or of the same in another order; the last may be missing.
        """
        evaluators: dict[str, Evaluator] = {}
        if self.num_samples:
            evaluators["metrics"] = SampleMetrics(
                update.generator,
                update.latent,
                self.every,
                batch_size,
                source,
                transform,
                self.features,
                sample_labels(self.labels, source, self.num_samples),
                self.num_reference,
                self.comparison,
            )
        if self.discriminator_samples:
            other = self.validation
            if other and other.class_names != source.class_names[: other.num_classes]:
                theirs, ours = listed_both(other.class_names, source.class_names)
                raise InputError(
                    f"the validation images {other!r} have the classes {theirs}, those of training "
                    f"{ours}; they must be the same, in the same order"
                )
            evaluators["discriminator"] = DiscriminatorAccuracy(
                update.generator,
                update.discriminator,
                update.latent,
                self.every,
                batch_size,
                source,
                self.validation,
                transform,
                self.discriminator_samples,
            )
        return evaluators


def sample_labels(kind: str, source: Source, num: int) -> np.ndarray:
    """Returns classes of `num` samples, int32 [num], in random order, always the same.

    kind: "uniform" over the classes, or drawn from the labels of the "training" images.
    """
    rng = np.random.default_rng(0)
    if kind == "training":
        return rng.choice(source.labels, num).astype(np.int32)
    return rng.integers(source.num_classes, size=num, dtype=np.int32)
