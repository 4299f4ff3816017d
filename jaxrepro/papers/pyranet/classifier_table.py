"""Puts runs of `configs/prm_cifar.py` into one table:

    python -m jaxrepro.papers.pyranet.classifier_table --workdirs=runs/plain,runs/prm_b

For each run its network, parameters and multiply-adds, and the top-1 error in percent: the last
one, with its interval over test images (of several seeds their mean and standard deviation), and
the best one with its update. The best was chosen on the test images, so it flatters; it is there
because tables in the literature often hold it.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place

if TYPE_CHECKING:
    from jaxrepro.page.records import Run

_ERROR = "test/top1_error"


@dataclasses.dataclass(frozen=True)
class Row:
    """One run. Errors are in percent, by seed where there are several."""

    name: str
    network: str
    parameters: int
    multiplications: int
    num_updates: int
    last: float
    deviation: float | None
    low: float
    high: float
    last_of_seeds: tuple[float, ...]
    best_of_seeds: tuple[float, ...]
    best_steps: tuple[int, ...]


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_list("workdirs", [], "Folders of finished runs, with commas between them.")
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if not args.workdirs:
        raise InputError("no runs given; for example --workdirs=runs/plain,runs/prm_b")

    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.page.records import read_run

    rows = [make_row(read_run(place(folder))) for folder in args.workdirs]
    print(as_text(rows))
    if args.output:
        write_strict_json(
            pathlib.Path(args.output), {"rows": [dataclasses.asdict(row) for row in rows]}
        )
        print(f"\nwritten to {args.output}")


def make_row(run: "Run") -> Row:
    """Returns the row of a finished run; raises InputError for another one."""
    from jaxrepro.core.run.spread import STD, part_name, parts_by_name

    results = run.final.results if run.final is not None else {}
    if not run.finished or _ERROR not in results or "size/parameters" not in results:
        raise InputError(f"{run.workdir} is not a finished run of configs/prm_cifar.py")
    parts = parts_by_name(results)[_ERROR]
    names = [name for part, name in parts.items() if part != STD] or [_ERROR]
    curves = [next(s for s in run.evaluation if s.name == name) for name in names]
    places = [int(curve.values.argmin()) for curve in curves]
    return Row(
        name=run.workdir.resolve().name,
        network=describe(run.model_card["network"]),
        parameters=int(results["size/parameters"]),
        multiplications=int(results["size/multiplications"]),
        num_updates=run.total_steps,
        last=results[_ERROR],
        deviation=results.get(part_name(_ERROR, STD)),
        low=results[f"{_ERROR}_low"],
        high=results[f"{_ERROR}_high"],
        last_of_seeds=tuple(results[name] for name in names),
        best_of_seeds=tuple(float(c.values[i]) for c, i in zip(curves, places, strict=True)),
        best_steps=tuple(int(c.steps[i]) for c, i in zip(curves, places, strict=True)),
    )


def describe(card: Any) -> str:
    """Returns a network's name of its card: "WRN-16-1", "ResNeXt-29 8x64d PRM-B"."""
    if card["name"] == "wide_resnet":
        name = f"WRN-{card['depth']}-{card['width']:.4g}"
    else:
        name = f"ResNeXt-{card['depth']} {card['groups']}x{card['group_width']}d"
    return name if card["pyramid"] is None else f"{name} PRM-{card['pyramid']['variant']}"


def as_text(rows: Sequence[Row]) -> str:
    """Returns the table as text, and below it what its columns mean."""
    name, network = (max(len(getattr(row, f)) for row in rows) for f in ("name", "network"))
    name, network = max(name, 3), max(network, 7)
    lines = [
        f"{'run':{name}}  {'network':{network}}  parameters  multiply-adds  updates  "
        "last error             best error"
    ]
    for row in rows:
        spread = (
            f"[{row.low:.2f}, {row.high:.2f}]"
            if row.deviation is None
            else f"± {row.deviation:.2f} ({len(row.last_of_seeds)} seeds)"
        )
        last = f"{row.last:.2f} {spread}"
        best = ", ".join(
            f"{error:.2f} at {step}"
            for error, step in zip(row.best_of_seeds, row.best_steps, strict=True)
        )
        lines.append(
            f"{row.name:{name}}  {row.network:{network}}  {row.parameters:10,}  "
            f"{row.multiplications:13,}  {row.num_updates:7,}  {last:21}  {best}"
        )
    return "\n".join(
        [
            *lines,
            "",
            "Errors in percent. last: of the weights after the last update, in brackets the 95 % "
            "interval over test",
            "images, or the standard deviation over seeds. best: of all updates that were "
            "measured, chosen on the test",
            "images, of each seed.",
        ]
    )


if __name__ == "__main__":
    cli.run(define_flags, main)
