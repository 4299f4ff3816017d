"""The examples that a run is measured on: the first of a set, always the same, kept in memory."""

from collections.abc import Iterator

from jaxrepro.core.task import HostBatch
from jaxrepro.data.memory import MemoryCache
from jaxrepro.data.pipeline import MEMORY_BYTES, eval_batches
from jaxrepro.data.source import Item, Items
from jaxrepro.papers.scfegan.examples.training_examples import FIXED


class HeldOut(Items):
    """The first `limit` of `examples`, such as `FixedExamples`; what is erased is called "hole".

    pictures: what they are made of, for readers.
    """

    def __init__(self, examples: Items, limit: int, pictures: str):
        self._examples = examples
        self._pictures = pictures
        self._num = min(len(examples), limit)
        self._kept: MemoryCache | None = None

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, index: int) -> Item:
        if not 0 <= index < self._num:
            raise IndexError(f"example {index} of {self._num}")
        # Made at the first use: it reads an example.
        if self._kept is None:
            self._kept = MemoryCache(self._examples, FIXED.prepare, max_bytes=MEMORY_BYTES)
        return self._kept[index]

    def __repr__(self) -> str:
        return f"HeldOut({self._examples!r}, {self._num})"

    @property
    def words(self) -> str:
        """How many pictures of which, for readers."""
        return f"the first {self._num:,} pictures of {self._pictures}, each with one fixed hole"

    def batches(self, batch_size: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields this process's rows, the last batch padded: "mask" tells which rows count."""
        return eval_batches(self, FIXED, batch_size, process=process, num_processes=num_processes)
