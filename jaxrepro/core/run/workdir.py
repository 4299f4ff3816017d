"""The folder of one run."""

import contextlib
import fcntl
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

from jaxrepro.core.config import config_digest, differing_keys, to_json
from jaxrepro.core.data_identity import (
    DATA_KEYS,
    DataIdentity,
    all_notes,
    known_data,
    other_content,
    same_places,
)
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import (
    Place,
    check_is_text,
    exists,
    is_remote,
    make_folder,
    read_text,
    reason,
    reported,
)
from jaxrepro.core.files.strict_json import json_text, parse_json, write_strict_json
from jaxrepro.core.files.whole_files import remove_abandoned, write_atomically
from jaxrepro.core.run import store_lock

CONFIG = "config.json"
MODEL_CARD = "model.json"
RESULTS = "results.json"
METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"
RUN = "run.json"
GUARD = "guard.json"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
PAGE = "page.html"
# In the model card of a run that trained several seeds: which.
CARD_SEEDS = "seeds"
# In an entry of RUN.
CONFIG_DIGEST = "fixed_keys_sha256"
_LOCK = ".lock"


class InUseError(InputError):
    """Another process has claimed the workdir."""


@contextlib.contextmanager
def claimed(
    workdir: Place,
    config: Mapping[str, Any],
    mark: str = "",
    patience: float = 0.0,
    defaults: Mapping[str, Any] | None = None,
    data: Mapping[str, DataIdentity] | None = None,
    chosen_by: str = "--workdir",
) -> Iterator[None]:
    """A context in which `workdir` is the folder of a run of `config`, and of no other process.

    mark: what `wait_for_mark` looks for in the other processes of this one's job. patience: seconds
    to wait for another run that uses the folder to end; a line is printed. defaults: what it means
    that an older run's config leaves a key out, `Settings.defaults`. data: what the run reads, see
    `task.IdentifiesData`. chosen_by: what a user sets to take another folder.

    A new folder gets the config. One of an earlier start must hold the same config, but for the
    keys in `jaxrepro.core.config.RESUMABLE`, which take the new values, and for keys that name
    another place of the same data. A line is printed where a place holds other data than before.

    Raises InputError if it holds another config or something else, or its data had other classes,
    InUseError if it is in use.
    """
    check_is_text(workdir)
    with contextlib.ExitStack() as stack:
        try:
            make_folder(workdir)
            stack.enter_context(_locked(workdir / _LOCK, mark, patience))
        except store_lock.HeldError as error:
            raise InUseError(
                f"workdir {workdir} is in use by another run ({error}); wait for it to end"
            ) from error
        except OSError as error:
            advice = "look at the bucket and your credentials, or " if is_remote(workdir) else ""
            raise InputError(
                f"cannot use workdir {workdir}: {reason(error)}; {advice}choose another with "
                f"{chosen_by}"
            ) from error
        _check_same_run(workdir, config, defaults, data or {})
        write_atomically(workdir / CONFIG, to_json(config).encode())
        yield


@contextlib.contextmanager
def _locked(path: Place, mark: str, patience: float) -> Iterator[None]:
    """A context in which no other process holds the lock `path`, and `read_mark` gives `mark`.

    Raises HeldError if one does after `patience` seconds, OSError if the folder cannot be used.
    """
    if not isinstance(path, pathlib.Path):
        with store_lock.held(path, mark, patience=patience):
            yield
        return
    # Not "w", which would empty the file of the process that holds it.
    with path.open("a") as lock:
        _wait_for_flock(lock, path, patience)
        remove_abandoned(path.parent)
        remove_abandoned(path.parent / SAMPLES)
        lock.truncate(0)
        lock.write(json_text({"owner": store_lock.this_process(), "mark": mark}))
        lock.flush()
        yield


def _wait_for_flock(lock: IO[str], path: pathlib.Path, patience: float) -> None:
    """Returns once this process holds the lock, a file at `path`; HeldError after `patience`."""
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            owner = store_lock.read_owner(path)
            if (left := deadline - time.monotonic()) <= 0:
                raise store_lock.HeldError(owner) from error
        if not told:
            print(
                f"{path.parent} is in use by {owner}: waiting up to {patience:g} s for its end",
                flush=True,
            )
            told = True
        time.sleep(min(0.5, left))


def wait_for_mark(workdir: Place, mark: str, patience: float = 15.0) -> None:
    """Returns once process 0 of the job is seen to have claimed this `workdir` with `mark`.

    Raises InputError if it is not after `patience` seconds: what one machine writes may take a
    while to be seen on others.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError):
            if store_lock.read_mark(workdir / _LOCK) == mark:
                return
        if time.monotonic() > deadline:
            raise InputError(
                f"workdir {workdir} is not the folder that process 0 writes to; give --workdir a "
                "folder on a disk that all machines of the job share, or in a store (gs://)"
            )
        time.sleep(0.1)


def _check_same_run(
    workdir: Place,
    config: Mapping[str, Any],
    defaults: Mapping[str, Any] | None,
    data: Mapping[str, DataIdentity],
) -> None:
    if exists(workdir / CONFIG):
        known = data_of_run(workdir)
        others = other_content(known, data, f"the run in {workdir}")
        places = same_places(known, data)
        digest, free = _recorded_digest(workdir)
        # The run's own config: a damaged file is about to be written anew.
        own = digest == config_digest(config, free) and places.issuperset(free)
        if not own and (
            differing := differing_keys(read_config(workdir), config, defaults, places=places)
        ):
            moved = [
                key
                for key in data
                if key in known
                and known[key].fingerprint
                and any(line.startswith(f"{key}:") for line in differing)
            ]
            content = f", and {', '.join(moved)} holds other data" if moved else ""
            raise InputError(
                f"workdir {workdir} holds a run of another config ({'; '.join(differing)}{content})"
                "; give the same config to continue it, or another --workdir"
            )
        for line in others:
            print(line, flush=True)
        return
    with reported(f"cannot look into workdir {workdir}"):
        strange = sorted(p.name for p in workdir.iterdir() if p.name != _LOCK)
    if strange:
        raise InputError(
            f"workdir {workdir} is not of a run: it holds {', '.join(strange[:5])} but no "
            f"{CONFIG}; choose another --workdir"
        )


def read_json(path: Place) -> dict[str, Any]:
    """Returns the object in `path`; raises InputError if it is absent or damaged."""
    try:
        value = parse_json(read_text(path))
    except FileNotFoundError as error:
        raise InputError(f"{path.parent} is not the workdir of a run: no {path.name}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is not a JSON object")
    return value


def read_config(workdir: Place) -> dict[str, Any]:
    """Returns the config of a run.

    Raises InputError if it is absent, damaged, or another than the run was last started with, in
    keys that a continuation must not change.
    """
    check_is_text(workdir)
    config = read_json(workdir / CONFIG)
    digest, free = _recorded_digest(workdir)
    if digest not in (None, config_digest(config, free)):
        raise InputError(
            f"{workdir / CONFIG} was altered after the run was started: its digest is not that in "
            f"{RUN}; the run's own train command, which stands there, writes it anew"
        )
    return config


def _recorded_digest(workdir: Place) -> tuple[str | None, list[str]]:
    """Returns (`config_digest` of the last start, the keys of places that it leaves out).

    (None, []) where no start has recorded them.
    """
    last = [{}, *_starts(workdir)][-1]
    places = last.get(DATA_KEYS, [])
    return last.get(CONFIG_DIGEST), places if isinstance(places, list) else []


def _starts(workdir: Place) -> list[dict[str, Any]]:
    starts = read_json(workdir / RUN).get("starts") if exists(workdir / RUN) else None
    return (
        [start for start in starts if isinstance(start, dict)] if isinstance(starts, list) else []
    )


def data_of_run(workdir: Place) -> dict[str, DataIdentity]:
    """Returns what the run in `workdir` read when it was last started, see `known_data`."""
    card = read_json(workdir / MODEL_CARD) if exists(workdir / MODEL_CARD) else {}
    return known_data(_starts(workdir), card)


def check_data(workdir: Place, data: Mapping[str, DataIdentity], *, say: bool = True) -> list[str]:
    """Returns in what `data` differs from what the run in `workdir` read, and prints it.

    say: also what is to be noted of the data; else nothing is printed. Raises InputError for other
    classes, see `data_identity.other_content`.
    """
    others = other_content(data_of_run(workdir), data, f"the run in {workdir}")
    for line in (*others, *all_notes(data)) if say else ():
        print(line, flush=True)
    return others


def read_model_card(workdir: Place) -> dict[str, Any]:
    """Returns the model card of a run, for using its networks.

    Raises InputError if there is none, or the run trained several seeds, whose networks lie
    stacked in one state.
    """
    check_is_text(workdir)
    card = read_json(workdir / MODEL_CARD)
    if seeds := card.get(CARD_SEEDS):
        raise InputError(
            f"{workdir} trained the seeds {', '.join(map(str, seeds))} at once; write the networks "
            f"of one with python -m jaxrepro.export --workdir={workdir} --seed={seeds[0]} "
            "--output=DIR, and use that export"
        )
    return card


def write_json(path: Place, value: Mapping[str, Any]) -> None:
    """Writes `value` to `path`, see `write_strict_json`."""
    write_strict_json(path, value)
