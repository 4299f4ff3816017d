import numpy as np
import pytest
import scipy.stats

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.inception_score import inception_score


def test_certain_and_balanced_classes_score_their_number():
    logits = 1000.0 * np.eye(4)[np.arange(40) % 4]
    score = inception_score(logits, num_splits=5)
    assert score.mean == pytest.approx(4, rel=1e-12)
    assert score.std == pytest.approx(0, abs=1e-12)


def test_equal_predictions_score_one():
    assert inception_score(np.tile([3.0, -1, 2], (30, 1))).mean == pytest.approx(1, rel=1e-12)


def test_two_samples_by_hand():
    # p = (1/4, 3/4) and (3/4, 1/4), marginal 1/2: KL = 1/4 log 1/2 + 3/4 log 3/2 for both.
    logits = np.log([[1.0, 3], [3, 1]]) + np.array([[5], [-7]])
    expected = 0.5**0.25 * 1.5**0.75
    assert inception_score(logits, num_splits=1).mean == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("num_samples", [40, 43])
def test_equals_the_definition_on_consecutive_splits(num_samples):
    logits = 3 * np.random.default_rng(0).standard_normal((num_samples, 6))
    sizes = [num_samples // 10 + (i < num_samples % 10) for i in range(10)]
    scores = []
    for part in np.split(logits, np.cumsum(sizes)[:-1]):
        given = np.exp(part) / np.exp(part).sum(axis=1, keepdims=True)
        divergences = [scipy.stats.entropy(p, given.mean(axis=0)) for p in given]
        scores.append(np.exp(np.mean(divergences)))
    score = inception_score(logits)
    assert score.mean == pytest.approx(np.mean(scores), rel=1e-12)
    assert score.std == pytest.approx(np.std(scores), rel=1e-9)


def test_float32_logits_are_computed_in_float64():
    logits = np.random.default_rng(1).standard_normal((50, 9)).astype(np.float32)
    assert inception_score(logits) == inception_score(logits.astype(np.float64))


def test_a_logit_that_is_not_finite_gives_nan():
    logits = np.zeros((20, 3))
    logits[4, 1] = np.inf
    assert np.isnan(inception_score(logits)).all()


@pytest.mark.parametrize(
    ("shape", "num_splits", "message"),
    [
        ((20,), 10, r"must be \[N, K\]"),
        ((9, 3), 10, "10 splits of 9 samples"),
        ((9, 3), 0, "0 splits of 9 samples"),
    ],
)
def test_input_errors(shape, num_splits, message):
    with pytest.raises(InputError, match=message):
        inception_score(np.zeros(shape), num_splits)
