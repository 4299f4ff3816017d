"""Run folders: config.json, run.json, model.json, results and metrics that were altered."""

import json
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from jaxrepro.core.run.workdir import CONFIG, CONFIG_DIGEST, RUN
from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.paper import CONFIGS, Change, papers

_KIND = "run folder"
_DRAWS = 4


def cases() -> Iterator[Case]:
    """Yields the cases of run folders."""
    for paper in papers():
        yield from _of_paper(paper)


def _of_paper(paper: str) -> Iterator[Case]:
    for file, commands in _READERS.items():
        for command in commands:
            for name, how in _DAMAGE.items():
                # The same command writes a damaged config anew: run.json has its digest.
                certain = (file, command) != (CONFIG, _TRAIN)
                yield _case(paper, f"{file} {name}", command, _damage(file, how), file, certain)
    for file, command in _ALTERED:
        for number in range(_DRAWS):
            change = _altered(file)
            yield _case(paper, f"{file} value {number}", command, change, "", False)
    values = [*_VALUES, (CONFIG, "task", _other(paper), (_EXPORT,))]
    values += [(CONFIG, k, value, (minds,)) for k, value, minds in papers()[paper].run_values]
    for file, key, value, commands in values:
        for command in commands:
            name = f"{file}: {key} is {value!r}"
            yield _case(paper, name, command, _set(file, key, value), "", True)
    for name, command, change, names in _OTHERS:
        yield _case(paper, name, command, change, names, True)


def _other(paper: str) -> str:
    names = list(papers())
    return names[(names.index(paper) + 1) % len(names)]


def _case(paper: str, name: str, command: str, change: Change, names: str, certain: bool) -> Case:
    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy(f"run:{paper}", place.folder / "run"), place.rng)
        if command == _TRAIN:
            return [f"--config={CONFIGS}/{papers()[paper].config}.py:test", "--workdir=run"]
        return _ARGUMENTS[command]

    written = ("run",) if command == _TRAIN else ()
    short = command.removeprefix("jaxrepro.")
    slow = command == _TRAIN and not certain
    return Case(
        _KIND,
        f"{paper}: {short}: {name}",
        command,
        make,
        names,
        certain,
        may_write=written,
        slow=slow,
    )


def _damage(file: str, how: mutations.Damage) -> Change:
    return lambda run, rng: mutations.damage(run / file, how, rng)


def _altered(file: str) -> Change:
    return lambda run, rng: mutations.altered_json(run / file, rng)


def _set(file: str, key: str, value: object) -> Change:
    def change(run: pathlib.Path, rng: np.random.Generator) -> None:
        mutations.set_json(run / file, key, value)
        if file == CONFIG:
            # As of a run of an earlier version: otherwise the digest alone would speak.
            starts = json.loads((run / RUN).read_bytes())["starts"]
            del starts[-1][CONFIG_DIGEST]
            (run / RUN).write_text(json.dumps({"starts": starts}))

    return change


def _lines(*records: object) -> Change:
    text = "".join(json.dumps(record) + "\n" for record in records)
    return lambda run, rng: (run / "metrics.jsonl").write_text(text)


def _in_place_of(file: str) -> Change:
    def change(run: pathlib.Path, rng: np.random.Generator) -> None:
        del rng
        (run / file).unlink()
        (run / file).mkdir()

    return change


_TRAIN, _EVALUATE, _EXPORT = "jaxrepro.train", "jaxrepro.evaluate", "jaxrepro.export"
_REPORT, _PLOT = "jaxrepro.report", "jaxrepro.plot"
_ARGUMENTS: dict[str, Sequence[str]] = {
    _EVALUATE: ("--workdir=run",),
    _EXPORT: ("--workdir=run", "--output=out"),
    _REPORT: ("--workdir=run",),
    _PLOT: ("--workdir=run", "--output=curves.png"),
}
_DAMAGE = {
    "halved": mutations.halved,
    "emptied": mutations.emptied,
    "of noise": mutations.random_bytes,
}
_READERS = {
    "config.json": (_TRAIN, _EVALUATE, _REPORT),
    "results.json": (_TRAIN, _REPORT),
    "run.json": (_REPORT,),
    "model.json": (_REPORT,),
}
_ALTERED = (
    ("config.json", _EXPORT),
    ("config.json", _REPORT),
    ("results.json", _REPORT),
    ("run.json", _REPORT),
)
_VALUES = (
    ("config.json", "train.total_steps", "many", (_EXPORT, _REPORT)),
    ("config.json", "train.total_steps", None, (_EXPORT, _REPORT)),
    ("config.json", "model", 5, (_EXPORT, _TRAIN)),
    ("config.json", "data", [], (_EXPORT,)),
    ("config.json", "data.source", 3, (_EXPORT,)),
    ("config.json", "task", {}, (_EXPORT,)),
    ("config.json", "seed", "x", (_EXPORT,)),
    ("config.json", "num_seeds", 2, (_EXPORT,)),
    ("results.json", "step", "two", (_TRAIN, _REPORT)),
    ("results.json", "results", [1], (_TRAIN, _REPORT)),
    ("results.json", "results", {"psnr": "high"}, (_TRAIN, _REPORT)),
    ("run.json", "starts", 4, (_TRAIN, _REPORT)),
    ("run.json", "starts", [{"time": 3}], (_REPORT,)),
)
_OTHERS: tuple[tuple[str, str, Change, str], ...] = (
    ("metrics.jsonl of noise", _PLOT, _damage("metrics.jsonl", mutations.random_bytes), "metrics"),
    ("metrics.jsonl emptied", _PLOT, _damage("metrics.jsonl", mutations.emptied), "run"),
    ("metrics.jsonl: text for a number", _REPORT, _lines({"step": 1, "loss/g": "x"}), "metrics"),
    ("metrics.jsonl: text for a number", _PLOT, _lines({"step": 1, "loss/g": "x"}), "metrics"),
    ("metrics.jsonl: a list for a number", _PLOT, _lines({"step": 1, "loss/g": [1]}), "metrics"),
    ("metrics.jsonl: nothing to draw", _PLOT, _lines({"step": 1, "other": 1.0}), "run"),
    ("metrics.jsonl: lines without a step", _PLOT, _lines({"loss/g": 1.0}), "metrics"),
    ("metrics.jsonl: a step that is true", _PLOT, _lines({"step": None, "loss/g": 1}), "metrics"),
    ("metrics.jsonl: numbers alone", _REPORT, _lines(1, 2, 3), "metrics"),
    ("metrics.jsonl is a folder", _PLOT, _in_place_of("metrics.jsonl"), "metrics"),
    ("config.json is a folder", _EVALUATE, _in_place_of("config.json"), "config.json"),
    ("config.json is a folder", _TRAIN, _in_place_of("config.json"), "config.json"),
    ("results.json is a folder", _REPORT, _in_place_of("results.json"), "results.json"),
    ("is a file", _EVALUATE, lambda run, rng: run.rename("aside") and run.write_text("x"), "run"),
)
