import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, heat_maps
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES, decode
from jaxrepro.metrics.pose.pose_search import SIX_SCALES, flip_average, mirror_maps, scale_average


def test_maps_of_a_mirrored_person_come_back():
    points = np.random.default_rng(0).uniform(0, 16, (14, 2))
    has = np.arange(14) != 3
    style = HEAT_MAP_STYLES["torch"]
    mirrored = points[np.array(LSP.mirror_order)] * [-1, 1] + [16, 0]
    there = has[np.array(LSP.mirror_order)]
    maps, of_mirrored = (heat_maps(*x, 16, style) for x in ((points, has), (mirrored, there)))
    np.testing.assert_allclose(mirror_maps(jnp.asarray(of_mirrored), LSP), maps, atol=1e-6)
    average = flip_average(jnp.asarray(maps), jnp.asarray(of_mirrored), LSP)
    np.testing.assert_allclose(average, maps, atol=1e-6)


def test_shift_moves_the_mirrored_map_to_the_right():
    maps = jnp.zeros((1, 2, 4, 16))
    of_mirrored = jnp.arange(4.0)[None, None, :, None] * jnp.ones((1, 2, 1, 16))
    average = flip_average(maps, of_mirrored, MPII, shift=True)
    np.testing.assert_allclose(average[0, 0, :, 0] * 2, [3, 3, 2, 1])


def test_published_code_agrees_on_mirrored_maps(data_folder):
    golden = np.load(data_folder / "goldens" / "pose_decode.npz")
    maps = jnp.asarray(golden["heatmaps"].transpose(0, 2, 3, 1))
    expected = golden["flip_back"].transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(mirror_maps(maps, MPII), expected)


def test_one_scale_is_a_linear_resize():
    maps = np.random.default_rng(0).random((1, 1, 8, 8, 1)).astype(np.float32)
    given = scale_average(jnp.asarray(maps), (1.0,), 24)
    picture = Image.fromarray(maps[0, 0, ..., 0])
    expected = np.asarray(picture.resize((24, 24), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(given[0, ..., 0], expected, atol=1e-6)


def test_scales_are_pasted_into_one_frame():
    """By hand: each map enlarged to its crop, laid into the widest, averaged with 0 beside."""
    maps = np.random.default_rng(0).random((2, 1, 8, 8, 2)).astype(np.float32)
    given = scale_average(jnp.asarray(maps), (1.0, 2.0), 32)
    for joint in range(2):
        small, large = (
            np.asarray(Image.fromarray(x[0, ..., joint]).resize((n, n), Image.Resampling.BILINEAR))
            for x, n in zip(maps, (16, 32))
        )
        frame = np.zeros((32, 32))
        frame[8:24, 8:24] = small
        np.testing.assert_allclose(given[0, ..., joint], (frame + large) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["torch", "hrnet"])
def test_six_scales_find_the_joint(name):
    """A joint that each crop shows elsewhere is found where it is, to half a cell of the frame."""
    offsets = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 3, 2))
    has, style = np.ones((2, 3), bool), HEAT_MAP_STYLES[name]
    maps = np.stack([heat_maps((offsets / z + 0.5) * 64, has, 64, style) for z in SIX_SCALES])
    point = DECODE_STYLES[name].cell_point
    combine = jax.jit(lambda m: scale_average(m, SIX_SCALES, 128, cell_point=point))
    frame = combine(jnp.asarray(maps))
    chex.assert_shape(frame, (2, 128, 128, 3))
    cells, _ = decode(frame, DECODE_STYLES["torch"])
    found = (np.asarray(cells) / 128 - 0.5) * 1.3
    np.testing.assert_allclose(found, offsets, atol=0.75 / 64)
