"""Batches of numpy arrays whose content is a pure function of the step."""

import dataclasses
import math
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import grain
import numpy as np
from absl import flags

from jaxrepro.core.config import checked_seed
from jaxrepro.core.errors import InputError
from jaxrepro.data.memory import MemoryCache
from jaxrepro.data.padding import batch_rows
from jaxrepro.data.source import Item, Items
from jaxrepro.data.transforms import Transform

Batch = dict[str, np.ndarray]

# Prepared examples that fit in this are decoded once.
MEMORY_BYTES = 256 * 2**20
# Grain wants a finite length; no run comes near this step.
_LAST_STEP = 2**40


class TrainIterator(Iterator[Batch]):
    """An endless iterator over batches, closed by `close()` or by leaving a `with` block, or else
    when it is garbage collected or Python ends.
    """

    def __init__(self, batches: grain.DatasetIterator[Batch]):
        self._open = [batches]
        # Closes and frees grain's iterator before modules are torn down: later it fails noisily.
        self._finalizer = weakref.finalize(self, _close_all, self._open)

    def __next__(self) -> Batch:
        if not self._open:
            raise ValueError("this iterator is closed")
        # Worker processes send arrays in shared memory, whose release has the same trouble.
        return {name: np.array(value) for name, value in next(self._open[0]).items()}

    def close(self) -> None:
        """Ends the prefetching threads and processes; the iterator cannot be used afterwards."""
        self._finalizer()

    def __enter__(self) -> "TrainIterator":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def train_iterator(
    source: Items,
    transform: Transform,
    *,
    seed: int,
    batch_shape: tuple[int, ...],
    start_step: int,
    process: int = 0,
    num_processes: int = 1,
    num_workers: int = 0,
    num_threads: int = 2,
    memory_bytes: int = MEMORY_BYTES,
) -> TrainIterator:
    """An endless iterator; item k holds this process's data of update `start_step` + k.

    With `batch_shape` (*outer, B), such as (num_d_steps, accumulation, B), every array has the
    shape [*outer, B / num_processes, ...], under the names that the transform's results have: of
    pictures {"image": uint8 [*outer, B_local, H, W, C], "label": int32 [*outer, B_local]}. The
    processes' arrays, concatenated in order along the last batch axis, are the arrays of a single
    process, bit for bit.

    The stream visits every example once before any again, in an order drawn anew for each pass.
    Order and augmentation depend on `seed` and on the position in the stream only, not on
    `num_processes`, `num_workers` or `num_threads`, so that stopping anywhere and starting again
    with `start_step` gives the same batches.

    Args:
      source: where the examples are: a Source of pictures, or examples of any other kind.
      transform: applied to each item; all its results must have the same names, and under each
        name one shape and one dtype.
      seed: 0 <= seed < 2**32; another one gives another order and other augmentation.
      batch_shape: the global shape of the examples of one update.
      start_step: the update that comes first.
      process: index of this process in [0, num_processes).
      num_processes: must divide the last entry of `batch_shape`.
      num_workers: worker processes that decode and transform; 0 uses threads of this process and
        keeps the prepared examples in memory if they fit.
      num_threads: threads of this process (or of each worker) that assemble updates ahead of
        time; 0 assembles them when they are asked for.
      memory_bytes: without workers, memory for prepared examples; 0 prepares each at every visit.

    Raises:
      InputError: if the source is smaller than the last entry of `batch_shape`, or an argument is
        out of its range; on reading, if examples of a batch differ in names, shapes or dtypes.
    """
    _check(source, seed, batch_shape, start_step, process, num_processes)
    # Workers would each fill a memory of their own. The chain must be the same with and without
    # them: grain derives the seed of a stage from its place in the chain.
    prepared = MemoryCache(source, transform.prepare, max_bytes=0 if num_workers else memory_bytes)
    items = grain.MapDataset.source(prepared).seed(seed).shuffle().repeat()
    if transform.augment is not None:
        items = items.random_map(transform.augment)
    update = _Update(items, batch_shape, process, num_processes)
    steps = grain.MapDataset.range(start_step, _LAST_STEP).map(update)
    batches = steps.to_iter_dataset(
        grain.ReadOptions(num_threads=num_threads, prefetch_buffer_size=num_threads)
    )
    if num_workers:
        # Grain's worker processes read absl flags, which a notebook or a test has not parsed.
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=num_workers))
    return TrainIterator(iter(batches))


def eval_batches(
    source: Items,
    transform: Transform,
    batch_size: int,
    *,
    process: int = 0,
    num_processes: int = 1,
) -> Iterator[Batch]:
    """Every example once, in order and without augmentation, in batches of one shape.

    Yields this process's rows of the global batch: arrays [B_local, ...] under the names that the
    prepared examples have, and "mask": bool [B_local], "index": int32 [B_local]. B_local, the rows
    of a process and those with mask False, which repeat an example, are as
    `data.padding.batch_rows` says.

    Raises:
      InputError: for a batch size below 1, or a process that is none of `num_processes`; if
        examples of a batch differ in names, shapes or dtypes, or have a "mask" or "index" already.
    """
    _check_process(process, num_processes)
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} given; it must be positive")
    for index, mask in batch_rows(len(source), batch_size, process, num_processes):
        batch = _stack([transform.prepare(source[int(i)]) for i in index])
        if taken := sorted(batch.keys() & {"mask", "index"}):
            raise InputError(
                f"the examples of {source!r} have {taken[0]!r} among their names, which batches of "
                "an evaluation use themselves; give it another name in the source or the transform"
            )
        yield {**batch, "mask": mask, "index": index.astype(np.int32)}


def _close_all(iterators: list[grain.DatasetIterator[Batch]]) -> None:
    while iterators:
        iterators.pop().close()


@dataclasses.dataclass(frozen=True)
class _Update:
    """step -> the arrays of that update, from an endless stream of items."""

    items: grain.MapDataset[Item]
    batch_shape: tuple[int, ...]
    process: int
    num_processes: int

    def __call__(self, step: int) -> Batch:
        positions = step * math.prod(self.batch_shape) + np.arange(math.prod(self.batch_shape))
        local = self.batch_shape[-1] // self.num_processes
        rows = slice(self.process * local, (self.process + 1) * local)
        positions = positions.reshape(self.batch_shape)[..., rows]
        flat = _stack([self.items[int(position)] for position in positions.flat])
        return {name: x.reshape(*positions.shape, *x.shape[1:]) for name, x in flat.items()}


def _stack(items: Sequence[Any]) -> Batch:
    """Returns the examples as one array [N, ...] a name; InputError where two do not fit."""
    first = items[0]
    for item in items:
        if item.keys() != first.keys():
            raise InputError(
                f"the examples of a batch have different names: one has {_listed(first)}, another "
                f"{_listed(item)}; use a source or a transform that gives all of them the same"
            )
    batch = {}
    for name in first:
        arrays = [np.asarray(item[name]) for item in items]
        for array in arrays:
            if (array.shape, array.dtype) != (arrays[0].shape, arrays[0].dtype):
                raise InputError(
                    f"the examples of a batch differ in {name!r}: {_form(arrays[0])} and "
                    f"{_form(array)}; use a transform that gives all of them one shape and dtype, "
                    "such as by resizing, cutting or padding"
                )
        batch[name] = np.stack(arrays)
    return batch


def _listed(item: Item) -> str:
    return ", ".join(map(repr, item)) or "none"


def _form(array: np.ndarray) -> str:
    """Returns dtype and shape of an array as "int32 [7]"."""
    return f"{array.dtype} {list(array.shape)}"


def _check(
    source: Items,
    seed: int,
    batch_shape: tuple[int, ...],
    start_step: int,
    process: int,
    num_processes: int,
) -> None:
    if not batch_shape or min(batch_shape) < 1:
        raise InputError(f"batch_shape={batch_shape} given; all its entries must be positive")
    checked_seed(seed, "the seed of the data")
    if not 0 <= start_step < _LAST_STEP:
        raise InputError(f"start_step={start_step} given; it must lie in [0, 2**40)")
    _check_process(process, num_processes)
    if batch_shape[-1] % num_processes:
        raise InputError(
            f"the batch of {batch_shape[-1]} cannot be divided among {num_processes} processes; "
            f"use a multiple of {num_processes}"
        )
    if len(source) < batch_shape[-1]:
        raise InputError(
            f"{source!r} has {len(source)} examples, fewer than the batch of {batch_shape[-1]}; "
            "use a smaller batch or more examples"
        )


def _check_process(process: int, num_processes: int) -> None:
    if not 0 <= process < num_processes:
        raise InputError(f"process {process} of {num_processes} given; processes count from 0")
