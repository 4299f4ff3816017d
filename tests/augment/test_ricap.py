"""RICAP: where every pixel comes from, which shares its classes have, and that keys decide it."""

import functools
import pathlib

import chex
import jax
import numpy as np
import pytest
from scipy.stats import chi2

from jaxrepro.augment.ricap import area_shares, patch_images, ricap, split_point
from jaxrepro.core.errors import InputError
from jaxrepro.losses.mixed_labels import mixed_cross_entropy

GOLDENS = pathlib.Path(__file__).resolve().parents[3] / "shared" / "goldens" / "digest_ricap.npz"
NUM, HEIGHT, WIDTH = 5, 6, 10
LABELS = np.arange(NUM)


def coded_images(dtype=np.uint8):
    """Images [5, 6, 10, 3] whose channels are their number, the row and the column."""
    return np.stack(np.mgrid[:NUM, :HEIGHT, :WIDTH], axis=-1).astype(dtype)


@pytest.mark.skipif(not GOLDENS.is_file(), reason="needs the published code's values")
def test_values_are_those_of_the_authors_code():
    with np.load(GOLDENS) as file:
        golden = dict(file)
    cases = {name.split("_")[0] for name in golden}
    for case in cases:
        g = {name[len(case) + 1 :]: golden[name] for name in golden if name.startswith(case)}
        images, out = (np.moveaxis(g[name], 1, 3) for name in ("images", "out"))
        sizes = images.shape[1:3]
        rows, columns = map(split_point, g["beta_draws"], sizes)
        patched = patch_images(images, rows, columns, g["xy"], g["perms"])
        np.testing.assert_array_equal(patched, out)
        shares = area_shares(rows, columns, *sizes)
        np.testing.assert_allclose(shares, g["W"], atol=1e-7)
        labels = g["labels"][g["perms"]]
        np.testing.assert_array_equal(labels, g["patch_labels"])
        loss, gradient = jax.value_and_grad(mixed_cross_entropy)(g["logits"], labels, shares)
        np.testing.assert_allclose(loss, g["loss"], atol=1e-6)
        np.testing.assert_allclose(gradient, g["dlogits"], atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(2, 7), (0, 4), (HEIGHT, WIDTH), (3, 0)])
def test_every_pixel_is_of_the_image_and_place_that_is_claimed(rows, columns):
    rng = np.random.default_rng(0)
    permutations = np.stack([rng.permutation(NUM) for _ in range(4)])
    corners = [(0, 0), (rows, 0), (0, columns), (rows, columns)]
    sizes = [(h, w) for w in (columns, WIDTH - columns) for h in (rows, HEIGHT - rows)]
    offsets = np.array(
        [(rng.integers(HEIGHT - h + 1), rng.integers(WIDTH - w + 1)) for h, w in sizes]
    )
    out = patch_images(coded_images(), rows, columns, offsets, permutations)
    for k, ((top, left), (h, w)) in enumerate(zip(corners, sizes, strict=True)):
        part = np.asarray(out)[:, top : top + h, left : left + w]
        row, column = offsets[k]
        source = coded_images()[permutations[k], row : row + h, column : column + w]
        np.testing.assert_array_equal(part, source)
    shares = area_shares(rows, columns, HEIGHT, WIDTH)
    np.testing.assert_allclose(shares, [h * w / 60 for h, w in sizes], rtol=1e-6)
    if (rows, columns) == (HEIGHT, WIDTH):
        np.testing.assert_array_equal(out, coded_images()[permutations[0]])


@pytest.mark.parametrize("scope", ["batch", "example"])
def test_a_draw_patches_images_with_their_classes(scope):
    draw = jax.jit(functools.partial(ricap, scope=scope))
    for seed in range(8):
        key = jax.random.key(seed)
        images, labels, shares = draw(key, coded_images(), LABELS)
        assert images.dtype == np.uint8
        shares = np.broadcast_to(shares if shares.ndim > 1 else shares[:, None], (4, NUM))
        np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-6)
        for b in range(NUM):
            # The area that shows an image is the sum of the shares of its class.
            areas = np.bincount(np.asarray(images)[b, ..., 0].ravel(), minlength=NUM) / 60
            of_class = np.bincount(labels[:, b], shares[:, b], minlength=NUM)
            np.testing.assert_allclose(areas, of_class, atol=1e-6)


def test_neither_compilation_nor_the_type_changes_a_patch():
    key = jax.random.key(2)
    images = jax.jit(ricap)(key, coded_images(), LABELS).images
    chex.assert_trees_all_equal(ricap(key, coded_images(), LABELS).images, images)
    floats = jax.jit(ricap)(key, coded_images(np.float32), LABELS).images
    np.testing.assert_array_equal(floats, images)


def test_ablations():
    key = jax.random.key(3)
    whole = ricap(key, coded_images(), LABELS, beta=1.0)
    kept = np.asarray(ricap(key, coded_images(), LABELS, 1.0, crop="none").images)
    np.testing.assert_array_equal(kept[..., 1:], coded_images()[..., 1:])
    largest = ricap(key, coded_images(), LABELS, 1.0, label="largest")
    np.testing.assert_array_equal(largest.shares, np.eye(4)[np.argmax(whole.shares)])
    alone = ricap(key, coded_images(), LABELS, 1.0, patch=False)
    np.testing.assert_array_equal(alone.images, coded_images())
    np.testing.assert_array_equal(alone.labels[0], LABELS)
    np.testing.assert_array_equal(alone.shares, whole.shares)
    for wrong in ({"beta": 0.0}, {"scope": "image"}, {"crop": "all"}, {"label": "both"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            ricap(key, coded_images(), LABELS, **wrong)


def test_one_image_and_one_row():
    one = coded_images()[:1, :1]
    draw = jax.jit(ricap)
    for seed in range(4):
        images, labels, shares = draw(jax.random.key(seed), one, LABELS[:1])
        assert images.shape == one.shape
        assert not labels.any()
        np.testing.assert_allclose(shares.sum(), 1)


def test_halves_go_to_the_even_side():
    np.testing.assert_array_equal(split_point(np.array([0.25, 0.75, 0.5]), 2), [0, 2, 1])


def test_the_distribution_of_points_and_crops():
    keys = jax.random.split(jax.random.key(0), 4000)
    image = coded_images()[:1]
    places = jax.jit(jax.vmap(lambda key: ricap(key, image, LABELS[:1], 1.0)))
    images, _, shares = jax.device_get(places(keys))
    # The upper left quadrant and the lower left one are as high as the split, times a width.
    heights = (shares[:, 0] > 0) * 1.0
    assert 0.8 < heights.mean() < 0.9  # (11 / 12) (19 / 20) less rounding: neither side empty
    mean = shares.mean(axis=0)
    np.testing.assert_allclose(mean, 0.25, atol=4 * shares.std(axis=0).max() / np.sqrt(4000))
    # Where the upper left quadrant is 3 high, its crop begins at rows 0 to 3, as likely each.
    top_rows = images[:, 0, 0, 0, 1]
    height = np.round(6 * (shares[:, 0] + shares[:, 2]))
    counts = np.bincount(top_rows[(height == 3) & (shares[:, 0] > 0)], minlength=4)
    expected = counts.sum() / 4
    assert counts.sum() > 300
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.999, 3)


def test_patches_are_those_of_one_device_on_four():
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    images, labels = np.repeat(coded_images()[:4], 2, axis=0), np.repeat(LABELS[:4], 2)
    draw = jax.jit(ricap, out_shardings=None)
    split = draw(jax.random.key(1), *jax.device_put((images, labels), rows))
    chex.assert_trees_all_equal(
        jax.device_get(split), jax.device_get(draw(jax.random.key(1), images, labels))
    )
