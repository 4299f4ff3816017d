"""What was measured of a network's start, as tables and in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# A gain this near to 1 in a layer counts as kept: 12 layers make less than a factor of 2 of it.
_KEPT = 0.05
_WORDS = {"without_fix": "without", "with_fix": "with"}


def mean(values: Sequence[float]) -> float:
    """Returns the geometric mean over the seeds; 0 if one of them is."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.mean(np.log(np.asarray(values, np.float64)))))


def along_stacks(record: Mapping[str, Any]) -> list[str]:
    """Returns the places at full size: each stack's beginning, its last sum, its score maps."""
    depth = record["config"]["model"]["depth"]
    return [
        place
        for place in record["places"]
        if re.fullmatch(rf"stem_3|stack_\d+|hourglass_\d+/merge_{depth}|score_\d+", place)
    ]


def print_report(record: Mapping[str, Any]) -> None:
    """Prints the tables of a record of `variance` and what follows from them."""
    from rich.console import Console

    console = Console(soft_wrap=True)
    for table in (*_network_tables(record), _chain_table(record), _start_table(record)):
        console.print(table)
    console.print(_gain_table(record))
    for line in conclusions(record):
        console.print(line, markup=False, highlight=False)


def conclusions(record: Mapping[str, Any]) -> list[str]:
    """Returns sentences with figures, on growth, on the gains of layers and on the first scores."""
    return [*_growth(record), *_kept(record), *_first_scores(record)]


def _growth(record: Mapping[str, Any]) -> list[str]:
    lines = []
    for fix, word in _WORDS.items():
        of_names = {name: one["responses"] for name, one in record["chain"][fix].items()}
        units = len(next(iter(of_names.values())))
        # The first unit sees pixels, and projects in any case.
        growth = [mean(r[f"unit_{units}"]) / mean(r["unit_2"]) for r in of_names.values()]
        lines.append(
            f"{units} residual units in a row, {word} projected shortcuts: the variance after the "
            f"last is {min(growth):.3g} to {max(growth):.3g} times that after the second."
        )
    depth = record["config"]["model"]["depth"]
    for fix, word in _WORDS.items():
        growth = []
        for one in record["network"][fix].values():
            responses = one["responses"]
            growth.append(mean(responses[f"hourglass_0/merge_{depth}"]) / mean(responses["stem_3"]))
        lines.append(
            f"First hourglass {word} the fix: the variance of its result is {min(growth):.3g} to "
            f"{max(growth):.3g} times that of its input."
        )
    return lines


def _kept(record: Mapping[str, Any]) -> list[str]:
    lines = []
    for stack, of_starts in record["branches"].items():
        kept: dict[str, list[str]] = {"forward": [], "backward": []}
        for start, gains in of_starts.items():
            for way, names in kept.items():
                if abs(mean(gains[way]) - 1) <= _KEPT:
                    names.append(start)
        words = [f"{way} by {', '.join(names) or 'none'}" for way, names in kept.items()]
        lines.append(f"{stack}: kept within {_KEPT:.0%} a layer {'; '.join(words)}.")
    return lines


def _first_scores(record: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, one in record["network"]["with_fix"].items():
        loss, empty = mean(one["loss"]["loss"]), mean(one["loss"]["of_empty_maps"])
        lines.append(
            f"{name}: the first loss is {loss / empty:.3g} times that of empty maps; the first "
            f"update moves the score kernels by {_step(one, 'score_'):.2%} of their length and the "
            f"median kernel by {_step(one, ''):.2%}."
        )
    return lines


def _step(measured: Mapping[str, Any], start: str) -> float:
    """Returns the median over kernels whose path begins so; score_return is none of the scores."""
    steps = [
        mean(values)
        for path, values in measured["steps"].items()
        if path.startswith(start) and not path.startswith(f"{start}return")
    ]
    return float(np.median(steps))


def _network_tables(record: Mapping[str, Any]) -> list[Any]:
    places = along_stacks(record)
    tables = []
    for kind, title in (
        ("responses", "variance of the responses along the network"),
        ("gradients", "mean square of the loss's gradient by them"),
    ):
        table = _table(title, "place", *_columns(record))
        for place in places:
            cells = []
            for name in record["network"]["with_fix"]:
                for fix in _WORDS:
                    cells.append(f"{mean(record['network'][fix][name][kind][place]):.3g}")
            table.add_row(place, *cells)
        tables.append(table)
    return tables


def _chain_table(record: Mapping[str, Any]) -> Any:
    table = _table("variance along residual units in a row", "unit", *_columns(record))
    first = next(iter(record["chain"]["with_fix"].values()))["responses"]
    for number in (2**i for i in range(len(first).bit_length())):
        cells = [
            f"{mean(record['chain'][fix][name]['responses'][f'unit_{number}']):.3g}"
            for name in record["chain"]["with_fix"]
            for fix in _WORDS
        ]
        table.add_row(str(number), *cells)
    return table


def _start_table(record: Mapping[str, Any]) -> Any:
    table = _table(
        "before the first update, with the fix",
        *("initialisation", "loss", "of empty maps", "step of scores", "median step"),
    )
    for name, one in record["network"]["with_fix"].items():
        table.add_row(
            name,
            f"{mean(one['loss']['loss']):.4g}",
            f"{mean(one['loss']['of_empty_maps']):.4g}",
            f"{_step(one, 'score_'):.2%}",
            f"{_step(one, ''):.2%}",
        )
    return table


def _gain_table(record: Mapping[str, Any]) -> Any:
    starts = list(next(iter(record["branches"].values())))
    table = _table("gain of a plain layer, forward / backward", "layers", *starts)
    for stack, of_starts in record["branches"].items():
        cells = [
            f"{mean(of_starts[start]['forward']):.2f} / {mean(of_starts[start]['backward']):.2f}"
            for start in starts
        ]
        table.add_row(stack, *cells)
    return table


def _columns(record: Mapping[str, Any]) -> list[str]:
    return [f"{name}, {word}" for name in record["network"]["with_fix"] for word in _WORDS.values()]


def _table(title: str, *columns: str) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
