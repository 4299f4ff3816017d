"""What the number of samples does to a measurement, as data for whoever reports it."""

from typing import Literal, NamedTuple

from jaxrepro.core.errors import InputError

# Published FID and Inception Scores are of 50,000 samples.
PUBLISHED_SAMPLES = 50_000
# Heusel et al. (2017) ask for at least 10,000 samples of 2048 features.
SAMPLES_PER_FEATURE = 5


class SampleSizeWarning(NamedTuple):
    """A reason not to trust a number.

    Attributes:
      reason: stable name of the reason, from grave to slight:
        "no_covariance": fewer than 2 samples.
        "singular_covariance": no more samples than features: the covariance has rank N - 1, below
          D, and the Frechet distance is dominated by its bias.
        "biased_distance": fewer than `SAMPLES_PER_FEATURE` samples a feature.
        "below_published_size": fewer samples than published numbers are taken with.
      message: one sentence for people, with the numbers in it.
    """

    reason: Literal[
        "no_covariance", "singular_covariance", "biased_distance", "below_published_size"
    ]
    message: str


def sample_size_warnings(num_samples: int, num_features: int) -> tuple[SampleSizeWarning, ...]:
    """What is wrong with measurements of so many samples in so many features; () if nothing is.

    Of the first three reasons at most one holds, the gravest. Ask for each side of a distance.

    Raises:
      InputError: if there is no sample or no feature.
    """
    if num_samples < 1 or num_features < 1:
        raise InputError(
            f"{num_samples} samples of {num_features} features given; both must be 1 or more"
        )
    warnings: list[SampleSizeWarning] = []
    if num_samples < 2:
        warnings.append(SampleSizeWarning("no_covariance", "1 sample has no covariance"))
    elif num_samples <= num_features:
        warnings.append(
            SampleSizeWarning(
                "singular_covariance",
                f"{num_samples} samples of {num_features} features: the covariance is singular "
                f"(rank {num_samples - 1}) and the Frechet distance mostly bias; take more than "
                f"{num_features}, better {SAMPLES_PER_FEATURE * num_features}",
            )
        )
    elif num_samples < SAMPLES_PER_FEATURE * num_features:
        warnings.append(
            SampleSizeWarning(
                "biased_distance",
                f"{num_samples} samples of {num_features} features: the Frechet distance is biased "
                f"upwards; take {SAMPLES_PER_FEATURE * num_features} or more",
            )
        )
    if num_samples < PUBLISHED_SAMPLES:
        warnings.append(
            SampleSizeWarning(
                "below_published_size",
                f"{num_samples} samples: compare with numbers of as many samples only, not with "
                f"published ones of {PUBLISHED_SAMPLES}",
            )
        )
    return tuple(warnings)
