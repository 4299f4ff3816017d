"""`run.json`: when a run was started and continued, by which command, on what, and how it ended."""

import contextlib
import datetime
import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from jaxrepro.core.config import config_digest
from jaxrepro.core.data_identity import (
    DATA,
    DATA_KEYS,
    OTHER_DATA,
    DataIdentity,
    data_keys,
    known_data,
    other_content,
)
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists
from jaxrepro.core.files.strict_json import json_digest
from jaxrepro.core.run import notices
from jaxrepro.core.run.workdir import CONFIG, CONFIG_DIGEST, RUN, read_json, write_json

_PACKAGES = ("jaxrepro", "jax", "jaxlib", "flax", "optax", "numpy")


def now() -> str:
    """Returns the time in UTC, ISO 8601 to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide a result, by name."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"  # Run from a folder of the source.
    return found


def devices() -> dict[str, Any]:
    """Returns {"kind", "platform", "count", "processes"} of the devices that JAX uses."""
    first = jax.devices()[0]
    return {
        "kind": first.device_kind,
        "platform": first.platform,
        "count": jax.device_count(),
        "processes": jax.process_count(),
    }


def command() -> list[str]:
    """Returns this process's command line as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = [sys.argv[0]] if spec is None else ["-m", spec.name.removesuffix(".__main__")]
    return ["python", *program, *sys.argv[1:]]


def provenance() -> dict[str, Any]:
    """Returns {"command", "time", "devices", "versions"}: what every record of a number carries.

    And "notices", where something was told of the inputs.
    """
    about = {"command": command(), "time": now(), "devices": devices(), "versions": versions()}
    return about | noticed()


def noticed() -> dict[str, Any]:
    """Returns {"notices": what this process told of its inputs}, {} where it told nothing."""
    return {"notices": list(told)} if (told := notices.told()) else {}


def read_starts(workdir: Place) -> list[dict[str, Any]]:
    """Returns the entries of `run.json`, the first start first; [] if there is none.

    An entry has "time", "step", "resume" and "resume_attempt" (None where --resume was not given),
    "command", "devices", "versions"; where the run reads data, "data_keys", the keys of its config
    that say where, and "data", what they hold, unless that is as recorded before, with sentences
    "other_data" where the content is another than at the start before; after the first update
    "first_update" and, once it ended in an orderly way, "ended", "outcome" and "message". Raises
    InputError if the file is damaged.
    """
    path = workdir / RUN
    if not exists(path):
        return []
    starts = read_json(path).get("starts")
    if not isinstance(starts, list) or not all(
        isinstance(start, dict)
        and isinstance(start.get("time"), str)
        and isinstance(start.get("step"), int)
        and isinstance(start.get("resume"), int | None)
        and isinstance(start.get("command", []), list)
        for start in starts
    ):
        raise InputError(
            f'{path} has no list "starts" of objects with a time, a step and a command'
        )
    return starts


def request(workdir: Place, resume: int | None, resume_attempt: int) -> dict[str, Any]:
    """Returns the part of an entry that tells whether two starts were asked for the same.

    That is the step to go back to, for which time, and the digest of all keys of the config: a
    command with another one, such as guard.action=off, means to go back.
    """
    config = read_json(workdir / CONFIG) if exists(workdir / CONFIG) else {}
    return {
        "resume": resume,
        "resume_attempt": None if resume is None else resume_attempt,
        "all_keys_sha256": json_digest(config),
    }


def record_start(
    workdir: Place,
    step: int,
    resume: int | None = None,
    resume_attempt: int = 1,
    data: Mapping[str, DataIdentity] | None = None,
) -> None:
    """Adds an entry for a process that starts training after `step` updates.

    resume: the step that it was asked to go back to; resume_attempt: and for which time. data: what
    the run reads, see `task.IdentifiesData`. Raises InputError if it has other classes than before.
    """
    starts = read_starts(workdir)
    data = data or {}
    places = data_keys(data)
    entry = {
        "step": step,
        **request(workdir, resume, resume_attempt),
        **provenance(),
    }
    if exists(workdir / CONFIG):
        entry[CONFIG_DIGEST] = config_digest(read_json(workdir / CONFIG), places)
    if places:
        entry[DATA_KEYS] = places
        described = {key: one.as_json() for key, one in data.items()}
        if described != next((s[DATA] for s in reversed(starts) if DATA in s), None):
            entry[DATA] = described
        if others := other_content(known_data(starts, {}), data, "the run"):
            entry[OTHER_DATA] = others
    write_json(workdir / RUN, {"starts": [*starts, entry]})


def record_first_update(workdir: Place, times: dict[str, Any]) -> None:
    """Writes into the last entry how long the first update took, as `StartTimes` tells it."""
    starts = read_starts(workdir)
    if starts:
        starts[-1] |= {"first_update": times, **noticed()}
        write_json(workdir / RUN, {"starts": starts})


def record_end(workdir: Place, outcome: str, message: str = "") -> None:
    """Writes into the last entry how it ended: "finished", "stopped" or "failed", and why.

    An entry that has its end already keeps it: a finished run that is asked for again.
    """
    starts = read_starts(workdir)
    if starts and "ended" not in starts[-1]:
        starts[-1] |= {"ended": now(), "outcome": outcome, "message": message, **noticed()}
        write_json(workdir / RUN, {"starts": starts})


@contextlib.contextmanager
def error_recorded(
    workdir: Place, then: Callable[[], Any]
) -> Iterator[Callable[[BaseException], None]]:
    """A context whose error is written into the entry of the start that was recorded in it.

    then: called once it is written. The error is raised again as it was. One before the start was
    recorded is left out: the last entry is of an earlier process then. Yields the function that
    writes, for an error that is not raised here.
    """
    known = len(read_starts(workdir))

    def record(error: BaseException) -> None:
        # The error under way came first, and a full disk is no news then.
        with contextlib.suppress(InputError):
            if len(read_starts(workdir)) > known:
                record_end(workdir, *_ending(error))
                then()

    try:
        yield record
    except (Exception, KeyboardInterrupt) as error:
        record(error)
        raise


def _ending(error: BaseException) -> tuple[str, str]:
    """Returns the outcome and the message of an entry that ended by `error`."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped", "interrupted before it could be saved"
    text = " ".join(str(error).split())[:600]
    return "failed", text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"
