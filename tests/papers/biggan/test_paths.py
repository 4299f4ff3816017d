import numpy as np

from jaxrepro.papers.biggan.interpolate import linear_path, spherical_path

WEIGHTS = np.linspace(0, 1, 5)
FIRST, LAST = np.asarray([[1.0, 0.0], [2.0, 0.0]]), np.asarray([[0.0, 1.0], [0.0, 4.0]])


def test_lines():
    path = linear_path(FIRST, LAST, WEIGHTS)
    assert path.shape == (2, 5, 2) and path.dtype == np.float32
    np.testing.assert_allclose(path[1], [[2, 0], [1.5, 1], [1, 2], [0.5, 3], [0, 4]])


def test_arcs():
    path = spherical_path(FIRST, LAST, WEIGHTS)
    angle = WEIGHTS * np.pi / 2
    np.testing.assert_allclose(path[0], np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-7)
    np.testing.assert_allclose(path[1, [0, -1]], [[2, 0], [0, 4]], atol=1e-7)


def test_an_arc_keeps_the_length_that_a_line_loses():
    rng = np.random.default_rng(0)
    first, last = rng.standard_normal((2, 20, 128))
    middle = np.asarray([0.5])
    lengths = np.linalg.norm(spherical_path(first, last, middle)[:, 0], axis=1)
    np.testing.assert_allclose(lengths.mean(), np.sqrt(128), rtol=0.05)
    lengths = np.linalg.norm(linear_path(first, last, middle)[:, 0], axis=1)
    np.testing.assert_allclose(lengths.mean(), np.sqrt(64), rtol=0.05)


def test_without_an_arc_of_their_own_vectors_are_joined_by_a_line():
    first = np.asarray([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [1.0, 2.0]])
    last = np.asarray([[1.0, 2.0], [-1.0, -2.0], [3.0, 1.0], [3.0, 6.0]])
    np.testing.assert_allclose(
        spherical_path(first, last, WEIGHTS), linear_path(first, last, WEIGHTS), atol=1e-6
    )
