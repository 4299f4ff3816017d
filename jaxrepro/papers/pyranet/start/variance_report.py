"""What was measured of a network's start, as tables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxrepro.papers.pyranet.start.growth import mean

_TABLE_WIDTH = 100
_WORDS = {"without_fix": "without", "with_fix": "with"}


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
    """Prints the tables of a record of `variance`."""
    from jaxrepro.core.reports.console import RunConsole

    console = RunConsole(soft_wrap=True)
    # Narrower tables would cut their numbers.
    console.width = max(console.width, _TABLE_WIDTH)
    tables = (*_network_tables(record), _chain_table(record), _growth_table(record))
    for table in (*tables, *_gain_tables(record)):
        console.print(table)


def spread(numbers: Sequence[float]) -> str:
    """Returns "least to greatest" in 3 digits, or one number if they look the same."""
    least, greatest = (f"{float(f'{end(numbers):.3g}'):,g}" for end in (min, max))
    return least if least == greatest else f"{least} to {greatest}"


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


def _growth_table(record: Mapping[str, Any]) -> Any:
    """Returns the ratios of `growth.summary`."""
    numbers = record["summary"]
    table = _table("what follows", "initialisation", "fix", *numbers)
    for name in record["network"]["with_fix"]:
        for fix, word in _WORDS.items():
            table.add_row(name, word, *(f"{mean(of[fix][name]):.3g}" for of in numbers.values()))
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
