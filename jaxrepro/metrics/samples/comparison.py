"""All figures of a set of generated images beside real ones, each under its full name."""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.result_names import result_name
from jaxrepro.metrics.samples.feature_set import FeatureSet
from jaxrepro.metrics.samples.frechet import frechet_distance
from jaxrepro.metrics.samples.inception_score import inception_score
from jaxrepro.metrics.samples.intra_class import intra_class_frechet_distance
from jaxrepro.metrics.samples.neighborhoods import density_coverage, precision_recall
from jaxrepro.metrics.samples.sample_size import sample_size_warnings


@dataclasses.dataclass(frozen=True)
class ComparisonSettings:
    """How sets are compared.

    precision_neighbors, density_neighbors: k of precision and recall, and of density and coverage.
    neighborhood_samples: of each set, at most, for these four; 0 leaves them out.
    score_splits: parts over which the score's mean and standard deviation are taken.
    """

    precision_neighbors: int = 3
    density_neighbors: int = 5
    neighborhood_samples: int = 10_000
    score_splits: int = 10

    def check(self, num_samples: int) -> None:
        """Raises InputError if `num_samples` images are too few for these settings."""
        needed = max(2, self.score_splits)
        used = min(num_samples, self.neighborhood_samples)
        if self.neighborhood_samples:
            needed = max(needed, self.precision_neighbors + 1, self.density_neighbors + 1)
            if used < needed <= num_samples:
                raise InputError(
                    f"neighborhood_samples={used} given; with these numbers of neighbours it must "
                    f"be 0 or at least {needed}"
                )
        if num_samples < needed:
            raise InputError(
                f"{num_samples} images given; the splits of the score and the numbers of "
                f"neighbours need {needed} or more"
            )


def compare(
    network_name: str, real: FeatureSet, generated: FeatureSet, settings: ComparisonSettings
) -> dict[str, float]:
    """Returns figures of `generated` by names such as "frechet@1000:NETWORK".

    frechet: the distance between all real and all generated features. inception_score, or
      classifier_score by a network that is not Inception, with its standard deviation over splits
      as ..._std and that of the real images as real_...
    precision, recall, density, coverage: of the first `neighborhood_samples` of each set.
    intra_class_frechet: where a class has more real and more generated images than features.
    num_reference: how many real images they all stand against. too_few_samples: 1 where
      `comparison_warnings` has a reason not to trust the distance, else 0.

    Both sets must be in random order. Raises InputError for sets that are too small.
    """
    for images in (real, generated):
        settings.check(len(images))

    def name(quantity: str, images: FeatureSet = generated) -> str:
        return result_name(quantity, len(images), network_name)

    results = {name("frechet"): frechet_distance(real.moments, generated.moments)}
    kind = score_kind(network_name)
    score = inception_score(generated.logits, settings.score_splits)
    real_score = inception_score(real.logits, settings.score_splits)
    results[name(kind)] = score.mean
    results[name(f"{kind}_std")] = score.std
    results[name(f"real_{kind}", real)] = real_score.mean
    if num := settings.neighborhood_samples:
        near_real, near = real.first(num), generated.first(num)
        pair = near_real.features, near.features
        shares = precision_recall(*pair, settings.precision_neighbors)
        results[name("precision", near)] = shares.precision
        results[name("recall", near)] = shares.recall
        counts = density_coverage(*pair, settings.density_neighbors)
        results[name("density", near)] = counts.density
        results[name("coverage", near)] = counts.coverage
    if (distance := _intra_class(real, generated)) is not None:
        results[name("intra_class_frechet")] = distance
    results["num_reference"] = float(len(real))
    warnings = comparison_warnings(len(real), len(generated), real.features.shape[1])
    results["too_few_samples"] = float(bool(warnings))
    return results


def score_kind(network_name: str) -> str:
    """Returns "inception_score", or "classifier_score" for a network that is not Inception."""
    return "inception_score" if network_name.startswith("inception-") else "classifier_score"


def comparison_warnings(num_real: int, num_generated: int, num_features: int) -> list[str]:
    """Returns reasons not to trust a distance of sets of these sizes, in words; [] for none."""
    return [
        f"{side}: {warning.message}"
        for side, num in (("real images", num_real), ("generated images", num_generated))
        for warning in sample_size_warnings(num, num_features)
        if warning.reason != "below_published_size"
    ]


def _intra_class(real: FeatureSet, generated: FeatureSet) -> float | None:
    """Returns the mean distance within classes, None if no class has more images than features."""
    enough = real.features.shape[1] + 1
    counts = [np.bincount(images.labels) for images in (real, generated)]
    num = min(map(len, counts))
    if not num or max(np.minimum(counts[0][:num], counts[1][:num])) < enough:
        return None
    return intra_class_frechet_distance(
        real.features,
        real.labels,
        generated.features,
        generated.labels,
        min_samples=enough,
    ).mean
