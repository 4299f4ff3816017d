"""Finite batches of one shape from arrays in memory."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from jaxrepro.core.errors import InputError


def padded_batches(
    rows: Mapping[str, np.ndarray], batch_size: int, process: int = 0, num_processes: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Yields this process's rows of every batch, with "mask" bool [batch_size / num_processes].

    rows: arrays with one axis 0, over all processes. The last batch is padded by repeating the
    last row, with mask False. All processes yield equally many batches.

    Raises InputError if `num_processes` does not divide `batch_size`.
    """
    if batch_size % num_processes:
        raise InputError(
            f"eval.batch_size={batch_size} does not divide over {num_processes} processes"
        )
    total = len(next(iter(rows.values())))
    local = batch_size // num_processes
    for batch in range(math.ceil(total / batch_size)):
        index = batch * batch_size + process * local + np.arange(local)
        taken = np.minimum(index, total - 1)
        yield {name: x[taken] for name, x in rows.items()} | {"mask": index < total}
