import pathlib

import jax
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.faces.holistic_edges import (
    EdgeSketcher,
    edges_from_pytorch,
    lines_of_edges,
)
from tests.papers.scfegan.faces import published_edges

GOLDEN = pathlib.Path(__file__).parents[3] / "golden" / "holistic_edges.npz"
NARROW = (2, 3, 4, 5, 6)


def test_edges_are_those_of_the_pytorch_network():
    network, variables = edges_from_pytorch(published_edges.arrays())
    assert sum(x.size for x in map(np.asarray, _leaves(variables))) == 14716171
    images = published_edges.picture()[np.newaxis].astype(np.float32)
    edges = np.asarray(jax.jit(network.apply)(variables, images))
    expected = np.load(GOLDEN)["edges"]
    assert expected.std() > 0.05
    np.testing.assert_allclose(edges[0, ..., 0], expected, atol=2e-5)


def _leaves(tree):
    return (
        [x for value in tree.values() for x in _leaves(value)] if isinstance(tree, dict) else [tree]
    )


def test_names_with_net_are_the_same_network():
    arrays = published_edges.arrays(NARROW)
    network, variables = edges_from_pytorch(
        {name.replace("module", "net"): value for name, value in arrays.items()}
    )
    assert network.widths == NARROW
    _, expected = edges_from_pytorch(arrays)
    for got, wanted in zip(_leaves(variables), _leaves(expected), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("moduleVggTwo.1.weight"), r"VggTwo\.1\.weight of HED is missing"),
        (lambda a: a.pop("moduleScoreFiv.bias"), r"ScoreFiv\.bias of HED is missing"),
        (lambda a: a.update(extra=np.zeros(1)), "does not have: extra"),
        (lambda a: a.update({"moduleCombine.0.bias": np.zeros((1, 1))}), r"a bias of \(1, 1\)"),
        (
            lambda a: a.update({"moduleVggTwo.3.weight": np.zeros((3, 7, 3, 3))}),
            r"block1_conv1 kernel of HED has the shape \(3, 3, 7, 3\), not \(3, 3, 3, 3\)",
        ),
    ],
)
def test_other_arrays_are_refused(change, message):
    arrays = published_edges.arrays(NARROW)
    change(arrays)
    with pytest.raises(InputError, match=message):
        edges_from_pytorch(arrays)


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 120])
def test_lines_run_along_the_ridges(angle):
    direction = np.deg2rad(angle)
    y, x = np.mgrid[:64, :64] - 31.5
    distance = -x * np.sin(direction) + y * np.cos(direction)
    edges = np.exp(-((distance - 2) ** 2) / 8)
    lines = lines_of_edges(edges)[..., 0]
    assert lines.dtype == np.uint8
    at = np.argwhere(lines)
    assert np.abs(distance[lines > 0] - 2).max() <= 1
    # As long as the longer side of the line's box, but for the border.
    assert 40 <= len(at) <= 64


def test_faint_and_short_edges_are_left_out():
    edges = np.zeros((40, 40))
    edges[10, 10:30] = 0.09
    assert not lines_of_edges(edges).any()
    edges[20, 15:18] = 0.9
    assert not lines_of_edges(edges).any()
    edges[20, 10:30] = 0.9
    lines = lines_of_edges(edges)
    assert lines[20, 12:28].all() and lines.sum() <= 20


def test_sketch_by_a_file_of_weights(tmp_path):
    np.savez(tmp_path / "hed.npz", **published_edges.arrays(NARROW))
    sketcher = EdgeSketcher.from_file(tmp_path / "hed.npz")
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, 24:] = 255
    edges = sketcher.edges(picture)
    assert edges.shape == (32, 48) and edges.dtype == np.float32
    # Mirrored on all sides, rows are equal in the middle of the picture: borders are no edges.
    np.testing.assert_allclose(edges[12:20, :8].std(axis=1), edges[16, :8].std(), atol=0.05)
    sketch = sketcher(picture)
    assert sketch.shape == (32, 48, 1) and sketch.max() <= 1
