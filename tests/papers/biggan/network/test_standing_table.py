import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.standing_table import rows_at, statistics_at, table_name


def published_form():
    """51 rows, 0 to 1 in steps of 0.02, whose row k holds k and 10 k^2."""
    row = np.arange(51)
    return {
        "truncation": (row * np.float32(0.02)).astype(np.float32),
        "batch_stats": {
            "norm": {"mean": np.stack([row] * 3, 1).astype(np.float32), "var": 10.0 * row**2}
        },
    }


@pytest.mark.parametrize("row", range(51))
def test_every_row_is_found(row):
    # Division by 0.02 lands beside the integer for rows 7, 14, 28, 29 and 47.
    statistics = statistics_at(published_form(), row * 0.02)
    np.testing.assert_array_equal(statistics["norm"]["mean"], [row] * 3)
    np.testing.assert_array_equal(statistics["norm"]["var"], 10 * row**2)


def test_between_rows_the_nearer_one_weighs_more():
    assert rows_at(published_form(), 0.405) == (20, 21, pytest.approx(0.25, abs=1e-5))
    statistics = statistics_at(published_form(), 0.405)["norm"]
    np.testing.assert_allclose(statistics["mean"], [20.25] * 3, rtol=1e-5)
    np.testing.assert_allclose(statistics["var"], 0.75 * 4000 + 0.25 * 4410, rtol=1e-5)
    assert statistics["mean"].dtype == statistics["var"].dtype == np.float32


def test_rows_need_not_be_evenly_spaced():
    table = {"truncation": [0.1, 0.2, 1.0], "batch_stats": {"mean": np.asarray([1.0, 2.0, 4.0])}}
    assert statistics_at(table, 0.6)["mean"] == pytest.approx(3.0)
    one = {"truncation": [0.5], "batch_stats": {"mean": np.ones((1, 2))}}
    np.testing.assert_array_equal(statistics_at(one, 0.5)["mean"], [1, 1])


@pytest.mark.parametrize("truncation", [-0.1, 1.01, float("nan")])
def test_nothing_is_extrapolated(truncation):
    with pytest.raises(InputError, match="is outside the table .* from 0 to 1; choose"):
        statistics_at(published_form(), truncation)


def test_tables_that_are_none_are_refused():
    table = published_form()
    for changes, message in (
        ({"truncation": table["truncation"][::-1]}, "one or more ascending"),
        ({"truncation": np.zeros(0)}, "one or more ascending"),
        ({"truncation": table["truncation"][:9]}, r"9 truncations, and arrays .* \(51,\)"),
        ({"batch_stats": {}}, "is absent"),
        ({"extra": 1}, "holds batch_stats, extra, truncation"),
    ):
        with pytest.raises(InputError, match=message):
            statistics_at({**table, **changes}, 0.5)


def test_names():
    assert table_name("scaled") == "standing_scaled"
    with pytest.raises(InputError, match="no truncation mode 'soft'"):
        table_name("soft")
