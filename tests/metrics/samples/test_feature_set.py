import numpy as np
import pytest

from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform
from jaxrepro.metrics.samples import feature_set
from jaxrepro.metrics.samples.frechet import Moments
from tests.metrics.features.linear_network import LinearNetwork

TRANSFORM = square_transform(8, channels=1)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXREPRO_CACHE", str(tmp_path))
    return tmp_path / "references"


@pytest.fixture
def digits():
    return open_source("digits", split="test", channels=1)


def test_features_of_real_images_are_computed_once(cache, digits, monkeypatch, capsys):
    network = LinearNetwork()
    made = feature_set.reference_set(network, digits, TRANSFORM, 50, batch_size=20)
    # The images are a random part: found again by their features.
    images = np.stack([digits.read_image(i) for i in range(len(digits))])
    features, logits = network.by_hand(images)
    distances = np.abs(made.features[:, None] - features[None]).max(axis=-1)
    nearest = distances.argmin(axis=1)
    assert distances.min(axis=1).max() < 1e-5
    assert len(set(nearest)) == 50
    np.testing.assert_allclose(made.logits, logits[nearest], atol=1e-5)
    np.testing.assert_array_equal(made.labels, digits.labels[nearest])
    expected = Moments.of(made.features)
    np.testing.assert_allclose(made.moments.mean, expected.mean)
    np.testing.assert_allclose(made.moments.scatter, expected.scatter)

    monkeypatch.setattr(feature_set, "extract", None)
    again = feature_set.reference_set(network, digits, TRANSFORM, 50, batch_size=7)
    np.testing.assert_array_equal(again.features, made.features)
    np.testing.assert_array_equal(again.moments.scatter, made.moments.scatter)
    assert capsys.readouterr().out == ""


def test_damaged_and_wrong_files_are_made_again(cache, digits, capsys):
    network = LinearNetwork()
    made = feature_set.reference_set(network, digits, TRANSFORM, 30, batch_size=16)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    wrong = {name: np.zeros(3) for name in ("features", "logits", "labels", "mean", "scatter")}
    for content in (whole[:-40], whole[:200] + b"\0" * 50 + whole[250:], b""):
        path.write_bytes(content)
        again = feature_set.reference_set(network, digits, TRANSFORM, 30, batch_size=16)
        assert "cannot be used and is made again" in capsys.readouterr().out
        np.testing.assert_array_equal(again.features, made.features)
        assert path.read_bytes() == whole
    np.savez(path, **wrong)
    feature_set.reference_set(network, digits, TRANSFORM, 30, batch_size=16)
    assert "instead of" in capsys.readouterr().out


def test_what_decides_the_features_decides_the_file(cache, digits):
    network = LinearNetwork()
    other = LinearNetwork()
    other.name = "linear-test-11111111"
    train = open_source("digits", channels=1)
    for arguments in (
        (network, digits, TRANSFORM, 20),
        (network, digits, TRANSFORM, 21),
        (network, digits, square_transform(16, channels=1), 20),
        (network, train, TRANSFORM, 20),
        (other, digits, TRANSFORM, 20),
    ):
        feature_set.reference_set(*arguments, batch_size=8)
    assert len(list(cache.iterdir())) == 5
