"""Batch-norm statistics for several truncations, and those in between.

A table is {"truncation": [T], ascending, "batch_stats": the tree of the generator's collection
"batch_stats", every leaf with a leading axis T}. An export holds one as "standing_<mode>", with
`mode` one of `truncation.MODES`.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.truncation import check_mode

# Truncations closer than this are one: 0.14 written as float32 and as float64.
_SAME = 1e-6


def table_name(mode: str) -> str:
    """Returns the name of an export's table for a truncation of that mode."""
    check_mode(mode)
    return f"standing_{mode}"


def statistics_at(table: Mapping[str, Any], truncation: float) -> Any:
    """Returns the tree "batch_stats" for `truncation`, float32 leaves without the axis T.

    A truncation of the table gives exactly its row; one between two of them the linear
    interpolation of the two rows. Raises InputError outside the table's range, or for a table
    that is not ascending or whose arrays do not fit together.
    """
    lower, upper, weight = rows_at(table, truncation)

    def at(rows: Any) -> np.ndarray:
        rows = np.asarray(rows)
        if not weight:
            return rows[lower].astype(np.float32)
        low, high = rows[lower].astype(np.float64), rows[upper].astype(np.float64)
        return ((1 - weight) * low + weight * high).astype(np.float32)

    return jax.tree.map(at, table["batch_stats"])


def rows_at(table: Mapping[str, Any], truncation: float) -> tuple[int, int, float]:
    """Returns (lower, upper, weight): the rows around `truncation` and the share of the upper.

    The weight is 0, and the rows are one, for a truncation of the table. Raises InputError as
    `statistics_at` does.
    """
    rows = _checked_truncations(table)
    (same,) = np.nonzero(np.abs(rows - truncation) <= _SAME)
    if same.size:
        return int(same[0]), int(same[0]), 0.0
    if not rows[0] < truncation < rows[-1]:
        raise InputError(
            f"truncation {truncation:g} is outside the table of standing statistics, which goes "
            f"from {rows[0]:g} to {rows[-1]:g}; choose one within, or compute another table"
        )
    upper = int(np.searchsorted(rows, truncation))
    lower = upper - 1
    return lower, upper, float((truncation - rows[lower]) / (rows[upper] - rows[lower]))


def _checked_truncations(table: Mapping[str, Any]) -> np.ndarray:
    if set(table) != {"truncation", "batch_stats"}:
        raise InputError(
            f"a table of standing statistics holds truncation and batch_stats; this one holds "
            f"{', '.join(sorted(table)) or 'nothing'}"
        )
    rows = np.asarray(table["truncation"], np.float64)
    if rows.ndim != 1 or not rows.size or not (np.diff(rows) > _SAME).all():
        raise InputError(
            "the truncations of a table of standing statistics must be one or more ascending "
            f"numbers; these are {rows.tolist()}"
        )
    lengths = {np.shape(x)[:1] for x in jax.tree.leaves(table["batch_stats"])}
    if lengths != {rows.shape}:
        raise InputError(
            f"a table of standing statistics has {len(rows)} truncations, and arrays whose first "
            f"axis is {', '.join(sorted(map(str, lengths))) or 'absent'}"
        )
    return rows
