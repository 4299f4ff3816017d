"""The head of a page: what a run is and how far it got."""

import dataclasses
import datetime
import re
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrepro.core.data_identity import DATA, OTHER_DATA
from jaxrepro.core.run.workdir import CARD_SEEDS
from jaxrepro.page.numbers import duration, number, time
from jaxrepro.page.records import Run, config_name, options

_LONG_COMMAND = 90
_RESUME = "--?resume(_attempt)?"
_TOTAL_STEPS = "--config.train.total_steps"
_GOING_ON = "not finished"


@dataclasses.dataclass(frozen=True)
class Summary:
    """The head of a page.

    title, subtitle; state: one of "finished", "failed", "stopped", "not finished"; facts by name.
    going_on: whether it was started and has not said that it ended; it may have been killed.
    """

    title: str
    subtitle: str
    state: str
    state_message: str
    share_done: float
    facts: Mapping[str, str]
    command: str
    versions: str
    going_on: bool


def summarize(run: Run) -> Summary:
    """Returns the head of the page of `run`."""
    last = run.starts[-1] if run.starts else {}
    paper = str(run.model_card.get("paper", run.config.get("task", "")))
    config = config_name(last.get("command", []))
    state, message = _state(run, last)
    return Summary(
        title=run.workdir.resolve().name,
        subtitle=" · ".join(filter(None, [paper, config])),
        state=state,
        state_message=message,
        share_done=min(1.0, run.step / max(run.total_steps, 1)),
        facts={name: value for name, value in _facts(run, last).items() if value},
        command=_command(last.get("command", [])),
        versions=_versions(last.get("versions")),
        going_on=state == _GOING_ON and bool(last),
    )


def continuation(run: Run) -> tuple[str, str] | None:
    """Returns what continues a run, in words and as a command; None where it is not known.

    The same command continues a run that is not finished; a finished one gets as many updates more.
    """
    words = [str(word) for word in run.starts[-1].get("command", [])] if run.starts else []
    if not words:
        return None
    if not run.finished:
        return "Continue where it stopped", _on_one_line(words)
    further = [word for word in words if not word.startswith(f"{_TOTAL_STEPS}=")]
    further.append(f"{_TOTAL_STEPS}={2 * run.total_steps}")
    return "Train it for as many updates more", _on_one_line(further)


def changed_settings(run: Run) -> list[str]:
    """Returns the keys of the config that the last start's command gave a value of its own."""
    last = run.starts[-1] if run.starts else {}
    given = options(last.get("command", []))
    return [key for key in run.config if f"config.{key}" in given]


def _command(words: Any) -> str:
    """Returns a command line for a shell, an option a line if it is long.

    --resume and --resume_attempt are left out: they are about checkpoints of this workdir.
    """
    quoted = _kept(words)
    if len(" ".join(quoted)) <= _LONG_COMMAND:
        return " ".join(quoted)
    start = next((i for i, word in enumerate(quoted) if word.startswith("--")), len(quoted))
    return " \\\n    ".join([" ".join(quoted[:start]), *quoted[start:]])


def _on_one_line(words: Any) -> str:
    return " ".join(_kept(words))


def _kept(words: Any) -> list[str]:
    text = [str(word) for word in words]
    return [
        shlex.quote(word)
        for word, previous in zip(text, ["", *text])
        if not re.match(f"{_RESUME}(=|$)", word) and not re.fullmatch(_RESUME, previous)
    ]


def _state(run: Run, last: Mapping[str, Any]) -> tuple[str, str]:
    if run.finished:
        return "finished", ""
    if last.get("outcome") == "failed":
        return "failed", str(last.get("message", ""))
    if last.get("outcome") == "stopped":
        return "stopped", str(last.get("message", ""))
    return _GOING_ON, "as far as its files go; it may still be running"


def _facts(run: Run, last: Mapping[str, Any]) -> dict[str, str]:
    started = run.starts[0]["time"] if run.starts else ""
    data = " ".join(str(run.config.get(f"data.{key}", "")) for key in ("source", "split"))
    seeds = run.model_card.get(CARD_SEEDS, [run.config.get("seed", "")])
    return {
        "Started": time(str(started)) if started else "",
        "Last record": time(run.last_written),
        "Time training": _time_training(run),
        "Speed": _speed(run),
        "Trained on": data.strip(),
        "Notes on the data": "; ".join(_data_notes(run)),
        "Device": _devices(last.get("devices")),
        "Seeds" if len(seeds) > 1 else "Seed": ", ".join(map(str, seeds)),
    }


def _data_notes(run: Run) -> list[str]:
    """Returns what is noted of the data, each sentence once, and where they became others."""
    described = [start[DATA] for start in run.starts if isinstance(start.get(DATA), dict)]
    sets = [one for one in (described[-1] if described else {}).values() if isinstance(one, dict)]
    notes = [note for one in sets for note in one.get("notes", ())]
    notes += [
        f"from step {start['step']} on {line}"
        for start in run.starts
        for line in start.get(OTHER_DATA, ())
    ]
    return [*dict.fromkeys(map(str, notes))]


def _devices(devices: Any) -> str:
    if not isinstance(devices, dict):
        return ""
    processes = devices.get("processes", 1)
    text = f"{devices.get('count', '?')} x {devices.get('kind', '?')}"
    platform = str(devices.get("platform", ""))
    if platform.lower() not in text.lower():
        text += f" ({platform})"
    return text + (f", {processes} processes" if processes != 1 else "")


def _versions(versions: Any) -> str:
    if not isinstance(versions, dict):
        return ""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _time_training(run: Run) -> str:
    """Returns the time between starts and ends; "" unless every start has its end."""
    seconds = 0.0
    for start in run.starts:
        try:
            began, ended = (
                datetime.datetime.fromisoformat(str(start.get(key, "")))
                for key in ("time", "ended")
            )
        except ValueError:
            return ""
        seconds += (ended - began).total_seconds()
    return duration(seconds) if run.starts else ""


def _speed(run: Run) -> str:
    for series in run.training:
        if series.name == "speed/examples_per_second":
            finite = series.values[np.isfinite(series.values)]
            return f"{number(float(f'{np.median(finite):.3g}'))} examples/s (median)" * bool(
                len(finite)
            )
    return ""
