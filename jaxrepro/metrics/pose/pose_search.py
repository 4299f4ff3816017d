"""Heat maps of several views of one person put together: mirrored and at several scales.

Pure functions of JAX arrays, for whole batches inside jit.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.data.pose.joint_sets import JointSet

# Of the PyraNet code for testing.
SIX_SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


def mirror_maps(maps: jax.Array, joint_set: JointSet) -> jax.Array:
    """Returns maps [..., H, W, K] of mirrored pictures as they would be of the pictures."""
    return maps[..., ::-1, :][..., np.array(joint_set.mirror_order)]


def flip_average(
    maps: jax.Array, maps_of_mirrored: jax.Array, joint_set: JointSet, *, shift: bool = False
) -> jax.Array:
    """Returns the mean of maps and those of the mirrored pictures, [..., H, W, K].

    shift: the latter are moved one cell to the right first, and their first column is kept, as in
      HRNet. It is right for targets rounded to the nearest corner, and wrong for others.
    """
    mirrored = mirror_maps(maps_of_mirrored, joint_set)
    if shift:
        mirrored = jnp.concatenate([mirrored[..., :1, :], mirrored[..., :-1, :]], axis=-2)
    return (maps + mirrored) / 2


def scale_average(
    maps: jax.Array, zooms: tuple[float, ...], resolution: int, *, cell_point: float = 0.5
) -> jax.Array:
    """Returns the mean of maps of crops of several widths, [B, resolution, resolution, K].

    maps: [S, B, H, W, K], row s of crops that were zooms[s] times as wide as that of zoom 1, about
      the same centre. The result covers the widest crop, so its cells are those of a crop
      max(zooms) times as wide. Each map is interpolated linearly and is 0 outside its own crop, as
      in the PyraNet code, which does it in pixels of the whole picture.
    cell_point: see `DecodeStyle`.
    """
    widest = max(zooms)
    total = jnp.zeros((), maps.dtype)
    for zoom, layer in zip(zooms, maps, strict=True):
        rows, columns = (
            _interpolation(side, resolution, widest / zoom, cell_point) for side in layer.shape[1:3]
        )
        total += jnp.einsum(
            "ih,bhwk,jw->bijk", rows, layer, columns, precision=jax.lax.Precision.HIGHEST
        )
    return total / len(zooms)


def _interpolation(side: int, resolution: int, ratio: float, cell_point: float) -> np.ndarray:
    """Returns weights [resolution, side] of a map in a grid that is `ratio` times as wide."""
    # Middles of the cells of the grid, in cells of the map.
    place = ((np.arange(resolution) + 0.5) / resolution - 0.5) * ratio * side + side / 2
    inside = (place >= 0) & (place < side)
    place = np.clip(place - cell_point, 0, side - 1)
    low = np.minimum(place.astype(int), side - 2) if side > 1 else np.zeros(resolution, int)
    share = place - low
    weights = np.zeros((resolution, side), np.float32)
    each = np.arange(resolution)
    weights[each, low] = 1 - share
    if side > 1:
        weights[each, low + 1] += share
    return weights * inside[:, None]
