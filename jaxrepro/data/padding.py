"""Finite batches of one shape: which rows are whose, and batches of arrays in memory."""

import math
from collections.abc import Iterator, Mapping

import numpy as np


def batch_rows(
    total: int, batch_size: int, process: int = 0, num_processes: int = 1
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (numbers of this process's rows, int [B_local], "mask" bool [B_local]) of each batch.

    Batch k has the rows k batch_size, k batch_size + 1, ... of `total`, in order over the processes
    and within them, whatever their number. B_local is batch_size / num_processes rounded up: rows
    that are missing, behind the last or where it does not divide, repeat the last of the batch and
    have mask False. All processes yield equally many batches.
    """
    local = math.ceil(batch_size / num_processes)
    place = process * local + np.arange(local)
    for first in range(0, total, batch_size):
        num = min(batch_size, total - first)
        yield first + np.minimum(place, num - 1), place < num


def padded_batches(
    rows: Mapping[str, np.ndarray], batch_size: int, process: int = 0, num_processes: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Yields this process's rows of every batch, with "mask", see `batch_rows`.

    rows: arrays with one axis 0, over all processes.
    """
    total = len(next(iter(rows.values())))
    for taken, mask in batch_rows(total, batch_size, process, num_processes):
        yield {name: x[taken] for name, x in rows.items()} | {"mask": mask}
