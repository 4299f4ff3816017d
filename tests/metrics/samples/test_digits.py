import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform, to_float
from jaxrepro.metrics.samples.digits import DigitsJudge, digit_features
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance

SIZE = 16
LABELS = np.arange(1000) % 10


def digits(split):
    source = open_source("digits", split=split, channels=1)
    prepare = square_transform(SIZE, channels=1).prepare
    return np.stack([prepare(item)["image"] for item in source]), source.labels


@pytest.fixture(scope="module")
def train():
    return digits("train")


@pytest.fixture(scope="module")
def held_out():
    return digits("test")


@pytest.fixture(scope="module")
def judge(train, held_out):
    return DigitsJudge(*train, *held_out)


def test_held_out_digits_score_as_real(judge, held_out):
    figures = judge.judge(*held_out)
    assert figures["class_agreement"] > 0.97
    assert figures["class_agreement_worst"] > 0.9
    assert figures["pairwise_ratio"] == pytest.approx(1)
    assert figures["nearest_ratio"] == pytest.approx(1)
    assert figures["frechet_ratio"] == pytest.approx(0, abs=1e-6)


def test_training_digits_show_as_copies_at_the_frechet_floor(judge, train):
    figures = judge.judge(*train)
    assert figures["nearest_ratio"] == 0
    assert figures["frechet_ratio"] == pytest.approx(1)
    assert figures["pairwise_ratio"] == pytest.approx(1, abs=0.05)


def test_collapse_shows_in_the_distances_and_not_in_the_agreement(judge, train):
    images, labels = train
    means = np.stack([images[labels == c].mean(axis=0) for c in range(10)])
    figures = judge.judge(np.rint(means).astype(np.uint8)[LABELS], LABELS)
    assert figures["class_agreement"] == figures["class_agreement_worst"] == 1
    assert figures["pairwise_ratio"] == 0
    assert figures["frechet_ratio"] > 5


def test_one_collapsed_class_shows(judge, train):
    images, labels = train
    images = images.copy()
    images[labels == 4] = images[labels == 4][0]
    figures = judge.judge(images, labels)
    assert figures["pairwise_ratio"] == pytest.approx(0.9 * 0.975, abs=0.02)


def test_noise_is_no_digit(judge):
    noise = np.random.default_rng(0).integers(0, 256, (1000, SIZE, SIZE, 1)).astype(np.uint8)
    figures = judge.judge(noise, LABELS)
    assert figures["class_agreement"] == pytest.approx(0.1, abs=0.05)
    assert figures["nearest_ratio"] > 2
    assert figures["frechet_ratio"] > 20


def test_wrong_classes_show(judge, train):
    images, labels = train
    figures = judge.judge(images, (labels + 1) % 10)
    assert figures["class_agreement"] < 0.02
    swapped = np.where(labels == 3, 5, np.where(labels == 5, 3, labels))
    figures = judge.judge(images, swapped)
    assert figures["class_agreement"] == pytest.approx(0.8, abs=0.02)
    assert figures["class_agreement_worst"] < 0.02


def test_real_figures_are_reported(judge, held_out):
    figures = judge.judge(*held_out)
    assert {k: v for k, v in figures.items() if k.startswith("real_")} == judge.reference
    assert judge.reference["real_class_agreement"] == figures["class_agreement"]
    assert 20 < judge.reference["real_pairwise"] < 40
    assert judge.reference["real_nearest"] < 0.6 * judge.reference["real_pairwise"]
    assert judge.reference["real_frechet"] > 1


def test_floats_and_saved_images_score_the_same(judge, train):
    images, labels = train
    assert judge.judge(to_float(images), labels) == judge.judge(images, labels)


def test_does_not_depend_on_the_order_of_the_samples(judge, train):
    images, labels = train
    order = np.argsort(labels, kind="stable")
    figures, reordered = judge.judge(images, labels), judge.judge(images[order], labels[order])
    exact = [k for k in figures if k != "frechet_ratio"]
    assert [reordered[k] for k in exact] == pytest.approx([figures[k] for k in exact])
    # Other disjoint subsets, of the same class counts.
    assert reordered["frechet_ratio"] == pytest.approx(1, abs=0.15)


def test_frechet_compares_equal_counts_of_every_class(judge, train, held_out):
    images, labels = train
    counts = np.bincount(held_out[1])
    chosen = np.concatenate([np.flatnonzero(labels == c)[: counts[c]] for c in range(10)])
    real = Moments.of(digit_features(held_out[0]))
    expected = frechet_distance(Moments.of(digit_features(images[chosen])), real)
    figures = judge.judge(images[chosen], labels[chosen])
    assert figures["frechet_ratio"] * figures["real_frechet"] == pytest.approx(expected)
    subsets = list(judge._disjoint_subsets(labels))
    assert [np.bincount(labels[s]).tolist() for s in subsets] == [counts.tolist()] * 3
    assert len(np.unique(np.concatenate(subsets))) == 3 * 360


def test_features_are_the_published_pixels():
    source = open_source("digits", split="test", channels=3)
    images = np.stack([item["image"] for item in source])
    enlarged = images.repeat(3, axis=1).repeat(3, axis=2)
    features = digit_features(enlarged)
    assert features.shape == (360, 64)
    np.testing.assert_allclose(features, np.rint(features), atol=0.04)
    np.testing.assert_allclose(features[7], images[7, ..., 0].ravel() * (16 / 255))
    assert features.max() == 16
    assert features.min() == 0


def test_too_few_samples(judge, held_out):
    images, labels = held_out
    keep = np.arange(360) != np.flatnonzero(labels == 0)[0]
    assert judge.num_required == 37
    with pytest.raises(InputError, match=r"35 samples of class 0 given; 36 are needed.*37 or more"):
        judge.judge(images[keep], labels[keep])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 12, 12, 1), np.uint8), [0, 1], "multiple of 8"),
        (np.zeros((2, 8, 8), np.uint8), [0, 1], "multiple of 8"),
        (np.zeros((2, 8, 8, 1), np.int32), [0, 1], "type int32"),
        (np.full((2, 8, 8, 1), np.nan), [0, 1], "NaN"),
        (np.full((2, 8, 8, 1), 1.5), [0, 1], "outside"),
        (np.zeros((2, 8, 8, 1)), [0, 1, 2], "one integer an image"),
        (np.zeros((2, 8, 8, 1)), [0.0, 1.0], "one integer an image"),
        (np.zeros((2, 8, 8, 1)), [0, 12], "of class 12"),
    ],
)
def test_bad_arrays(judge, images, labels, message):
    with pytest.raises(InputError, match=message):
        judge.judge(images, np.array(labels))


def test_judge_needs_two_test_digits_a_class(train, held_out):
    images, labels = held_out
    keep = np.r_[np.flatnonzero(labels != 9), np.flatnonzero(labels == 9)[:1]]
    with pytest.raises(InputError, match="at least 2 test digits"):
        DigitsJudge(*train, images[keep], labels[keep])
