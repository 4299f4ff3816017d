import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.comparison import ComparisonSettings, compare, comparison_warnings
from jaxrepro.metrics.samples.feature_set import FeatureSet
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance
from jaxrepro.metrics.samples.inception_score import inception_score
from jaxrepro.metrics.samples.neighborhoods import density_coverage, precision_recall

SETTINGS = ComparisonSettings(neighborhood_samples=30, score_splits=2)
CLASSIFIER, INCEPTION = "resnet8-digits-01234567", "inception-fid2015-01234567"


def made(num, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(num, 3)) + shift).astype(np.float32)
    logits = rng.normal(size=(num, 4)).astype(np.float32)
    return FeatureSet(features, logits, rng.integers(0, 4, num).astype(np.int32))


def test_every_figure_has_its_full_name_and_value():
    real, samples = made(60), made(50, 0.5, seed=1)
    results = compare(CLASSIFIER, real, samples, SETTINGS)
    score = inception_score(samples.logits, 2)
    near = real.features[:30], samples.features[:30]
    expected = {
        f"frechet@50:{CLASSIFIER}": frechet_distance(
            Moments.of(real.features), Moments.of(samples.features)
        ),
        f"classifier_score@50:{CLASSIFIER}": score.mean,
        f"classifier_score_std@50:{CLASSIFIER}": score.std,
        f"real_classifier_score@60:{CLASSIFIER}": inception_score(real.logits, 2).mean,
        f"precision@30:{CLASSIFIER}": precision_recall(*near).precision,
        f"recall@30:{CLASSIFIER}": precision_recall(*near).recall,
        f"density@30:{CLASSIFIER}": density_coverage(*near).density,
        f"coverage@30:{CLASSIFIER}": density_coverage(*near).coverage,
        "num_reference": 60.0,
        "too_few_samples": 0.0,
    }
    (intra,) = [name for name in results if name.startswith("intra_class")]
    assert intra == f"intra_class_frechet@50:{CLASSIFIER}"
    assert results.pop(intra) > 0
    assert results == pytest.approx(expected)


def test_published_names_are_of_the_published_network():
    names = compare(INCEPTION, made(60), made(50), SETTINGS)
    assert "fid@50" in names
    assert "inception_score@50" in names
    assert not [name for name in names if name.startswith("frechet")]


def test_small_sets_are_said_and_leave_out_what_they_cannot_give():
    real, samples = made(60), made(14)
    results = compare(CLASSIFIER, real, samples, SETTINGS)
    assert results["too_few_samples"] == 1
    (message,) = comparison_warnings(60, 14, 3)
    assert message.startswith("generated images: 14 samples of 3 features")
    few = FeatureSet(real.features, real.logits, np.arange(60, dtype=np.int32))
    assert not [name for name in compare(CLASSIFIER, few, made(50), SETTINGS) if "intra" in name]
    none = ComparisonSettings(neighborhood_samples=0, score_splits=2)
    assert not [name for name in compare(CLASSIFIER, real, samples, none) if "precision" in name]


def test_settings_that_cannot_be_met_are_refused():
    with pytest.raises(InputError, match="9 images given.*need 10 or more"):
        ComparisonSettings().check(9)
    with pytest.raises(InputError, match="neighborhood_samples=4 given.*at least 6"):
        ComparisonSettings(neighborhood_samples=4, score_splits=1).check(50)
    ComparisonSettings().check(10)
