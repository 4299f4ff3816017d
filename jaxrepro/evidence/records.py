"""Measured records: one JSON shape for all claims, and pointers into records from before."""

import dataclasses
import pathlib
import re
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import number_of, parse_json, write_strict_json
from jaxrepro.core.run.spread import parts_by_name
from jaxrepro.evidence.claim import Arm, Claim, Pointers
from jaxrepro.evidence.rules import OPEN, PARITY, Values, Verdict

# In a run's folder, see core/run/workdir.py.
RUN_RESULTS, RUN_RECORD = "results.json", "run.json"
_SEED = re.compile(r"seed(\d+)")


@dataclasses.dataclass(frozen=True)
class ArmRecord:
    """What one arm gave: values by result, and the command that measured it.

    kept_in: the older record that it was taken from, "" for none.
    """

    values: Mapping[str, Values]
    command: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    step: int | None = None
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    kept_in: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the arm's entry of a record."""
        return {
            "command": self.command,
            "step": self.step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "results": {
                name: {
                    "mean": values.mean,
                    "std": values.std,
                    "seeds": {
                        "all" if seed is None else str(seed): value
                        for seed, value in values.by_seed.items()
                    },
                }
                for name, values in self.values.items()
            },
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "ArmRecord":
        """Returns the arm of an entry; raises KeyError, TypeError or ValueError if it is none."""
        values = {
            name: Values(
                {
                    None if s == "all" else int(s): float(number_of(x))
                    for s, x in result["seeds"].items()
                }
            )
            for name, result in entry["results"].items()
        }
        return cls(
            values,
            str(entry["command"]),
            seconds=entry.get("seconds"),
            cpu_seconds=entry.get("cpu_seconds"),
            step=entry.get("step"),
            provenance=entry["provenance"],
        )


@dataclasses.dataclass(frozen=True)
class Record:
    """The measured arms of one claim."""

    claim: Claim
    arms: Mapping[str, ArmRecord]

    def values(self, arm: str, result: str) -> Values | None:
        """Returns what was measured, None if nothing was."""
        return self.arms[arm].values.get(result) if arm in self.arms else None

    @property
    def missing(self) -> list[Arm]:
        """The arms that were not measured."""
        return [arm for arm in self.claim.arms if arm.label not in self.arms]

    def verdict(self) -> Verdict:
        """Returns the claim's status, and the numbers that gave it."""
        if self.claim.rule is None:
            status = PARITY if self.claim.parity else OPEN
            return Verdict(status, f"not measured: {self.claim.without}")
        verdict = self.claim.rule.judge(self)
        if verdict.status == OPEN and self.claim.parity:
            return Verdict(PARITY, f"not measured: {self.claim.without or verdict.because}")
        return verdict


def path_of(claim: Claim, results: pathlib.Path) -> pathlib.Path:
    """Returns where the record of a claim lies in the folder of results."""
    return results / f"{claim.name}.json"


def read_record(claim: Claim, results: pathlib.Path) -> Record:
    """Returns what was measured: the claim's own record, older ones, and runs that it names.

    Raises InputError for a file that is damaged or lacks what a pointer names.
    """
    arms: dict[str, ArmRecord] = {}
    for arm in claim.arms:
        if arm.kept is not None:
            arms[arm.label] = _kept(claim, arm, results)
        elif arm.folders:
            arms[arm.label] = of_runs(arm, [pathlib.Path(folder) for folder in arm.folders])
    path = path_of(claim, results)
    if path.exists():
        try:
            entries = parse_json(path.read_text())["arms"]
            known = {label: ArmRecord.from_json(entry) for label, entry in entries.items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is no record of claim {claim.name}: {error}") from error
        arms |= {arm.label: known[arm.label] for arm in claim.arms if arm.label in known}
    return Record(claim, arms)


def write_record(record: Record, results: pathlib.Path) -> pathlib.Path:
    """Writes the arms that commands of ours measured; returns the file."""
    path = path_of(record.claim, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    arms = {
        arm.label: record.arms[arm.label].as_json()
        for arm in record.claim.arms
        if arm.label in record.arms and not arm.folders and not record.arms[arm.label].kept_in
    }
    write_strict_json(path, {"claim": record.claim.name, "code": code_version(), "arms": arms})
    return path


def code_version() -> str:
    """Returns the commit of the code that is run, "" where it is no checkout."""
    root = pathlib.Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def of_runs(arm: Arm, folders: Iterable[pathlib.Path]) -> ArmRecord:
    """Returns what runs of one setting gave: one of several seeds, or several of one seed each.

    Raises InputError for a folder without results, or without one that the arm names.
    """
    folders = list(folders)
    values: dict[str, dict[int | None, float]] = {}
    last: dict[str, Any] = {}
    steps = set()
    for folder in folders:
        results = _read(folder / RUN_RESULTS)
        last = _read(folder / RUN_RECORD)["starts"][-1]
        seed = _read(folder / "config.json").get("seed", 0)
        steps.add(results.get("step"))
        for name, by_seed in _by_seed(results["results"], None if not arm.seeded else seed).items():
            values.setdefault(name, {}).update(by_seed)
    for name, own in arm.values.items():
        if own not in values:
            raise InputError(f"{folders[0]} has no result {own}; it has {', '.join(values)}")
        values[name] = values[str(own)]
    return ArmRecord(
        {name: Values(by_seed) for name, by_seed in values.items()},
        " ".join(last.get("command", [])),
        step=steps.pop() if len(steps) == 1 else None,
        provenance={key: last[key] for key in ("time", "devices", "versions") if key in last},
    )


def of_verb(arm: Arm, output: pathlib.Path) -> ArmRecord:
    """Returns what a command wrote, by the arm's pointers. Raises InputError if it is not there."""
    document = _read(output)
    values = {name: pointed(document, p, arm.seeded, output) for name, p in arm.values.items()}
    provenance = {key: document[key] for key in ("time", "devices", "versions") if key in document}
    return ArmRecord(values, provenance=provenance)


def pointed(document: Any, pointers: Pointers, seeded: bool, source: pathlib.Path) -> Values:
    """Returns the numbers at JSON pointers, one a seed or one to a number or a list of them.

    Raises InputError that names the pointer where there is no number.
    """
    found = []
    for pointer in (pointers,) if isinstance(pointers, str) else pointers:
        place = _at(document, pointer, source)
        found += place if isinstance(place, list) else [place]
    if not found or not all(type(x) in (int, float, bool) for x in found):
        raise InputError(f"{source} has no numbers at {pointers}")
    numbers = [float(x) for x in found]
    if seeded:
        return Values(dict(enumerate(numbers)))
    if len(numbers) > 1:
        raise InputError(f"{source} has {len(numbers)} numbers at {pointers}, not one")
    return Values({None: numbers[0]})


def _at(document: Any, pointer: str, source: pathlib.Path) -> Any:
    """Returns what a JSON pointer points to; in a list -1 is the last entry."""
    place = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            place = place[int(key)] if isinstance(place, list) else place[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{source} has nothing at {pointer}: no {key!r}") from error
    return place


def _kept(claim: Claim, arm: Arm, results: pathlib.Path) -> ArmRecord:
    kept = arm.kept
    assert kept is not None
    path = results / kept.file
    document = _read(path)
    try:
        values = {n: pointed(document, p, arm.seeded, path) for n, p in kept.values.items()}
        is_pointer = kept.command.startswith("/")
        command = _at(document, kept.command, path) if is_pointer else kept.command
    except InputError as error:
        raise InputError(f"claim {claim.name}, arm {arm.label!r}: {error}") from error
    versions = document.get("versions", {}) if isinstance(document, dict) else {}
    command = " ".join(command) if isinstance(command, list) else str(command)
    return ArmRecord(values, command, provenance={"versions": versions}, kept_in=kept.file)


def _by_seed(
    results: Mapping[str, float], single: int | None
) -> dict[str, dict[int | None, float]]:
    """Returns the results of a run by name and seed; `single`: the seed of a run of one."""
    found: dict[str, dict[int | None, float]] = {}
    for name, parts in parts_by_name(results).items():
        seeds: dict[int | None, float] = {
            int(m[1]): number_of(results[n]) for p, n in parts.items() if (m := _SEED.fullmatch(p))
        }
        found[name] = seeds or {single: float(number_of(results[name]))}
    return found


def _read(path: pathlib.Path) -> Any:
    try:
        return parse_json(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
