"""A function of rows, applied to any number of them on all devices, the same to the last bit."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import PartitionSpec

from jaxrepro.core.devices import mesh as mesh_lib

Rows = Mapping[str, np.ndarray]


class RowMap:
    """`function(shared, rows)` in batches of one shape, whole batches side by side on the devices.

    The function must treat every row by itself. Then a row's result does not depend, to the last
    bit, on the rows beside it or on the number of devices: every device runs one program for
    `batch_size` rows, and row k has place (offset + k) mod batch_size in its batch. Another batch
    size is another program, whose results may be rounded differently.
    """

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        batch_size: int,
        devices: Sequence[Any] | None = None,
    ):
        """Prepares the map; it is compiled when it is called.

        function: from (shared, rows), a tree of arrays and a dict of arrays [batch_size, ...], to
        a tree of arrays [batch_size, ...]. devices: all of this process by default.
        """
        self._function = function
        self._batch_size = batch_size
        self._devices = jax.local_devices() if devices is None else list(devices)
        self._compiled = functools.cache(self._compile)

    def __call__(self, shared: Any, rows: Rows, offset: int = 0) -> Any:
        """Returns the function's results for all rows, numpy [N, ...]; N is 1 or more.

        offset: of the first row in a longer series whose rows shall have their usual places.
        """
        size = self._batch_size
        num = len(next(iter(rows.values())))
        first = offset % size
        num_batches = math.ceil((first + num) / size)
        num_devices = min(num_batches, len(self._devices))
        run, whole, split = self._compiled(num_devices)
        shared = jax.device_put(shared, whole)
        results = []
        for start in range(0, num_batches, num_devices):
            wanted = np.arange(start * size, (start + num_devices) * size) - first
            # Rows before the first and after the last repeat these, and are dropped.
            taken = np.clip(wanted, 0, num - 1)
            batch = jax.device_put({k: np.asarray(x)[taken] for k, x in rows.items()}, split)
            is_row = wanted == taken
            result = jax.device_get(run(shared, batch))
            results.append(jax.tree.map(lambda x, keep=is_row: x[keep], result))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *results)

    def _compile(self, num_devices: int) -> tuple[Any, Any, Any]:
        mesh = mesh_lib.make_mesh(devices=self._devices[:num_devices])
        split = mesh_lib.batch_sharding(mesh)
        # Not left to the compiler: each device gets the program of a single one.
        mapped = jax.shard_map(
            self._function,
            mesh=mesh,
            in_specs=(PartitionSpec(), split.spec),
            out_specs=split.spec,
            check_vma=False,
        )
        return jax.jit(mapped), mesh_lib.replicated(mesh), split
