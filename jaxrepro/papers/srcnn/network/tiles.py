"""Pictures of any size in constant memory: exact tiles.

A tile carries the pixels around it that its result depends on, so the results laid side by side
are those of the whole picture, to the rounding of floats.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jaxrepro.papers.srcnn.network.borders import TileBorder, valid


def tile_places(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    """Yields (top, left) of squares of `side` that cover a picture; the last ones stick out."""
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield top, left


def cut_tile(planes: np.ndarray, top: int, left: int, side: int, margin: int) -> np.ndarray:
    """Returns [side + 2 margin, side + 2 margin, C] around the square at (top, left).

    planes: [H, W, C]; beyond its edges their values are repeated.
    """
    reach = np.arange(-margin, side + margin)
    rows = np.clip(top + reach, 0, planes.shape[0] - 1)
    columns = np.clip(left + reach, 0, planes.shape[1] - 1)
    return planes[rows[:, None], columns]


class TiledNetwork:
    """A network over planes of any size, tile by tile.

    Equal to `module.apply(variables, planes, replicate)` up to rounding.
    """

    def __init__(
        self,
        module: Any,
        variables: Any,
        side: int = 128,
        border: type[TileBorder] = TileBorder,
    ):
        """module: has `margin` and `factor`; variables: as its `apply` takes them.

        border: `ZeroTileBorder` makes it equal to `module.apply(variables, planes, zero)`.
        """
        self._module = module
        self._variables = jax.device_put(variables)
        self._side = side
        # Compiled here: upscaling and tables run networks outside of the loop and the evaluators.
        self._inside = jax.jit(functools.partial(module.apply, border=valid))
        self._at_edge = jax.jit(
            lambda variables, x, *place: module.apply(variables, x, border(*place))
        )

    def __call__(
        self, planes: np.ndarray, on_tile: Callable[[], None] = lambda: None
    ) -> np.ndarray:
        """Returns [H factor, W factor, C] of planes [H, W, C], all float32.

        Where JAX is set to 64 bits, float64 gives float64. on_tile: called after every tile.
        """
        (height, width, _), side = planes.shape, self._side
        margin, factor = self._module.margin, self._module.factor
        result = None
        for top, left in tile_places(height, width, side):
            x = cut_tile(planes, top, left, side, margin)[None]
            inside = (
                min(top, left) >= margin
                and top + side + margin <= height
                and left + side + margin <= width
            )
            if inside:
                out = self._inside(self._variables, x)
            else:
                place = (np.array([n], np.int32) for n in (top - margin, left - margin))
                size = (np.array([n], np.int32) for n in (height, width))
                out = self._at_edge(self._variables, x, *place, *size)
            out = np.asarray(out[0])
            if result is None:
                result = np.empty((height * factor, width * factor, out.shape[-1]), out.dtype)
            rows, columns = (
                min(out.shape[0], (height - top) * factor),
                min(out.shape[1], (width - left) * factor),
            )
            result[top * factor : top * factor + rows, left * factor : left * factor + columns] = (
                out[:rows, :columns]
            )
            on_tile()
        assert result is not None
        return result
