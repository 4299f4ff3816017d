import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.devices.row_map import RowMap

ROWS = {"x": np.arange(23, dtype=np.int32), "y": np.linspace(0, 1, 46).reshape(23, 2)}


def shifted(shared, rows):
    place = jnp.arange(len(rows["x"]))
    size = jnp.full_like(place, len(place))
    return {"sum": rows["x"] + shared, "y": rows["y"], "place": place, "size": size}


@pytest.mark.parametrize("num_devices", [1, 3, 8])
@pytest.mark.parametrize("offset", [0, 6, 13])
def test_rows_come_back_in_order_and_have_their_place(num_devices, offset):
    run = RowMap(shifted, 4, jax.devices()[:num_devices])
    result = run(np.int32(100), ROWS, offset)
    np.testing.assert_array_equal(result["sum"], ROWS["x"] + 100)
    np.testing.assert_array_equal(result["y"], ROWS["y"].astype(np.float32))
    np.testing.assert_array_equal(result["place"], (np.arange(23) + offset) % 4)
    assert set(result["size"]) == {4}


def test_it_is_traced_once_a_number_of_devices():
    traces = []

    def traced(shared, rows):
        traces.append(1)
        return rows["x"] * shared

    run = RowMap(traced, 4, jax.devices()[:2])
    for shared in (1, 2, 3):
        np.testing.assert_array_equal(run(np.int32(shared), ROWS), ROWS["x"] * shared)
    assert len(traces) == 1
