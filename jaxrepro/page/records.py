"""What the files of a workdir say about a run."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.config import flatten
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists, modified
from jaxrepro.core.files.strict_json import number_of
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run import workdir as files
from jaxrepro.core.run.run_record import read_starts

# The loop logs the speed with every report of the training itself, and with no evaluation.
_OF_TRAINING = "speed/"
# Today's names of what older versions logged under another one.
_RENAMED = {"speed/images_per_second": "speed/examples_per_second"}


@dataclasses.dataclass(frozen=True)
class Series:
    """A scalar over the steps of a run: steps int [N] ascending, values float64 [N]."""

    name: str
    steps: np.ndarray
    values: np.ndarray

    @property
    def group(self) -> str:
        """What stands before the first "/" of the name."""
        return self.name.partition("/")[0]

    @property
    def last(self) -> float:
        """The latest value."""
        return float(self.values[-1])


@dataclasses.dataclass(frozen=True)
class Measured:
    """The results of one evaluation: {name: value} after `step` updates, and where they stand.

    by_other_config: measured by a config that was given in the place of the run's own.
    """

    step: int
    results: Mapping[str, float]
    source: str
    time: str = ""
    by_other_config: bool = False


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened to a run; `step` is None where it is not known."""

    step: int | None
    time: str
    kind: str
    message: str

    @property
    def alarming(self) -> bool:
        """Whether a reader should see it at once: a failure, or what the guard reports."""
        return self.kind == "failed" or self.kind.startswith("guard:")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run as its workdir shows it.

    config: leaves by dotted key. training, evaluation: the scalars of each kind. final: what the
    run measured last itself; repeated: what `jaxrepro.evaluate` measured, the latest last.
    """

    workdir: Place
    config: Mapping[str, Any]
    model_card: Mapping[str, Any]
    starts: Sequence[Mapping[str, Any]]
    training: Sequence[Series]
    evaluation: Sequence[Series]
    final: Measured | None
    repeated: Sequence[Measured]
    events: Sequence[Event]
    step: int
    total_steps: int
    finished: bool
    last_written: str


def read_run(workdir: Place) -> Run:
    """Returns the run in `workdir`, which may still be going on.

    Raises InputError if it is not the workdir of a run or one of its files is damaged.
    """
    config = flatten(files.read_json(workdir / files.CONFIG))
    total_steps = config.get("train.total_steps")
    if not isinstance(total_steps, int):
        raise InputError(f"{workdir / files.CONFIG} has no whole number train.total_steps")
    records = read_json_lines(workdir / files.METRICS)
    training, evaluation = _series(records, workdir / files.METRICS)
    results = _results(workdir)
    starts = read_starts(workdir)
    steps: list[int] = [record["step"] for record in records] + _checkpoint_steps(workdir)
    steps += [start["step"] for start in starts[-1:]] + ([results.step] if results else [])
    return Run(
        workdir=workdir,
        config=config,
        model_card=_optional_json(workdir / files.MODEL_CARD),
        starts=starts,
        training=training,
        evaluation=evaluation,
        final=results or _latest(evaluation),
        repeated=_evaluations(workdir),
        events=_events(workdir, starts),
        step=max(steps, default=0),
        total_steps=total_steps,
        finished=results is not None and results.step == total_steps,
        last_written=_last_written(workdir),
    )


def _series(records: Sequence[Mapping[str, Any]], path: Place) -> tuple[list[Series], list[Series]]:
    """Returns the series of the training and those of the evaluations, in the order of the file."""
    points: dict[str, list[tuple[int, float]]] = {}
    of_training = set()
    for record in records:
        values = {_RENAMED.get(name, name): x for name, x in record.items() if name != "step"}
        if any(name.startswith(_OF_TRAINING) for name in values):
            of_training.update(values)
        for name, value in values.items():
            points.setdefault(name, []).append((record["step"], _number(value, name, path)))
    series = []
    for name, pairs in points.items():
        steps, values = zip(*sorted(pairs, key=lambda pair: pair[0]), strict=True)
        series.append(Series(name, np.asarray(steps), np.asarray(values, np.float64)))
    return (
        [one for one in series if one.name in of_training],
        [one for one in series if one.name not in of_training],
    )


def _number(value: Any, name: str, path: Place) -> float:
    value = number_of(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {name} is {value!r}, not a number")
    return float(value)


def _numbers(value: Any, path: Place) -> dict[str, float]:
    if not isinstance(value, dict):
        raise InputError(f'{path} has no object "results"')
    return {name: _number(x, name, path) for name, x in value.items()}


def _results(workdir: Place) -> Measured | None:
    path = workdir / files.RESULTS
    if not exists(path):
        return None
    content = files.read_json(path)
    if not isinstance(content.get("step"), int):
        raise InputError(f'{path} has no whole number "step"')
    return Measured(content["step"], _numbers(content.get("results"), path), files.RESULTS)


def _latest(evaluation: Sequence[Series]) -> Measured | None:
    if not evaluation:
        return None
    step = max(int(series.steps[-1]) for series in evaluation)
    results = {s.name: s.last for s in evaluation if s.steps[-1] == step}
    return Measured(step, results, files.METRICS)


def _evaluations(workdir: Place) -> list[Measured]:
    path = workdir / files.EVALUATIONS
    return [
        Measured(
            record["step"],
            _numbers(record.get("results"), path),
            files.EVALUATIONS,
            str(record.get("time", "")),
            bool(config_name(record.get("command", []))),
        )
        for record in read_json_lines(path)
    ]


def _events(workdir: Place, starts: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Returns starts and ends in their order, then the reports of the guard."""
    events = []
    for number, start in enumerate(starts):
        kind = "continued" if number else "started"
        events.append(Event(start["step"], str(start["time"]), kind, ""))
        if "ended" in start:
            message = str(start.get("message", ""))
            events.append(Event(None, str(start["ended"]), str(start.get("outcome")), message))
        elif number + 1 < len(starts):
            events.append(Event(None, "", "ended without notice", "killed, or the machine failed"))
    return events + _guard_events(workdir)


def _guard_events(workdir: Place) -> list[Event]:
    path = workdir / files.GUARD
    if not exists(path):
        return []
    reports = files.read_json(path).get("events")
    if not isinstance(reports, list) or not all(
        isinstance(report, dict)
        and {"kind", "message"} <= report.keys()
        and isinstance(report.get("step"), int)
        for report in reports
    ):
        raise InputError(f'{path} has no list "events" of objects with step, kind and message')
    return [
        Event(report["step"], "", f"guard: {report['kind']}", str(report["message"]))
        for report in reports
    ]


def config_name(command: Any) -> str:
    """Returns what stands after --config in a command line, "" if nothing does."""
    return options(command).get("config", "")


def options(command: Any) -> dict[str, str]:
    """Returns the options of a command line, "--name=value" or "--name value"."""
    words = [str(word) for word in command] if isinstance(command, list) else []
    found = {}
    for word, following in zip(words, [*words[1:], ""]):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-"):
            found[name] = value if equals else following
    return found


def _optional_json(path: Place) -> dict[str, Any]:
    return files.read_json(path) if exists(path) else {}


def _checkpoint_steps(workdir: Place) -> list[int]:
    folder = workdir / files.CHECKPOINTS
    if not folder.is_dir():
        return []
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _last_written(workdir: Place) -> str:
    """Returns when the run wrote its last measurement or its config, UTC to the minute."""
    names = (files.CONFIG, files.METRICS, files.RESULTS)
    times = [modified(workdir / name) for name in names if exists(workdir / name)]
    return datetime.datetime.fromtimestamp(max(times), datetime.UTC).isoformat(timespec="seconds")
