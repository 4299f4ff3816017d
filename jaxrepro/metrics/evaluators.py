"""Evaluators that keep a row of outputs for every example, and reduce all of them at the end."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.task import Every, HostBatch, Image

Columns = Mapping[str, np.ndarray]


class KeepsRows:
    """The half of an Evaluator that keeps what its step returns for every example, in order.

    An evaluator that derives from it has a method results(rows), of all examples' outputs [N, ...].
    """

    results: Callable[[Columns], Mapping[str, float | Image]]

    def init(self) -> tuple[Columns, ...]:
        """Returns no rows."""
        return ()

    def merge(self, acc: tuple[Columns, ...], out: Columns) -> tuple[Columns, ...]:
        """Returns the rows so far with those of one more batch."""
        return (*acc, dict(out))

    def finish(self, acc: tuple[Columns, ...]) -> Mapping[str, float | Image]:
        """Returns the results of all rows."""
        names = acc[0] if acc else {}
        return self.results({name: np.concatenate([rows[name] for rows in acc]) for name in names})


@dataclasses.dataclass(frozen=True, eq=False)
class Rows(KeepsRows):
    """An Evaluator made of three functions.

    batches: (process, num_processes) -> this process's batches, as `Evaluator.data` says.
    step: (state, batch, key) -> outputs by name, axis 0 = batch; jitted by the caller.
    results: {name: [N, ...] of all examples} -> results by name, such as `means`.
    every, batch_size: as of `Evaluator`. measured_on: see `core.task.references_of`.
    """

    batches: Callable[[int, int], Iterable[HostBatch]]
    step: Callable[..., Mapping[str, jax.Array]]
    results: Callable[[Columns], Mapping[str, float | Image]]
    every: Every
    batch_size: int
    measured_on: str = ""

    def data(self, process: int, num_processes: int) -> Iterable[HostBatch]:
        """Returns this process's batches."""
        return self.batches(process, num_processes)


def means(*names: str, scale: float = 1.0) -> Callable[[Columns], Mapping[str, float]]:
    """Returns the `results` of Rows that are the means of columns [N, ...], in float64.

    scale: what they are multiplied by, such as 100 for percent.
    """

    def results(rows: Any) -> Mapping[str, float]:
        return {name: scale * float(rows[name].mean(dtype=np.float64)) for name in names}

    return results
