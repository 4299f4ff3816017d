import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.papers.scfegan.network.conditions import (
    composite,
    discriminator_channels,
    discriminator_input,
    draw_noise,
    generator_input,
    scaled,
    to_bytes,
)

RNG = np.random.default_rng(0)


def drawn(batch=(), size=4):
    def draw(top, channels):
        return RNG.integers(0, top, (*batch, size, size, channels)).astype(np.uint8)

    marks = {name: draw(2, 1) for name in ("mask", "sketch", "strokes", "noise")}
    return marks | {"image": draw(256, 3), "color": draw(256, 3)}


def test_the_nine_channels_by_hand():
    conditions = {
        # Known pixel; erased with line, colour and noise; erased without; known under marks.
        "image": np.array([[[[0, 51, 255], [9, 9, 9], [9, 9, 9], [255, 255, 0]]]], np.uint8),
        "mask": np.array([[[[0], [1], [1], [0]]]], np.uint8),
        "sketch": np.array([[[[0], [1], [0], [1]]]], np.uint8),
        "color": np.array([[[[5, 5, 5], [255, 0, 51], [9, 9, 9], [7, 7, 7]]]], np.uint8),
        "strokes": np.array([[[[0], [1], [0], [1]]]], np.uint8),
        "noise": np.array([[[[1], [1], [0], [0]]]], np.uint8),
    }
    want = [
        [-1, -0.6, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, -1, -0.6, 1, 1],
        [0, 0, 0, 0, -1, -1, -1, 1, 0],
        [1, 1, -1, 0, 0, 0, 0, 0, 0],
    ]
    have = generator_input(conditions)
    assert have.dtype == jnp.float32
    np.testing.assert_allclose(have[0, 0], want, atol=1e-6)
    real = scaled(jnp.asarray(conditions["image"]))
    judged = discriminator_input(real, conditions)
    np.testing.assert_array_equal(judged[..., :3], real)
    np.testing.assert_allclose(judged[0, 0, :, 3:], np.asarray(want)[:, 3:8], atol=1e-6)


@pytest.mark.parametrize("batch", [(), (3,)])
def test_channels_of_the_discriminator(batch):
    conditions = drawn(batch)
    image = scaled(jnp.asarray(conditions["image"]))
    assert generator_input(conditions).shape == (*batch, 4, 4, 9)
    for user in (False, True):
        for noise in (False, True):
            x = discriminator_input(image, conditions, with_user_input=user, noise=noise)
            num = discriminator_channels(with_user_input=user, noise=noise)
            assert x.shape == (*batch, 4, 4, num)
            place = 7 if user else 3
            np.testing.assert_array_equal(x[..., place], conditions["mask"][..., 0])
            if noise:
                both = conditions["noise"] * conditions["mask"]
                np.testing.assert_array_equal(x[..., -1:], both)
    conditions.pop("noise")
    discriminator_input(image, conditions)
    with pytest.raises(KeyError):
        generator_input(conditions)


def test_composites_are_the_input_outside_of_the_mask_to_the_last_bit():
    image = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    mask = RNG.integers(0, 2, (2, 8, 8, 1)).astype(np.uint8)
    # What a product with 0 would not remove.
    generated = np.where(RNG.random(image.shape) < 0.1, np.nan, image + 1).astype(np.float32)
    have = np.asarray(composite(generated, image, mask))
    kept = np.broadcast_to(mask == 0, image.shape)
    np.testing.assert_array_equal(have[kept].view(np.uint32), image[kept].view(np.uint32))
    np.testing.assert_array_equal(have[~kept], generated[~kept])
    gradient = jax.grad(lambda g: composite(g, image, mask).sum())(image)
    np.testing.assert_array_equal(gradient, np.broadcast_to(mask, image.shape))


def test_bytes_come_back():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_bytes(scaled(jnp.asarray(values))), values)
    np.testing.assert_array_equal(to_bytes(jnp.asarray([-3.0, 0.0, 3.0])), [0, 128, 255])


def test_noise_is_binary_with_the_rate_of_the_released_code():
    noise = np.asarray(draw_noise(jax.random.key(0), (200, 200, 1)))
    assert set(np.unique(noise)) == {0, 1}
    # P(N(0, 1) > 1) = 0.1587; four standard deviations of 40,000 draws.
    assert abs(noise.mean() - 0.1587) < 4 * np.sqrt(0.159 * 0.841 / noise.size)
