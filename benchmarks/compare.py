"""Compares the results of a benchmark with older ones, and says what got slower or larger.

python -m benchmarks.compare OLD.json NEW.json [--tolerance=0.1]

Two files, or two folders whose files of one name belong together. Status 1 if something got worse.
"""

import dataclasses
import json
import math
import pathlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks.compared_quantities import (
    COMPILATION,
    CONDITIONS,
    COUNT,
    QUANTITIES,
    RENAMED,
    SHARE,
    TIME,
    Quantity,
)
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

# Of a share of the time; below a few hundredths it is of no account.
SHARE_TOLERANCE = 0.02
SAME, BETTER, UNCLEAR, WORSE = "same", "better", "within noise", "WORSE"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A measured quantity with the range in which its repetitions lay.

    low and high equal the value where it was measured once.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Row:
    """One quantity of two results; ratio: new over old, None where old is 0."""

    quantity: str
    old: float
    new: float
    ratio: float | None
    verdict: str


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_argument("old", "JSON file of a benchmark, or a folder of them.")
    cli.define_argument("new", "The same, measured later.")
    flags.DEFINE_float(
        "tolerance", 0.1, "Growth of a time, or loss of a rate, that is not worse.", lower_bound=0
    )
    flags.DEFINE_float(
        "compile_tolerance",
        0.3,
        "The same for compilation and the first start, which are measured once.",
        lower_bound=0,
    )
    flags.DEFINE_float(
        "memory_tolerance",
        0.05,
        "The same for memory and for what is counted or computed, not timed.",
        lower_bound=0,
    )
    flags.DEFINE_float(
        "share_tolerance",
        SHARE_TOLERANCE,
        "Growth of a share of the time, from 0 to 1, by how much and not by which factor.",
        lower_bound=0,
    )
    flags.DEFINE_boolean(
        "anyway", False, "Compare although device, batch, config or settings differ."
    )
    flags.DEFINE_string("output", None, "JSON file of the rows.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.old is None or args.new is None:
        raise InputError("give two files or two folders: python -m benchmarks.compare OLD NEW")
    pairs = matching_files(pathlib.Path(args.old), pathlib.Path(args.new))
    found, worse = {}, False
    for old, new in pairs:
        rows = compare(
            read_result(old),
            read_result(new),
            tolerance=args.tolerance,
            compile_tolerance=args.compile_tolerance,
            memory_tolerance=args.memory_tolerance,
            share_tolerance=args.share_tolerance,
            anyway=args.anyway,
            where=new.name,
        )
        print(table(f"{old} -> {new}", rows))
        found[new.name] = [dataclasses.asdict(row) for row in rows]
        worse |= any(row.verdict == WORSE for row in rows)
    if args.output:
        from jaxrepro.core.files.strict_json import write_strict_json

        write_strict_json(pathlib.Path(args.output), found)
    if worse:
        sys.exit(1)


def matching_files(old: pathlib.Path, new: pathlib.Path) -> list[tuple[pathlib.Path, pathlib.Path]]:
    """Returns the pairs of files to compare.

    Raises InputError if one is a folder and the other is not, or names of one side are missing on
    the other: a benchmark that fails now must not pass as unchanged.
    """
    for path in (old, new):
        if not path.exists():
            raise InputError(f"{path} does not exist")
    if old.is_dir() != new.is_dir():
        raise InputError(f"give two files or two folders; {old} and {new} are one of each")
    if not old.is_dir():
        return [(old, new)]
    names = [{path.name for path in folder.glob("*.json")} for folder in (old, new)]
    if missing := sorted(names[0] ^ names[1]):
        raise InputError(f"{', '.join(missing)} is in only one of {old} and {new}")
    if not names[0]:
        raise InputError(f"no JSON file in {old}")
    return [(old / name, new / name) for name in sorted(names[0])]


def read_result(path: pathlib.Path) -> dict[str, Any]:
    """Returns what a benchmark wrote, under today's keys; InputError if it is no JSON object."""
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(result, dict):
        raise InputError(f"{path} is not the result of a benchmark: no JSON object")
    return {RENAMED.get(key) or key: value for key, value in result.items()}


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    tolerance: float,
    compile_tolerance: float,
    memory_tolerance: float,
    share_tolerance: float = SHARE_TOLERANCE,
    anyway: bool = False,
    where: str = "the results",
) -> list[Row]:
    """Returns a row for each quantity that both results have.

    A time is worse if it grew by more than `tolerance` and the ranges of the repetitions do not
    meet; if they do, it is within noise. A rate is judged as the time of one. Compilation times and
    memory have no range. A share of the time is worse if it grew by more than `share_tolerance`.

    Raises InputError if the results are of different conditions, unless `anyway`, or share no
    quantity, or the new one lacks one that the old one has.
    """
    benchmarks = [benchmark_name(one) for one in (old, new)]
    if benchmarks[0] != benchmarks[1]:
        raise InputError(f"{where}: one is of {benchmarks[0]}, the other of {benchmarks[1]}")
    limits = {
        TIME: tolerance,
        COMPILATION: compile_tolerance,
        COUNT: memory_tolerance,
        SHARE: share_tolerance,
    }
    pairs = matching_parts(old, new, where)
    differing = [line for name, *pair in pairs for line in differences(name, *pair)]
    if differing and not anyway:
        raise InputError(
            f"{where}: measured under other conditions ({'; '.join(differing)}); measure again, or "
            "compare nevertheless with --anyway"
        )
    rows = []
    for name, before, after in pairs:
        for quantity in QUANTITIES:
            was, now = figure(before, quantity, where), figure(after, quantity, where)
            if was is not None and now is None:
                raise InputError(
                    f"{where}: the new result has no {name}{quantity.key}, the old one has"
                )
            if was is not None and now is not None:
                rows.append(_row(quantity, name, was, now, limits[quantity.kind]))
    if not rows:
        raise InputError(
            f"{where}: these files share no figure that is compared; give what a benchmark wrote "
            "with --output, not several results put together"
        )
    if old.get("losses_finite") is True and new.get("losses_finite") is not True:
        rows.append(Row("losses finite", 1, 0, 0, WORSE))
    return rows


def matching_parts(
    old: Mapping[str, Any], new: Mapping[str, Any], where: str
) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Returns (name, of the old, of the new) of the results and of the parts that they consist of.

    Those of `scaling` have a part for each number of devices and for each machine. The name, as it
    stands before that of a quantity, is "" for a whole result. Raises InputError if the new result
    lacks a part.
    """
    parts = [_parts(one) for one in (old, new)]
    if missing := [name for name in parts[0] if name not in parts[1]]:
        raise InputError(
            f"{where}: the new result has no {missing[0].rstrip(': ')}, the old one has"
        )
    return [(name, part, parts[1][name]) for name, part in parts[0].items()]


def _parts(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {"": result}
    for key, form in (
        ("compiled", "{devices} devices: "),
        ("predicted", "{machine} x {devices}: "),
    ):
        listed = result.get(key)
        for part in listed if isinstance(listed, list) else ():
            if isinstance(part, Mapping) and {"devices", "machine"} & part.keys():
                name = form.format_map({"devices": "?", "machine": "?", **part})
                found[name] = part
    return found


def differences(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns a line for each condition in which two results differ, or that one does not tell."""
    pairs = ((key, _get(old, key), _get(new, key)) for key in CONDITIONS)
    return [
        f"{name}{key}: {_shown(before)} -> {_shown(after)}"
        for key, before, after in pairs
        if before != after
    ]


def _shown(value: Any) -> str:
    text = "not told" if value is None else str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _row(quantity: Quantity, part: str, old: Figure, new: Figure, limit: float) -> Row:
    ratio = new.value / old.value if old.value else None
    if quantity.kind == SHARE:
        verdict = judge_share(old, new, limit)
    elif quantity.more_is_better:
        verdict = judge(new, old, limit)
    else:
        verdict = judge(old, new, limit)
    return Row(part + quantity.name, old.value, new.value, ratio, verdict)


def judge(old: Figure, new: Figure, tolerance: float) -> str:
    """Returns the verdict on one quantity, the less the better."""
    if new.value > old.value * (1 + tolerance):
        return WORSE if new.low > old.high or _once(old, new) else UNCLEAR
    if new.value * (1 + tolerance) < old.value:
        return BETTER if new.high < old.low or _once(old, new) else UNCLEAR
    return SAME


def judge_share(old: Figure, new: Figure, tolerance: float) -> str:
    """Returns the verdict on a share, the less the better, whose tolerance is a difference."""
    if new.value > old.value + tolerance:
        return WORSE
    return BETTER if new.value + tolerance < old.value else SAME


def _once(*figures: Figure) -> bool:
    return all(one.low == one.high for one in figures)


def figure(result: Mapping[str, Any], quantity: Quantity, where: str) -> Figure | None:
    """Returns a quantity of a result with its range; None where it has none."""
    value = _get(result, quantity.key)
    if value is None:
        return None
    low, high = (_ends(result, key, value) for key in (quantity.low, quantity.high))
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in (value, *low, *high)):
        raise InputError(f"{where}: {quantity.key} is {value!r}, not a number")
    return Figure(float(value), float(min(low)), float(max(high)))


def _ends(result: Mapping[str, Any], key: str | None, value: Any) -> list[Any]:
    """Returns what is under `key`, as a list; `value` where nothing is."""
    end = None if key is None else _get(result, key)
    if isinstance(end, list) and end:
        return end
    return [value if end is None else end]


def _get(result: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        result = result.get(key) if isinstance(result, Mapping) else None
    return result


def benchmark_name(result: Mapping[str, Any]) -> str:
    """Returns the benchmark that made a result, by its command; "?" if it has none."""
    match = re.match(r"python -m benchmarks\.(\w+)", str(result.get("command", "")))
    return match[1] if match else "?"


def table(title: str, rows: Sequence[Row]) -> str:
    """Returns the rows as text."""
    cells = [("quantity", "old", "new", "new/old", "")]
    cells += [
        (
            *(row.quantity, f"{row.old:,.6g}", f"{row.new:,.6g}"),
            *("-" if row.ratio is None else f"{row.ratio:.3f}", row.verdict),
        )
        for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(5)]
    lines = [
        "  ".join(
            text.ljust(width) if i in (0, 4) else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([title, *lines, ""])


if __name__ == "__main__":
    cli.run(define_flags, main)
