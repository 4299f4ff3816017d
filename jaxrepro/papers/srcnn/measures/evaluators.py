"""Measurements during training: PSNR and SSIM of whole pictures."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.run import notices
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch
from jaxrepro.data.padding import padded_batches
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.metrics.pictures.decibels import mean_measures
from jaxrepro.papers.srcnn.measures.protocol import published, published_measures
from jaxrepro.papers.srcnn.network.borders import TileBorder
from jaxrepro.papers.srcnn.network.tiles import cut_tile, tile_places
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.degraded import DegradedPicture, degraded_pictures
from jaxrepro.papers.srcnn.pairs.planes import grey_note

Canvases = dict[int, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Quality:
    """PSNR and SSIM of the first plane over a set of pictures, by the published protocol.

    Pictures of all sizes pass through one compiled program, as exact tiles.

    Attributes:
      module: has `margin` and `factor`.
      pictures: see `data.sets.pictures.open_pictures`.
      tile: side of a tile in pixels of the network's input.
    """

    module: Any
    pictures: str
    degradation: str
    scale: int
    color: str
    tile: int
    every: Every
    batch_size: int

    @property
    def measured_on(self) -> str:
        """The pictures, and the protocol of their decibels."""
        return f"{self._pictures_in_words}; {published(self.scale, self.degradation).sentence()}"

    @property
    def _pictures_in_words(self) -> str:
        num = len(open_pictures(self.pictures))
        return f"{num:,} whole pictures of {self.pictures}, enlarged {self.scale} times"

    @property
    def prepared(self) -> tuple[DegradedPicture, ...]:
        """The pictures in the order of their names."""
        return degraded_pictures(self.pictures, self.degradation, self.scale, self.color)

    def places(self) -> list[tuple[int, int, int]]:
        """Returns (number of the picture, top, left) of all tiles, in pixels of the input."""
        return [
            (number, top, left)
            for number, picture in enumerate(self.prepared)
            for top, left in tile_places(
                *picture.input(self.module.factor).shape[:2], side=self.tile
            )
        ]

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields tiles, float32 [B, side, side, C], and where they belong."""
        inputs = [picture.input(self.module.factor) for picture in self.prepared]
        kinds = {picture.name: picture.kind for picture in self.prepared}
        if note := grey_note(kinds, DEGRADATIONS[self.degradation].luma):
            notices.tell(f"{self.pictures}: {note}")
        places = np.array(
            [(number, *place, *inputs[number].shape[:2]) for number, *place in self.places()],
            np.int32,
        )
        for rows in padded_batches({"place": places}, self.batch_size, process, num_processes):
            tiles = [
                cut_tile(inputs[number], top, left, self.tile, self.module.margin)
                for number, top, left in rows["place"][:, :3].tolist()
            ]
            yield {**rows, "image": np.stack(tiles)}

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns each tile's result, float32 [B, tile factor, tile factor, C], and its place."""
        _, top, left, height, width = batch["place"].T
        margin = self.module.margin
        border = TileBorder(top - margin, left - margin, height, width)
        variables = state.nets["model"].variables
        out = self.module.apply(variables, batch["image"], border)
        return {"planes": out, "place": batch["place"]}

    def init(self) -> Canvases:
        """Returns no pictures."""
        return {}

    def merge(self, acc: Canvases, out: Mapping[str, np.ndarray]) -> Canvases:
        """Lays the tiles of one more batch into their pictures."""
        factor = self.module.factor
        for planes, (number, top, left) in zip(out["planes"], out["place"][:, :3].tolist()):
            truth = self.prepared[number].truth
            canvas = acc.setdefault(number, np.empty_like(truth))
            area = canvas[
                top * factor : (top + self.tile) * factor,
                left * factor : (left + self.tile) * factor,
            ]
            area[:] = planes[: area.shape[0], : area.shape[1]]
        return acc

    def finish(self, acc: Canvases) -> Mapping[str, float]:
        """Returns the means over the pictures, see `mean_measures`."""
        return mean_measures(
            [
                published_measures(
                    acc[number][..., 0], picture.truth[..., 0], self.scale, picture.name
                )
                for number, picture in enumerate(self.prepared)
            ]
        )
