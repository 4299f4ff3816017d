"""The filters of the first layer as a picture, as in Figure 5 of the paper."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch, Image
from jaxrepro.data.padding import padded_batches
from jaxrepro.draw.sheet import sheet
from jaxrepro.metrics.evaluators import Columns, KeepsRows

LAYER = "extraction"
# A filter is dead whose weights are this much smaller than those of the largest, in Euclidean norm.
_DEAD = 0.01
_COLUMNS = 16
_RED = (214, 39, 40)


@dataclasses.dataclass(frozen=True)
class FilterSheet(KeepsRows):
    """The filters of layer "extraction", the largest first, and how many of them are dead.

    module: any network of this paper.
    """

    module: Any
    every: Every
    batch_size: int

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the filters' numbers, int32 [B]."""
        side = 2 * self.module.margin + 1
        x = jax.ShapeDtypeStruct((1, side, side, self.module.channels), jnp.float32)
        shapes = jax.eval_shape(self.module.init, jax.random.key(0), x)
        numbers = np.arange(shapes["params"][LAYER]["kernel"].shape[-1], dtype=np.int32)
        return padded_batches({"number": numbers}, self.batch_size, process, num_processes)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the filters, float32 [B, f, f, C]."""
        kernel = state.nets["model"].params[LAYER]["kernel"]
        return {"filter": jnp.moveaxis(kernel, -1, 0)[batch["number"]]}

    def results(self, rows: Columns) -> Mapping[str, float | Image]:
        """Returns the sheet and the number of dead filters."""
        filters = rows["filter"]
        return {
            "filters": Image(filter_sheet(filters)),
            "dead_filters": float(dead_filters(filters).sum()),
        }


def filter_sheet(filters: np.ndarray) -> np.ndarray:
    """Returns uint8 [H, W, 3]: filters [N, f, f, C] by falling norm; dead ones crossed out in red.

    Grey is 0; of every filter the number furthest from 0 is black or white. The C planes of a
    filter stand side by side.
    """
    order = np.argsort(-norms(filters), kind="stable")
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.divide(filters, largest, out=np.zeros_like(filters), where=largest > 0)
    num, side, _, channels = filters.shape
    tiles = scaled.transpose(0, 1, 3, 2).reshape(num, side, channels * side)
    pixels = np.repeat(np.round((tiles + 1) * 127.5).astype(np.uint8)[..., None], 3, axis=-1)
    diagonal = np.arange(side)
    for number in np.flatnonzero(dead_filters(filters)):
        pixels[number, diagonal, diagonal] = _RED
        pixels[number, diagonal, side - 1 - diagonal] = _RED
    return sheet(pixels[order], max(1, _COLUMNS // channels))


def dead_filters(filters: np.ndarray) -> np.ndarray:
    """Returns bool [N]: which of the filters [N, f, f, C] are as good as zero."""
    return norms(filters) <= _DEAD * norms(filters).max()


def norms(filters: np.ndarray) -> np.ndarray:
    """Returns float64 [N], the Euclidean norm of each of the filters [N, f, f, C]."""
    return np.sqrt((filters.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
