import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.sample_size import sample_size_warnings


@pytest.mark.parametrize(
    ("num_samples", "num_features", "reasons"),
    [
        (1, 64, ["no_covariance", "below_published_size"]),
        (2, 64, ["singular_covariance", "below_published_size"]),
        (2048, 2048, ["singular_covariance", "below_published_size"]),
        (2049, 2048, ["biased_distance", "below_published_size"]),
        (10_239, 2048, ["biased_distance", "below_published_size"]),
        (10_240, 2048, ["below_published_size"]),
        (320, 64, ["below_published_size"]),
        (49_999, 64, ["below_published_size"]),
        (50_000, 2048, []),
        (50_000, 20_000, ["biased_distance"]),
    ],
)
def test_reasons(num_samples, num_features, reasons):
    warnings = sample_size_warnings(num_samples, num_features)
    assert [warning.reason for warning in warnings] == reasons
    assert all(warning.message.startswith(f"{num_samples} sample") for warning in warnings)


def test_messages_say_how_many_are_needed():
    singular, published = sample_size_warnings(1000, 2048)
    assert "rank 999" in singular.message
    assert "10240" in singular.message
    assert "50000" in published.message


@pytest.mark.parametrize("numbers", [(0, 64), (10, 0)])
def test_no_samples(numbers):
    with pytest.raises(InputError, match="must be 1 or more"):
        sample_size_warnings(*numbers)
