"""Pictures enlarged: colours, alpha and depth around a network that sees luma."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxrepro.data.formats.picture_files import Picture
from jaxrepro.data.formats.resize import resize
from jaxrepro.data.formats.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.trained import Trained

# Luma of black, and that of white less that of black.
_BLACK, _SPAN = np.float32(16 / 255), np.float32(219 / 255)
_SMALLEST_TILE = 32
Planes = np.ndarray


class Enlarger:
    """Enlarges pictures by a trained network, tile by tile.

    A luma network enlarges Y of ITU-R BT.601 in the range that it was trained in, studio range but
    for the article's; Cb and Cr are enlarged by MATLAB's bicubic. Grey is mapped to that range and
    back, so that a picture gives the same result whether it is stored as grey or as RGB. (In the
    published evaluation, grey pictures are taken as luma of full range instead.) Networks of three
    planes see and give YCbCr or RGB, and of their result for a grey picture the luma is taken.
    Alpha is enlarged by bicubic. All of it is done in float32 and rounded once, to the depth of the
    picture.
    """

    def __init__(self, trained: Trained, *, ensemble: bool = False, side: int = 128):
        """Keeps a network for use on pictures.

        ensemble: whether the network's results for the 8 flips and rotations of a picture are
        averaged. side: of a tile, in pixels of the network's input; it bounds the memory that the
        network needs and changes nothing else.
        """
        self._trained = trained
        self._turns = range(8 if ensemble else 1)
        self._side = side
        self._networks: dict[int, TiledNetwork] = {}

    def num_tiles(self, shape: tuple[int, ...]) -> int:
        """Returns how often a picture of [H, W, ...] calls `on_tile`."""
        height, width = self._input_shape(shape)
        side = self._tile_side(height, width)
        return len(self._turns) * -(-height // side) * -(-width // side)

    def __call__(self, picture: Picture, on_tile: Callable[[], None] = lambda: None) -> Picture:
        """Returns `picture` enlarged, of the same depth and channels, and what its file says.

        on_tile: called after every tile.
        """
        scale = self._trained.scale
        shape = (picture.color.shape[0] * scale, picture.color.shape[1] * scale)
        color = picture.color.astype(np.float32) / np.float32(picture.maximum)
        alpha = picture.alpha
        if alpha is not None:
            color = _spread_under_transparency(color, alpha)
            fraction = alpha[..., None].astype(np.float32) / np.float32(picture.maximum)
            alpha = _rounded(resize(fraction, shape), alpha.dtype)[..., 0]
        color = self._enlarge(color, shape, on_tile)
        return dataclasses.replace(picture, color=_rounded(color, picture.color.dtype), alpha=alpha)

    def _enlarge(
        self, color: Planes, shape: tuple[int, int], on_tile: Callable[[], None]
    ) -> Planes:
        is_grey = color.shape[2] == 1
        if self._trained.color == "y":
            if is_grey:
                luma = self._enlarged_luma(_BLACK + _SPAN * color, shape, on_tile)
                return (luma - _BLACK) / _SPAN
            ycbcr = rgb_to_ycbcr(color)
            luma = self._enlarged_luma(ycbcr[..., :1], shape, on_tile)
            chroma = resize(ycbcr[..., 1:], shape)
            return ycbcr_to_rgb(np.concatenate([luma, chroma], axis=2))
        rgb = np.repeat(color, 3, axis=2) if is_grey else color
        if self._trained.color == "ycbcr":
            rgb = ycbcr_to_rgb(self._network_result(rgb_to_ycbcr(rgb), shape, on_tile))
        else:
            rgb = self._network_result(rgb, shape, on_tile)
        return (rgb_to_ycbcr(rgb)[..., :1] - _BLACK) / _SPAN if is_grey else rgb

    def _enlarged_luma(
        self, luma: Planes, shape: tuple[int, int], on_tile: Callable[[], None]
    ) -> Planes:
        """Returns studio-range luma enlarged, by the network in the range of its training."""
        if DEGRADATIONS[self._trained.degradation].luma == "studio":
            return self._network_result(luma, shape, on_tile)
        full = self._network_result((luma - _BLACK) / _SPAN, shape, on_tile)
        return _BLACK + _SPAN * full

    def _network_result(
        self, planes: Planes, shape: tuple[int, int], on_tile: Callable[[], None]
    ) -> Planes:
        """Returns planes [H', W', C] for planes [H, W, C] and (H', W') = shape."""
        planes = resize(planes, self._input_shape(planes.shape))
        side = self._tile_side(*planes.shape[:2])
        if side not in self._networks:
            trained = self._trained
            self._networks[side] = TiledNetwork(trained.module, trained.variables, side)
        network = self._networks[side]
        total = np.zeros((*shape, planes.shape[2]), np.float32)
        for turn in self._turns:
            total += _turned_back(network(_turned(planes, turn), on_tile), turn)
        return total / np.float32(len(self._turns))

    def _input_shape(self, shape: tuple[int, ...]) -> tuple[int, int]:
        factor = self._trained.scale // self._trained.module.factor
        return shape[0] * factor, shape[1] * factor

    def _tile_side(self, height: int, width: int) -> int:
        # Few sizes, for each is compiled, and none much larger than the picture.
        side = _SMALLEST_TILE
        while side < max(height, width):
            side *= 2
        return min(side, self._side)


def _turned(planes: Planes, turn: int) -> Planes:
    """Returns one of the 8 flips and rotations of [H, W, C]."""
    planes = np.rot90(planes, turn % 4)
    return planes[:, ::-1] if turn >= 4 else planes


def _turned_back(planes: Planes, turn: int) -> Planes:
    return np.rot90(planes[:, ::-1] if turn >= 4 else planes, -(turn % 4))


def _spread_under_transparency(color: Planes, alpha: np.ndarray) -> Planes:
    """Returns colours in which invisible pixels have that of the nearest visible one.

    Otherwise whatever lies under full transparency, mostly black, would bleed into the edges.
    """
    invisible = alpha == 0
    if not invisible.any() or invisible.all():
        return color
    from scipy.ndimage import distance_transform_edt

    nearest: Any = distance_transform_edt(invisible, return_distances=False, return_indices=True)
    rows, columns = nearest
    return color[rows, columns]


def _rounded(x: Planes, dtype: np.dtype) -> Planes:
    maximum = np.float32(np.iinfo(dtype).max)
    return np.floor(np.clip(x, 0, 1) * maximum + np.float32(0.5)).astype(dtype)
