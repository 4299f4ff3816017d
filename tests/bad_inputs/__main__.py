"""Runs every case and prints a table; see the package. The exit status is 1 if one failed."""

import collections
import dataclasses
import pathlib
import re
import sys
import tempfile
from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from tests.bad_inputs.case import all_cases

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_integer("seed", 0, "Of what is drawn.", lower_bound=0)
    flags.DEFINE_string("output", None, "JSON file for every case, besides printing.")
    flags.DEFINE_string("only", "", "Only cases in whose kind and name this is found.")
    flags.DEFINE_boolean("all", False, "Print all cases, not those alone that failed.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.run import run_record
    from tests.bad_inputs.outcome import FAILED
    from tests.bad_inputs.running import run_cases

    cases = all_cases()
    numbers = [n for n, c in enumerate(cases) if args.only in f"{c.kind}: {c.name}"]
    if not numbers:
        raise InputError(f"--only={args.only} is in the name of no case")
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run_cases(cases, numbers, args.seed, pathlib.Path(folder))
    for outcome in outcomes:
        if args.all or outcome.result == FAILED:
            print(f"{outcome.result:8} {outcome.kind}: {outcome.name}  {outcome.seconds:.2f} s")
            for text in (outcome.complaint, outcome.message):
                if text:
                    print(f"           {text}")
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        counts[outcome.kind][outcome.result] += 1
    for kind, results in counts.items():
        print(f"{kind:16} " + ", ".join(f"{n} {result}" for result, n in sorted(results.items())))
    total = collections.Counter(outcome.result for outcome in outcomes)
    print(f"{len(outcomes)} cases: {dict(total)}")
    if args.output:
        record = {
            "command": run_record.command(),
            "time": run_record.now(),
            "versions": run_record.versions(),
            "seed": args.seed,
            "counts": dict(total),
            "cases": [_without_places(dataclasses.asdict(outcome)) for outcome in outcomes],
        }
        write_strict_json(pathlib.Path(args.output), record)
    if total[FAILED]:
        sys.exit(1)


def _without_places(case: dict[str, Any]) -> dict[str, Any]:
    """Returns the case with names below the checkout, and "." for folders made for a command."""
    made = re.compile(rf"{re.escape(tempfile.gettempdir())}(/tmp\w+){{1,2}}(?P<below>/?)")

    def shortened(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        for folder, name in ((f"{_ROOT}/", ""), (str(pathlib.Path.home()), "~")):
            text = text.replace(folder, name)
        return made.sub(lambda found: "" if found["below"] else ".", text)

    return {key: shortened(value) for key, value in case.items()}


if __name__ == "__main__":
    # Before this command has flags of its own.
    all_cases()
    cli.run(define_flags, main)
