import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES, decode, peaks, to_picture

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "pose.npz")


def check_published(maps, points, final, centers, scales):
    """maps [N, 64, 64, K]; points and final count from 1."""
    given, values = decode(maps, DECODE_STYLES["pytorch_pose"])
    np.testing.assert_array_equal(given + 1, points)
    np.testing.assert_array_equal(values, maps.max(axis=(1, 2)))
    placed = to_picture(given.astype(np.float64), centers, scales, 64, truncate=True)
    np.testing.assert_array_equal(placed + 0.5, final)
    exact = to_picture(given.astype(np.float64), centers, scales, 64)
    # Cut towards 0.
    np.testing.assert_array_equal(np.trunc(exact) + 1, final)
    device = jax.jit(lambda m: decode(m, DECODE_STYLES["pytorch_pose"]))(jnp.asarray(maps))
    np.testing.assert_array_equal(device[0], given)
    np.testing.assert_array_equal(device[1], values)


def test_peaks_and_places_are_those_of_published_code():
    box = GOLDEN["center"].astype(np.float64), GOLDEN["scale"].astype(np.float64)
    check_published(
        GOLDEN["maps"][..., None], GOLDEN["points"][:, None], GOLDEN["final"][:, None], *box
    )


def test_other_published_codes():
    maps = GOLDEN["maps"][..., None]
    points, _ = decode(maps, DECODE_STYLES["hrnet"])
    box = GOLDEN["center"].astype(np.float64), GOLDEN["scale"].astype(np.float64)
    placed = to_picture(points.astype(np.float64), *box, 64)
    np.testing.assert_allclose(placed[:, 0], GOLDEN["hrnet"], atol=1e-3)
    points, _ = decode(maps, DECODE_STYLES["princeton"])
    np.testing.assert_array_equal(points[:, 0], GOLDEN["princeton"])


def test_all_of_the_golden_maps(data_folder):
    golden = np.load(data_folder / "goldens" / "pose_decode.npz")
    check_published(
        golden["heatmaps"].transpose(0, 2, 3, 1),
        golden["quarter_offset_coords"],
        golden["final_preds"],
        golden["center"].astype(np.float64),
        golden["scale"].astype(np.float64),
    )


def one_map(values, side=8):
    """A map [side, side, 1] that is 0 but at the given (x, y)."""
    maps = np.zeros((side, side, 1), np.float32)
    for (x, y), value in values.items():
        maps[y, x] = value
    return maps


CASES = {
    # A peak in the middle with a higher right and lower neighbour.
    "middle": ({(3, 4): 1, (4, 4): 0.5, (3, 5): 0.2, (3, 3): 0.1}, (3.75, 4.75), (3.25, 4.25)),
    "tie": ({(3, 4): 1}, (3.5, 4.5), (3, 4)),
    # The second cell from the edge: HRNet adds nothing there.
    "second": ({(1, 4): 1, (0, 4): 0.5}, (1.25, 4.5), (1, 4)),
    "last but one": ({(6, 4): 1, (5, 4): 0.5}, (6.25, 4.5), (5.75, 4)),
    "edge": ({(0, 4): 1, (1, 4): 0.5, (0, 3): 0.5}, (0.5, 4.5), (0, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_quarter_offsets_by_hand(case):
    values, torch, hrnet = CASES[case]
    for style, expected in (("torch", torch), ("pytorch_pose", torch), ("hrnet", hrnet)):
        points, _ = decode(one_map(values), DECODE_STYLES[style])
        np.testing.assert_array_equal(points[0], np.float32(expected))


def test_princeton_always_adds_and_reads_the_edge_twice():
    def by_definition(plane):
        y, x = np.unravel_index(plane.argmax(), plane.shape)
        last = len(plane) - 1
        right, left = plane[y, min(x + 1, last)], plane[y, max(x - 1, 0)]
        down, up = plane[min(y + 1, last), x], plane[max(y - 1, 0), x]
        return x + 0.5 + (0.25 if right > left else -0.25), y + 0.5 + (0.25 if down > up else -0.25)

    rng = np.random.default_rng(0)
    maps = rng.random((5, 5, 40)).astype(np.float32)
    points, _ = decode(maps, DECODE_STYLES["princeton"])
    expected = [by_definition(maps[..., k]) for k in range(40)]
    np.testing.assert_array_equal(points, np.float32(expected))
    assert {0, 4} & {int(x) for x, _ in expected}


@pytest.mark.parametrize(
    ("style", "expected"), [("torch", 0.5), ("pytorch_pose", -0.5), ("hrnet", 0), ("princeton", 0)]
)
def test_a_map_without_a_positive_value(style, expected):
    points, values = decode(np.full((4, 4, 1), -1.0, np.float32), DECODE_STYLES[style])
    assert points.tolist() == [[expected, expected]] and values.tolist() == [-1]


def test_first_of_equal_peaks_in_rows():
    cells, _ = peaks(one_map({(5, 1): 1, (0, 2): 1, (6, 1): 1}))
    assert cells.tolist() == [[5, 1]]


def test_places_by_hand():
    points = np.array([[[0.0, 0.0], [4.0, 6.0]]])
    centers, scales = np.array([[50.0, 3.0]]), np.array([0.1])
    np.testing.assert_allclose(
        to_picture(points, centers, scales, 8), [[[40, -7], [50, 8]]], atol=1e-9
    )
    # 20 pixels by 8 cells; -4.5 is cut to -4, the middle of whose pixel is -3.5.
    points = np.array([[[0.1, 1.0]]])
    np.testing.assert_allclose(
        to_picture(points, centers, scales, 8, truncate=True), [[[40.5, -3.5]]]
    )
