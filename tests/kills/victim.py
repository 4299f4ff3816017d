"""Kills one command until a number of kills is reached, and compares what it ends in."""

import dataclasses
import itertools
import pathlib
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tests.kills.process import Start, survivors
from tests.kills.training import STARTING

_WAYS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)


class Command(Protocol):
    """A command that continues where it was stopped when it is given again."""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        ...

    @property
    def phases(self) -> Mapping[str, float]:
        """Seconds after the first sign of each phase within which the kill comes."""
        ...

    def command(self, workdir: pathlib.Path) -> tuple[str, ...]:
        """Returns what follows `python -m`, for a run in `workdir`."""
        ...

    def sign(self, phase: str, workdir: pathlib.Path, log: pathlib.Path) -> Callable[[], bool]:
        """Returns what tells whether the command, started after this call, is in `phase`."""
        ...

    def hit(self, workdir: pathlib.Path, log: pathlib.Path) -> tuple[str, int]:
        """Returns the phase in which a killed command was, and how far it had come."""
        ...

    def compare(self, workdir: pathlib.Path, reference: pathlib.Path) -> tuple[list[str], int]:
        """Returns what differs between two finished runs, and how many parts were compared."""
        ...


@dataclasses.dataclass
class Record:
    """What was done to one command.

    kills: one entry each, in order. rounds: one for each run that was killed and came to its end.
    """

    kills: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    rounds: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        """All that was not as it should be."""
        return [text for each in (*self.kills, *self.rounds) for text in each["differences"]]


def torment(
    command: Command,
    folder: pathlib.Path,
    num_kills: int,
    random: np.random.Generator,
    *,
    aims: Sequence[str] = (),
    on_kill: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Returns the record of `num_kills` kills of a command, each followed by the same command.

    The kill comes at a random moment after the first sign of a phase; what was hit is read from
    what the kill left. A run that ends before the kills are used up is compared, and another
    begins.

    folder: for runs and logs. aims: the phases to hit, one a kill; the least hit first if empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{command.name}.log"
    reference = folder / f"{command.name}-reference"
    complaints_of(Start(command.command(reference), log))
    record = Record()
    delays, ways = dict(command.phases), itertools.cycle(_WAYS)
    while len(record.kills) < num_kills:
        number = len(record.rounds)
        workdir = folder / f"{command.name}-{number}"
        before = len(record.kills)
        while len(record.kills) < num_kills:
            hits = [kill["phase"] for kill in record.kills]
            if aims:
                wanted = aims[len(hits)]
            else:
                wanted = min(delays, key=lambda phase: (hits.count(phase), random.random()))
            way = signal.SIGKILL if aims else next(ways)
            delay = random.uniform(0, delays[wanted])
            kill = _kill(command, workdir, log, wanted, delay, way)
            if kill is None or kill["phase"] != wanted:
                delays[wanted] /= 2  # It came too late.
            if kill is None:
                break
            record.kills.append(kill | {"round": number})
            on_kill(record)
        errors = complaints_of(Start(command.command(workdir), log))
        differences, num_compared = command.compare(workdir, reference)
        if errors:
            differences.append(f"the last start complained: {errors}")
        record.rounds.append(
            {
                "command": command.name,
                "kills": len(record.kills) - before,
                "compared": num_compared,
                "differences": differences,
            }
        )
        on_kill(record)
        if not differences:
            shutil.rmtree(workdir)
    return record


def _kill(
    command: Command,
    workdir: pathlib.Path,
    log: pathlib.Path,
    wanted: str,
    delay: float,
    way: signal.Signals,
) -> dict[str, Any] | None:
    """Returns what a kill hit, None if the command came to its end before."""
    sign = command.sign(wanted, workdir, log)
    # A kill of a start may come during the imports.
    start = Start(command.command(workdir), log, forked=wanted != STARTING)
    if not start.wait_for(sign):
        _check_status(start)
        return None
    moment = start.seconds() + delay
    start.wait_for(lambda: start.seconds() >= moment)
    descendants = start.descendants()
    seconds = start.seconds()
    status = start.stop(way)
    if status == 0:
        return None
    differences = [f"process {pid} lived on" for pid in sorted(survivors(descendants))]
    if status not in (-way, 128 + way) or "Traceback" in start.printed():
        differences.append(f"status {status} after {way.name}: {start.printed()[-400:]}")
    phase, progress = command.hit(workdir, log)
    if way != signal.SIGKILL:
        # It may have saved and ended in order: what is left tells of that.
        phase = wanted
    print(f"{way.name} for {command.name} after {seconds:.2f} s: {phase}, {progress}", flush=True)
    return {
        "command": command.name,
        "phase": phase,
        "aimed_at": wanted,
        "signal": way.name,
        "progress": progress,
        "seconds": round(seconds, 3),
        "children": len(descendants),
        "differences": differences,
    }


def complaints_of(start: Start) -> str:
    """Waits for the end and returns what was printed about errors; RuntimeError if it failed."""
    _check_status(start)
    lines = start.errors.read_text().splitlines(keepends=True)
    # Orbax's advice on a slow disk is no complaint about what a kill left.
    return "".join(line for line in lines if "Waiting for previous save" not in line)


def _check_status(start: Start) -> None:
    if status := start.end():
        raise RuntimeError(f"status {status}: {start.printed()}")
