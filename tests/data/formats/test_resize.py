import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.data.formats.resize import MATLAB_BICUBIC, OPENCV_CUBIC, OPENCV_LINEAR, resize

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "opencv.npz"


def row(*values):
    return np.array(values, np.float64)[None, :, None]


def padded_by_jax(x, scale, enlarge):
    """The same, of jax.image.resize on the mirrored picture."""
    before = 2 if enlarge else 2 * scale
    after = 2 * scale if enlarge else 2
    wide = jnp.pad(x, ((before, before), (before, before), (0, 0)), mode="symmetric")
    shape = [n * scale if enlarge else n // scale for n in wide.shape[:2]]
    out = jax.image.resize(
        wide, (*shape, x.shape[2]), "cubic", antialias=True, precision=jax.lax.Precision.HIGHEST
    )
    return out[after:-after, after:-after]


# The kernels at 1/4, 3/4, 5/4 and 7/4 of a pixel, from their formula.
@pytest.mark.parametrize(
    ("interpolation", "weights"),
    [
        (MATLAB_BICUBIC, (0.8671875, 0.2265625, -0.0703125, -0.0234375)),
        (OPENCV_CUBIC, (0.87890625, 0.26171875, -0.10546875, -0.03515625)),
        (OPENCV_LINEAR, (0.75, 0.25, 0.0, 0.0)),
    ],
)
def test_a_point_enlarged_twice_shows_the_kernel(interpolation, weights):
    got = resize(row(0, 0, 0, 1, 0, 0, 0), (1, 14), interpolation)[0, 3:11, 0]
    np.testing.assert_allclose(got, [*weights[::-1], *weights], atol=1e-15)


def test_beyond_the_edge_lies_the_mirror_picture_or_the_edge_pixel():
    # At the first new pixel, 1/4 left of the first old one, two taps lie outside.
    one, three, five, seven = 0.8671875, 0.2265625, -0.0703125, -0.0234375
    got = resize(row(1, 10, 100, 0, 0, 0), (1, 12), MATLAB_BICUBIC)[0, 0, 0]
    assert got == pytest.approx(one * 1 + three * 1 + five * 10 + seven * 10)
    one, three, five, seven = 0.87890625, 0.26171875, -0.10546875, -0.03515625
    got = resize(row(1, 10, 100, 0, 0, 0), (1, 12), OPENCV_CUBIC)[0, 0, 0]
    assert got == pytest.approx(one * 1 + three * 1 + five * 10 + seven * 1)
    np.testing.assert_allclose(resize(row(0, 4), (1, 4), OPENCV_LINEAR)[0, :, 0], [0, 1, 3, 4])


def test_only_antialiasing_sees_all_pixels_when_a_picture_shrinks():
    stripes = row(*[0, 1, 0] * 4)
    np.testing.assert_allclose(resize(stripes, (1, 4), OPENCV_LINEAR), 1)
    np.testing.assert_allclose(resize(stripes, (1, 4), OPENCV_CUBIC), 1, atol=1e-12)
    # The widened kernel at 0, 1/3, 2/3, 1 ...: it is 0 at 1 and 2, and its taps at whole thirds.
    weigh = MATLAB_BICUBIC.weigh
    taps = weigh(np.arange(-6, 7) / 3)
    expected = (weigh(np.array(0.0)) + 2 * weigh(np.array(1.0))) / taps.sum()
    np.testing.assert_allclose(resize(stripes, (1, 4))[0, 1:3, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("enlarge", [False, True])
def test_equals_jax_on_a_mirrored_picture(scale, enlarge):
    x = np.random.default_rng(scale).random((12, 24, 1))
    shape = tuple(n * scale if enlarge else n // scale for n in x.shape[:2])
    with jax.enable_x64(True):
        expected = np.asarray(padded_by_jax(jnp.asarray(x), scale, enlarge))
    np.testing.assert_allclose(resize(x, shape), expected, atol=1e-14)
    small = resize(x.astype(np.float32), shape)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, expected, atol=1e-6)


def test_inside_jit_and_differentiable():
    generator = np.random.default_rng(0)
    x, direction = generator.random((2, 2, 9, 12, 1), np.float32)
    weights = generator.random((2, 3, 4, 1), np.float32)

    def weighted(x):
        return jnp.sum(weights * resize(x, (3, 4)))

    value, gradient = jax.jit(jax.value_and_grad(weighted))(x)
    np.testing.assert_allclose(value, np.sum(weights * resize(x, (3, 4))), rtol=1e-5)
    # The operation is linear: its derivative in a direction is what it does to the direction.
    expected = np.sum(weights * resize(direction, (3, 4)))
    np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-5)


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="floating numbers, not uint8"):
        resize(np.zeros((4, 4, 1), np.uint8), (2, 2))


@pytest.mark.parametrize(
    ("kind", "interpolation"), [("cubic", OPENCV_CUBIC), ("linear", OPENCV_LINEAR)]
)
def test_equals_opencv(kind, interpolation):
    with np.load(GOLDEN) as golden:
        x = golden["floats"][..., None]
        for size in ("small", "large"):
            expected = golden[f"{kind}_{size}"]
            got = resize(x, expected.shape, interpolation)[..., 0]
            np.testing.assert_allclose(got, expected, atol=1e-6)
