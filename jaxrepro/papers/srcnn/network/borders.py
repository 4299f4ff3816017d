"""What a layer sees beyond the edge of its map.

The published networks are trained with valid convolutions and tested with every map extended by
its own edge values (`REPLICATE`). With zeros instead, the published 32.39 dB become 28.46 dB.
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp


class Border(Protocol):
    """x [B, H, W, C] -> what a valid convolution is then run over.

    margin: pixels that the convolution takes from every side. lost: those that the layers before
    have taken.
    """

    def __call__(self, x: jax.Array, margin: int, lost: int) -> jax.Array:
        """Returns the map with its border."""
        ...


def valid(x: jax.Array, margin: int, lost: int) -> jax.Array:
    """Returns x itself: the result shrinks. For training, and for tiles inside of a picture."""
    return x


def replicate(x: jax.Array, margin: int, lost: int) -> jax.Array:
    """Returns x [B, H, W, C] extended by its edge values: the result has the size of x."""
    return _pad(x, margin, mode="edge")


def zero(x: jax.Array, margin: int, lost: int) -> jax.Array:
    """Returns x [B, H, W, C] extended by zeros: the result has the size of x."""
    return _pad(x, margin, mode="constant")


@dataclasses.dataclass(frozen=True)
class TileBorder:
    """`replicate` for tiles of pictures: exact, wherever a tile lies.

    A tile carries all pixels around it that its result depends on. Before every layer, places
    outside of the picture get the value at the nearest place inside, as they do in the whole
    picture; then the layer is a valid convolution.

    Attributes:
      top, left: int32 [B], the place in the picture of the tile's first pixel; negative where the
        tile begins outside.
      height, width: int32 [B], the size of the picture.
    """

    top: Any
    left: Any
    height: Any
    width: Any

    def __call__(self, x: jax.Array, margin: int, lost: int) -> jax.Array:
        """Returns x [B, H, W, C] with true values at all places."""
        if lost == 0:
            return x  # The tile was cut from the picture extended by its edge values.
        rows = _inside(self.top + lost, x.shape[1], self.height)
        columns = _inside(self.left + lost, x.shape[2], self.width)
        x = jnp.take_along_axis(x, rows[:, :, None, None], axis=1)
        return jnp.take_along_axis(x, columns[:, None, :, None], axis=2)


@dataclasses.dataclass(frozen=True)
class ZeroTileBorder(TileBorder):
    """`zero` for tiles of pictures: places outside of the picture get zeros before every layer."""

    def __call__(self, x: jax.Array, margin: int, lost: int) -> jax.Array:
        """Returns x [B, H, W, C] with zeros outside of the picture."""
        rows = _is_inside(self.top + lost, x.shape[1], self.height)
        columns = _is_inside(self.left + lost, x.shape[2], self.width)
        return jnp.where(rows[:, :, None, None] & columns[:, None, :, None], x, 0)


def _is_inside(first: jax.Array, num: int, size: jax.Array) -> jax.Array:
    """Returns bool [B, num]: whether each place of the map is in the picture."""
    places = first[:, None] + jnp.arange(num)
    return (places >= 0) & (places < size[:, None])


def _inside(first: jax.Array, num: int, size: jax.Array) -> jax.Array:
    """Returns [B, num]: for each place of the map, the index of the nearest in the picture."""
    places = first[:, None] + jnp.arange(num)
    return jnp.clip(jnp.clip(places, 0, size[:, None] - 1) - first[:, None], 0, num - 1)


def _pad(x: jax.Array, margin: int, mode: str) -> jax.Array:
    return jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode=mode)
