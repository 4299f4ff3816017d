"""Prepare each example once."""

from collections.abc import Callable

import numpy as np

from jaxrepro.data.source import Item, Items


class MemoryCache:
    """`prepare(source[i])` for every i, kept in memory after the first visit.

    The whole set is kept or nothing is: it must fit in `max_bytes`, judged by the first item. An
    item whose arrays have other names, shapes or dtypes than the first one's is prepared at every
    visit. Reading from several threads is safe, because a row is marked as present after it was
    written, and threads that prepare the same row write the same values.
    """

    def __init__(self, source: Items, prepare: Callable[[Item], Item], *, max_bytes: int):
        self._source = source
        self._prepare = prepare
        first = {name: np.asarray(value) for name, value in prepare(source[0]).items()}
        self._fits = len(source) * sum(value.nbytes for value in first.values()) <= max_bytes
        num_rows = len(source) if self._fits else 0
        # Untouched pages of np.empty take no memory.
        self._rows = {
            name: np.empty((num_rows, *value.shape), value.dtype) for name, value in first.items()
        }
        self._present = np.zeros(num_rows, bool)

    def __len__(self) -> int:
        return len(self._source)

    def __repr__(self) -> str:
        return f"MemoryCache({self._source!r})"

    def __getitem__(self, index: int) -> Item:
        if self._fits and self._present[index]:
            return {name: rows[index] for name, rows in self._rows.items()}
        item = self._prepare(self._source[index])
        if self._fits and self._has_form_of_first(item):
            for name, rows in self._rows.items():
                rows[index] = item[name]
            self._present[index] = True
        return item

    def _has_form_of_first(self, item: Item) -> bool:
        if item.keys() != self._rows.keys():
            return False
        arrays = {name: np.asarray(value) for name, value in item.items()}
        return all(
            (arrays[name].shape, arrays[name].dtype) == (rows.shape[1:], rows.dtype)
            for name, rows in self._rows.items()
        )
