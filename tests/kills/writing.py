"""Commands that write and are done: what a kill leaves, and what the same command makes of it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from tests import runs
from tests.kills.process import ROOT, Start, survivors
from tests.kills.victim import Record, complaints_of

# Of JSON: what no two starts of one command have in common.
_OF_A_START = {"time", "seconds", "command", "versions", "rendered"}
# Of the three ways to stop a command: (signal, exit statuses).
_WAYS = ((signal.SIGKILL, (-9,)), (signal.SIGTERM, (-15, 143)), (signal.SIGINT, (130, -2)))
# Python itself has not taken Ctrl-C before.
_FIRST_SECONDS = 0.3
# Half of the kills come within this time of the first new name in the folder.
_WRITING, _WRITES_SECONDS = "writing", 0.03
_AIMS = ("any moment", _WRITING)
_PLACE = b"(the folder)"
_CHECKPOINTS = "checkpoints"


@dataclasses.dataclass(frozen=True)
class Writing:
    """A command that writes files into a folder and ends.

    arguments: makes what the command reads below a folder and returns its words, whose outputs are
    below the folder too. appended: names of files to which each start adds a line. left_alone:
    files that tell of every start. in_folder: whether it is started in the folder, with the package
    that is there.
    """

    name: str
    module: str
    arguments: Callable[[pathlib.Path], Sequence[str]]
    appended: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()
    in_folder: bool = False

    def words(self, workdir: pathlib.Path) -> tuple[str, ...]:
        """Makes the inputs in a new folder and returns what follows `python -m`."""
        workdir.mkdir()
        return (self.module, *self.arguments(workdir))

    def start(self, words: Sequence[str], workdir: pathlib.Path, log: pathlib.Path) -> Start:
        """Starts the command that `words` returned."""
        return Start(tuple(words), log, workdir if self.in_folder else ROOT)


def torment_writing(
    command: Writing,
    folder: pathlib.Path,
    num_kills: int,
    random: np.random.Generator,
    on_kill: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Returns the record of `num_kills` kills of a command, each followed by the same command.

    Every second kill comes where the complete output lies already. Of what a kill leaves every file
    must be whole, the old one or the new one; the end must be that of an uninterrupted command, and
    nothing else may lie in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{command.name}.log"
    reference = folder / f"{command.name}-reference"
    words = command.words(reference)
    given = set(_files(reference))
    # Such as what is measured; not everything on standard error is a complaint.
    usual = complaints_of(command.start(words, reference, log)).replace(str(reference), "")
    start = command.start(words, reference, log)
    replaces = start.end() == 0
    seconds = start.seconds()
    complete = content(command, reference, given)
    record, number, longest = Record(), -1, seconds
    # Of three ways and two kinds of place every pair comes up.
    first_way = int(random.integers(len(_WAYS)))
    while len(record.kills) < num_kills:
        number += 1
        workdir = folder / f"{command.name}-{number}"
        words = command.words(workdir)
        over = replaces and number % 2 == 1
        if over:
            complaints_of(command.start(words, workdir, log))
        way, statuses = _WAYS[(number // 2 + first_way) % len(_WAYS)]
        aim = _AIMS[int(random.integers(len(_AIMS)))]
        start = command.start(words, workdir, log)
        moment = _FIRST_SECONDS + random.uniform(0, 1) * max(longest - _FIRST_SECONDS, 0)
        if aim == _WRITING:
            before = _names_at_top(workdir)
            start.wait_for(lambda workdir=workdir, before=before: _names_at_top(workdir) != before)
            moment = start.seconds() + random.uniform(0, _WRITES_SECONDS)
        start.wait_for(lambda start=start, moment=moment: start.seconds() >= moment)
        descendants = start.descendants()
        status = start.stop(way)
        differences = [f"process {pid} lived on" for pid in sorted(survivors(descendants))]
        if status not in (0, *statuses):
            differences.append(f"status {status} after {way.name}: {start.printed()[-400:]}")
        # By the signal, without a word, it ends while Python itself ends, when all is written.
        if way == signal.SIGINT and (status == 130 or "Traceback" in start.printed()):
            differences += _said_of_interrupt(start)
        left = content(command, workdir, given)
        differences += [
            f"half-written: {name}"
            for name, value in left.items()
            if complete.get(name) != value and not _before_its_line(value, complete.get(name))
        ]
        if over:
            differences += [f"gone: {name}" for name in sorted(complete.keys() - left.keys())]
        if replaces or left.keys() != complete.keys():
            errors = complaints_of(command.start(words, workdir, log))
            if errors.replace(str(workdir), "") != usual:
                differences.append(f"the last start complained: {errors}")
        ours = content(command, workdir, given)
        differences += [f"{name} differs" for name in _differing(ours, complete)]
        differences += [f"left over: {name}" for name in _hidden(workdir)]
        print(f"{way.name} for {command.name} after {moment:.2f} s: status {status}", flush=True)
        entry = {
            "command": command.name,
            "phase": f"{way.name}, {'over an output' if over else 'no output yet'}",
            "aimed_at": aim,
            "signal": way.name,
            "progress": len(left),
            "seconds": round(moment, 3),
            "children": len(descendants),
            "differences": differences,
        }
        if status == 0:
            longest *= 0.8  # It came too late, and is none.
            if not differences:
                shutil.rmtree(workdir)
                continue
        record.kills.append(entry)
        record.rounds.append(
            {"command": command.name, "kills": 1, "compared": len(complete), "differences": []}
        )
        on_kill(record)
        if not differences:
            shutil.rmtree(workdir)
    return record


def content(command: Writing, folder: pathlib.Path, given: set[str]) -> dict[str, Any]:
    """Returns what was written below a folder: files by name, without what tells of the start.

    Of a file that is added to: its whole lines, each once.
    """
    found: dict[str, Any] = {}
    for name in _files(folder):
        path = folder / name
        if (
            path.is_dir()
            or name in command.left_alone
            or (name in given and name not in command.appended)
        ):
            continue
        # What is hidden is on its way: the command that is given again removes it.
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or _CHECKPOINTS in parts:
            continue
        value = path.read_bytes().replace(str(folder).encode(), _PLACE)
        if name in command.appended:
            if value and not value.endswith(b"\n"):
                found[name] = "half a line"
                continue
            lines = [_timeless(json.loads(line)) for line in value.splitlines()]
            found[name] = sorted({json.dumps(line, sort_keys=True) for line in lines})
        elif path.suffix == ".json":
            found[name] = _parsed(value)
        elif path.suffix == ".html":
            found[name] = re.sub(rb"\d{4}-\d\d-\d\d[T ][\d:+Z]+|[\d.]+ s\b", b"", value)
        else:
            # MATLAB's files begin with the time.
            found[name] = value[116:] if path.suffix == ".mat" else value
    for run in {path.parent for path in folder.rglob(_CHECKPOINTS) if path.is_dir()}:
        name = run.relative_to(folder).as_posix()
        if name not in given and not name.startswith("."):
            found |= _leaves(run, name)
    return found


def _before_its_line(value: Any, complete: Any) -> bool:
    """Returns whether these are the lines of a file that is added to, but for those of a start."""
    both = isinstance(value, list) and isinstance(complete, list)
    return both and set(value) < set(complete)


def _leaves(run: pathlib.Path, name: str) -> dict[str, Any]:
    """Returns the arrays of every checkpoint; how Orbax names its files, it draws."""
    with Checkpoints(run, read_only=True) as checkpoints:
        steps = checkpoints.steps
    return {
        f"{name}, step {step}: {leaf}": (value.dtype.str, value.tobytes())
        for step in steps
        for leaf, value in runs.leaves(run, step).items()
    }


def _parsed(value: bytes) -> Any:
    try:
        return _timeless(json.loads(value))
    except ValueError:
        return "no JSON"


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(one) for k, one in value.items() if k not in _OF_A_START}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _files(folder: pathlib.Path) -> list[str]:
    """Returns the names of all files, and of the folders of the runs among them."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    folders = [p.parent for p in folder.rglob(_CHECKPOINTS) if p.is_dir()]
    return sorted(p.relative_to(folder).as_posix() for p in (*files, *folders))


def _names_at_top(folder: pathlib.Path) -> set[str]:
    """Returns the names in a folder and in those that are in it."""
    names = set()
    for entry in os.scandir(folder):
        names.add(entry.name)
        # What is on its way may get its name in between.
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir():
                names.update(f"{entry.name}/{name}" for name in os.listdir(entry.path))
    return names


def _hidden(folder: pathlib.Path) -> list[str]:
    """Returns temporary files and folders; the lock of a run stays."""
    names = (p.relative_to(folder).as_posix() for p in folder.rglob("*"))
    return [n for n in names if n.rpartition("/")[2].startswith(".") and not n.endswith(".lock")]


def _differing(ours: dict[str, Any], complete: dict[str, Any]) -> list[str]:
    return sorted(k for k in ours.keys() | complete.keys() if ours.get(k) != complete.get(k))


def _said_of_interrupt(start: Start) -> list[str]:
    lines = [line for line in start.errors.read_text().splitlines() if "interrupted" in line]
    trace = "Traceback" in start.printed()
    return [] if len(lines) == 1 and not trace else [f"Ctrl-C said {start.printed()[-400:]!r}"]
