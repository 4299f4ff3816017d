"""What was measured of a network's start, as tables and in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# A gain this near to 1 in a layer counts as kept: 12 layers make less than a factor of 2 of it.
_KEPT = 0.05
_TABLE_WIDTH = 100
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


def place_label(place: str) -> str:
    """Returns how a reader sees a place of `responses`: its stack, counted from 1, and its part.

    "hourglass_0/merge_3" is "1: merge 3", "stack_1" "2: input".
    """
    name, _, part = place.partition("/")
    kind, _, number = name.rpartition("_")
    if kind in ("stem", "unit"):
        return f"{kind} {number}"
    words = part.removesuffix("_0") or ("input" if kind == "stack" else kind)
    return f"{int(number) + 1}: {words.replace('_', ' ')}"


def print_report(record: Mapping[str, Any]) -> None:
    """Prints the tables of a record of `variance` and what follows from them."""
    from rich.console import Console

    console = Console(soft_wrap=True)
    # Narrower tables would cut their numbers.
    console.width = max(console.width, _TABLE_WIDTH)
    tables = (*_network_tables(record), _chain_table(record), _start_table(record))
    for table in (*tables, *_gain_tables(record)):
        console.print(table)
    for line in conclusions(record):
        console.print(line, markup=False, highlight=False)


def conclusions(record: Mapping[str, Any]) -> list[str]:
    """Returns sentences with figures, on growth, on the gains of layers and on the first scores."""
    return [*_growth(record), *_kept(record), *_first_scores(record)]


def chain_growth(chain: Mapping[str, Any], fix: str) -> list[float]:
    """Returns the last unit's variance by the second's, one number an initialisation.

    The first unit sees pixels, and projects in any case. fix: "with_fix" or "without_fix".
    """
    of_names = [one["responses"] for one in chain[fix].values()]
    return [mean(r[f"unit_{len(r)}"]) / mean(r["unit_2"]) for r in of_names]


def hourglass_growth(record: Mapping[str, Any], fix: str, stack: int) -> list[float]:
    """Returns the variance of an hourglass's result by that of its input, as `chain_growth`."""
    begins = f"stack_{stack}" if stack else "stem_3"
    ends = f"hourglass_{stack}/merge_{record['config']['model']['depth']}"
    of_names = [one["responses"] for one in record["network"][fix].values()]
    return [mean(r[ends]) / mean(r[begins]) for r in of_names]


def gradient_range(record: Mapping[str, Any], fix: str) -> list[float]:
    """Returns the greatest mean square of the gradients of all places by the least."""
    of_names = [one["gradients"].values() for one in record["network"][fix].values()]
    means = [[mean(values) for values in places] for places in of_names]
    return [max(one) / min(one) for one in means]


def spread(numbers: Sequence[float]) -> str:
    """Returns "least to greatest" in 3 digits, or one number if they look the same."""
    least, greatest = (f"{float(f'{end(numbers):.3g}'):,g}" for end in (min, max))
    return least if least == greatest else f"{least} to {greatest}"


def _growth(record: Mapping[str, Any]) -> list[str]:
    chain = record["chain"]
    units = len(next(iter(chain["with_fix"].values()))["responses"])
    lines = [
        f"{units} residual units in a row, {word} projected shortcuts: the variance after the "
        f"last is {spread(chain_growth(chain, fix))} times that after the second."
        for fix, word in _WORDS.items()
    ]
    for stack in range(record["config"]["model"]["num_stacks"]):
        without = hourglass_growth(record, "without_fix", stack)
        fixed = hourglass_growth(record, "with_fix", stack)
        less = [grown / kept for grown, kept in zip(without, fixed, strict=True)]
        lines.append(
            f"Hourglass {stack + 1}: the variance of its result is {spread(without)} times that of "
            f"its input without the fix and {spread(fixed)} times with it, so that the fix divides "
            f"the growth by {spread(less)}."
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
    return [
        _places_table(title, record["network"], kind, places)
        for kind, title in (
            ("responses", "variance of the responses along the network"),
            ("gradients", "mean square of the loss's gradient by them"),
        )
    ]


def _chain_table(record: Mapping[str, Any]) -> Any:
    first = next(iter(record["chain"]["with_fix"].values()))["responses"]
    units = [f"unit_{2**i}" for i in range(len(first).bit_length())]
    title = "variance along residual units in a row, all shortcuts projected or none"
    return _places_table(title, record["chain"], "responses", units)


def _places_table(title: str, measured: Mapping[str, Any], kind: str, places: Sequence[str]) -> Any:
    table = _table(title, "initialisation", "fix", *map(place_label, places))
    for name in measured["with_fix"]:
        for fix, word in _WORDS.items():
            cells = [f"{mean(measured[fix][name][kind][place]):.3g}" for place in places]
            table.add_row(name, word, *cells)
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


def _gain_tables(record: Mapping[str, Any]) -> list[Any]:
    stacks = record["branches"]
    tables = []
    for way in ("forward", "backward"):
        table = _table(f"{way} gain of a plain layer", "start", *stacks)
        for start in next(iter(stacks.values())):
            table.add_row(start, *(f"{mean(of[start][way]):.2f}" for of in stacks.values()))
        tables.append(table)
    return tables


def _table(title: str, *columns: str) -> Any:
    from rich import box
    from rich.table import Table

    style = {"box": box.SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}
    table = Table(title=title, title_justify="left", **style)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    return table
