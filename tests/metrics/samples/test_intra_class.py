import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance
from jaxrepro.metrics.samples.intra_class import intra_class_frechet_distance


def test_classes_are_compared_with_themselves_and_counted_once():
    rng = np.random.default_rng(0)
    real, generated = rng.standard_normal((2, 60, 4))
    real_labels = np.repeat([2, 7, 9], [10, 20, 30])
    labels = rng.permutation(np.repeat([2, 7, 9], [25, 15, 20]))
    given = intra_class_frechet_distance(real, real_labels, generated, labels)
    expected = {
        c: frechet_distance(Moments.of(real[real_labels == c]), Moments.of(generated[labels == c]))
        for c in (2, 7, 9)
    }
    assert list(given.per_class) == [2, 7, 9]
    assert given.per_class == pytest.approx(expected, rel=1e-9)
    assert given.mean == pytest.approx(sum(expected.values()) / 3, rel=1e-9)
    assert given.too_few == {}


def test_swapped_classes_show_only_within_classes():
    real = np.repeat([[0.0], [8]], 10, axis=0) + np.tile([[-1.0], [1]], (10, 1))
    labels = np.repeat([0, 1], 10)
    given = intra_class_frechet_distance(real, labels, real, 1 - labels)
    assert given.per_class == pytest.approx({0: 64, 1: 64}, rel=1e-12)


def test_classes_with_too_few_samples_are_left_out_and_named():
    features = np.random.default_rng(1).standard_normal((9, 2))
    real_labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 3])
    given = intra_class_frechet_distance(features, real_labels, features, labels, min_samples=3)
    assert list(given.per_class) == [0]
    assert given.mean == given.per_class[0]
    assert given.too_few == {1: (4, 2), 2: (1, 2), 3: (0, 1)}


@pytest.mark.parametrize(
    ("labels", "min_samples", "message"),
    [
        (np.zeros(4), 2, "one integer a row"),
        (np.zeros(3, int), 2, "one integer a row"),
        (np.arange(4), 2, "no class has 2 real and 2 generated"),
        (np.zeros(4, int), 1, "min_samples=1 given"),
    ],
)
def test_input_errors(labels, min_samples, message):
    features = np.ones((4, 2))
    with pytest.raises(InputError, match=message):
        intra_class_frechet_distance(
            features, np.zeros(4, int), features, labels, min_samples=min_samples
        )
