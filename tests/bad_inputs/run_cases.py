"""Run folders: config.json, run.json, model.json, results and metrics that were altered."""

import json
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxrepro.core.run.workdir import CONFIG, CONFIG_DIGEST, RUN
from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.materials import CONFIGS

_KIND = "run folder"
_DRAWS = 4
Change = Callable[[pathlib.Path, np.random.Generator], object]


def cases() -> Iterator[Case]:
    """Yields the cases of run folders."""
    for file, commands in _READERS.items():
        for command in commands:
            for name, how in _DAMAGE.items():
                # The same command writes a damaged config anew: run.json has its digest.
                certain = (file, command) != ("config.json", _TRAIN)
                yield _case(f"{file} {name}", command, _damage(file, how), file, certain)
    for file, command in _ALTERED:
        for number in range(_DRAWS):
            change = _altered(file)
            yield _case(f"{file} value {number}", command, change, "", False)
    for file, key, value, commands in _VALUES:
        for command in commands:
            name = f"{file}: {key} is {value!r}"
            yield _case(name, command, _set(file, key, value), "", True)
    for name, command, change, names in _OTHERS:
        yield _case(name, command, change, names, True)


def _case(name: str, command: str, change: Change, names: str, certain: bool) -> Case:
    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy("run:srcnn", place.folder / "run"), place.rng)
        return _ARGUMENTS[command]

    written = ("run",) if command == "jaxrepro.train" else ()
    short = command.removeprefix("jaxrepro.")
    return Case(_KIND, f"{short}: {name}", command, make, names, certain, may_write=written)


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
_UPSCALE = "jaxrepro.papers.srcnn.upscale"
_TABLE = "jaxrepro.papers.pyranet.classifier_table"
_ARGUMENTS: dict[str, Sequence[str]] = {
    _TRAIN: (f"--config={CONFIGS}/srcnn.py:test", "--workdir=run"),
    _EVALUATE: ("--workdir=run",),
    _EXPORT: ("--workdir=run", "--output=out"),
    _REPORT: ("--workdir=run",),
    _PLOT: ("--workdir=run", "--output=curves.png"),
    _UPSCALE: ("run/../run/photo.png", "large.png", "--model=run"),
    _TABLE: ("--workdirs=run",),
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
    ("config.json", "model.widths", "wide", (_EXPORT,)),
    ("config.json", "model.widths", [4, "x"], (_EXPORT,)),
    ("config.json", "model.widths", [8, 8], (_EXPORT,)),
    ("config.json", "data", [], (_EXPORT,)),
    ("config.json", "data.source", 3, (_EXPORT,)),
    ("config.json", "task", "biggan", (_EXPORT,)),
    ("config.json", "task", {}, (_EXPORT,)),
    ("config.json", "seed", "x", (_EXPORT,)),
    ("config.json", "num_seeds", 2, (_EXPORT,)),
    ("config.json", "optim.learning_rate", "fast", (_EXPORT,)),
    ("config.json", "optim.learning_rate", float("nan"), (_EVALUATE,)),
    ("config.json", "optim.multipliers", 7, (_EXPORT,)),
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
    ("of another paper", _TABLE, lambda run, rng: None, "run"),
)
