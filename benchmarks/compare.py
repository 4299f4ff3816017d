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

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

# What must be the same, or the figures are of different things. Versions may differ: that is what
# one compares.
_CONDITIONS = (
    *("device", "processor", "num_cpus", "xla_flags", "config", "batch", "input", "crops"),
    *("source", "size", "batch_size", "num_workers"),
)
_TIMES = {
    # name: (key of the figure, key of the lower end of its spread, of the upper end)
    "update, ms": ("step_ms.median", "step_ms.p10", "step_ms.p90"),
    "run, ms": ("milliseconds.median", "milliseconds.min", "milliseconds.max"),
    "edit, ms": ("milliseconds.edit.median", "milliseconds.edit.min", "milliseconds.edit.max"),
    "generator, ms": (
        *("milliseconds.generator.median", "milliseconds.generator.min"),
        "milliseconds.generator.max",
    ),
    "start, s": ("warm.seconds", "warm_seconds", "warm_seconds"),
    "start, CPU s": ("warm.cpu_seconds", "warm_cpu_seconds", "warm_cpu_seconds"),
    "an image, CPU ms": ("image_cpu_ms.median", "image_cpu_ms.min", "image_cpu_ms.max"),
}
_COMPILATION = {
    "compilation, s": "compile_seconds",
    "compilation from the cache, s": "compile_from_cache_seconds",
}
_MEMORY = {
    "memory of an update, bytes": "temporary_bytes",
    "memory of the process, bytes": "peak_process_bytes",
    "memory of the device, bytes": "peak_device_bytes",
}
SAME, BETTER, UNCLEAR, WORSE = "same", "better", "within noise", "WORSE"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A measured quantity, the less the better, with the range in which its repetitions lay.

    low and high equal the value where it was measured once.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Row:
    """One quantity of two results; ratio: new over old."""

    quantity: str
    old: float
    new: float
    ratio: float
    verdict: str


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_argument("old", "JSON file of a benchmark, or a folder of them.")
    cli.define_argument("new", "The same, measured later.")
    flags.DEFINE_float("tolerance", 0.1, "Growth of a time that is not worse.", lower_bound=0)
    flags.DEFINE_float(
        "compile_tolerance", 0.3, "The same for compilation, which is measured once.", lower_bound=0
    )
    flags.DEFINE_float("memory_tolerance", 0.05, "The same for memory.", lower_bound=0)
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
            anyway=args.anyway,
            where=new.name,
        )
        print(table(f"{old} -> {new}", rows))
        found[new.name] = [dataclasses.asdict(row) for row in rows]
        worse |= any(row.verdict == WORSE for row in rows)
    if args.output:
        from jaxrepro.core.files import write_atomically

        write_atomically(pathlib.Path(args.output), (json.dumps(found, indent=2) + "\n").encode())
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
    """Returns what a benchmark wrote. Raises InputError if it is no JSON object."""
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(result, dict):
        raise InputError(f"{path} is not the result of a benchmark: no JSON object")
    return result


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    tolerance: float,
    compile_tolerance: float,
    memory_tolerance: float,
    anyway: bool = False,
    where: str = "the results",
) -> list[Row]:
    """Returns a row for each quantity that both results have.

    A time is worse if it grew by more than `tolerance` and the ranges of the repetitions do not
    meet; if they do, it is within noise. Compilation times and memory have no range.

    Raises InputError if the results are of different conditions, unless `anyway`, or share no
    quantity, or the new one lacks one that the old one has.
    """
    differing = [
        f"{key}: {old[key]} -> {new[key]}"
        for key in _CONDITIONS
        if key in old and key in new and old[key] != new[key]
    ]
    benchmarks = [benchmark_name(one) for one in (old, new)]
    if benchmarks[0] != benchmarks[1]:
        raise InputError(f"{where}: one is of {benchmarks[0]}, the other of {benchmarks[1]}")
    if differing and not anyway:
        raise InputError(
            f"{where}: measured under other conditions ({'; '.join(differing)}); measure again, or "
            "compare nevertheless with --anyway"
        )
    allowed = (
        *((name, keys, tolerance) for name, keys in _TIMES.items()),
        *((name, (key,), compile_tolerance) for name, key in _COMPILATION.items()),
        *((name, (key,), memory_tolerance) for name, key in _MEMORY.items()),
    )
    rows = []
    for quantity, keys, limit in allowed:
        before, after = figure(old, keys, where), figure(new, keys, where)
        if before is not None and after is None:
            raise InputError(f"{where}: the new result has no {keys[0]}, the old one has")
        if before is not None and after is not None:
            ratio = after.value / before.value if before.value else math.inf
            verdict = judge(before, after, limit)
            rows.append(Row(quantity, before.value, after.value, ratio, verdict))
    if not rows:
        raise InputError(f"{where}: these files share no quantity that a benchmark measures")
    if new.get("losses_finite") is False and old.get("losses_finite") is True:
        rows.append(Row("losses finite", 1, 0, 0, WORSE))
    return rows


def judge(old: Figure, new: Figure, tolerance: float) -> str:
    """Returns the verdict on one quantity."""
    if new.value > old.value * (1 + tolerance):
        return WORSE if new.low > old.high or _once(old, new) else UNCLEAR
    if new.value * (1 + tolerance) < old.value:
        return BETTER if new.high < old.low or _once(old, new) else UNCLEAR
    return SAME


def _once(*figures: Figure) -> bool:
    return all(one.low == one.high for one in figures)


def figure(result: Mapping[str, Any], keys: Sequence[str], where: str) -> Figure | None:
    """Returns the quantity under `keys` (value, low, high, dotted); None where there is none."""
    value = _get(result, keys[0])
    if value is None:
        return None
    ends = []
    for key, choose in zip(keys[1:], (min, max), strict=False):
        end = _get(result, key)
        ends.append(choose(end) if isinstance(end, list) and end else end)
    numbers = [value, *(value if end is None else end for end in ends or (None, None))]
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
        raise InputError(f"{where}: {keys[0]} is {value!r}, not a number")
    return Figure(*map(float, numbers))


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
        (row.quantity, f"{row.old:,.6g}", f"{row.new:,.6g}", f"{row.ratio:.3f}", row.verdict)
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
