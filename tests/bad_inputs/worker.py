"""Runs cases one after the other in this process, and says before each which one it is.

A process of its own: what a command does to it, a crash of a library among it, harms nobody else.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from absl import app, flags

from jaxrepro.core import cli
from jaxrepro.core.files import cache
from tests.bad_inputs.case import Case, Place, all_cases
from tests.bad_inputs.materials import Materials
from tests.bad_inputs.outcome import Outcome, differences, judge, listing

# Seconds; what is refused needs a few on a busy machine.
TIME_LIMIT = 60
_OF_JOBS = ("jaxrepro.train", "jaxrepro.evaluate")


class _TooSlow(BaseException):
    """The time of a case is over; no command catches it."""


def main(seed: int, folder: pathlib.Path, numbers: list[int]) -> None:
    """Runs the cases of these numbers and writes two lines of JSON for each to stdout."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What is printed while inputs are made is no line of the report.
    os.dup2(2, 1)
    cases = all_cases()
    materials = Materials(folder / "materials")
    app.define_help_flags()
    # Read as parsed by grain, from the first data set on.
    flags.FLAGS.mark_as_parsed()
    signal.signal(signal.SIGALRM, _stop)
    for number in numbers:
        print(json.dumps({"begins": number}), file=report, flush=True)
        outcome = run_case(cases[number], seed, materials, folder)
        print(json.dumps(dataclasses.asdict(outcome)), file=report, flush=True)


def run_case(case: Case, seed: int, materials: Materials, folder: pathlib.Path) -> Outcome:
    """Returns what became of a case; its files are removed."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    # Outside of what is compared.
    logs = pathlib.Path(tempfile.mkdtemp(dir=folder))
    module = importlib.import_module(case.command)
    home = pathlib.Path.cwd()
    os.chdir(place)
    try:
        arguments = case.make(Place(place, materials, case.rng(seed)))
        before = listing(place, case.may_write)
        start = time.perf_counter()
        with _captured(logs, case.encoding), _environment(case.environment):
            status, crash = _call(module, list(arguments))
        seconds = time.perf_counter() - start
        changed = differences(before, listing(place, case.may_write))
        errors, printed = ((logs / name).read_text("utf-8", "replace") for name in ("2", "1"))
        return judge(case, status, errors, crash, changed, seconds, printed)
    finally:
        os.chdir(home)
        for unreadable in place.rglob("*"):
            if not unreadable.is_symlink():
                unreadable.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(logs, ignore_errors=True)


def _call(module: Any, arguments: list[str]) -> tuple[int | None, str]:
    """Returns (exit status, what came out instead of an exit) of a command, run as by a user."""
    added: set[str] = set()

    def define_flags() -> None:
        # Not those that libraries define when they are imported, once.
        known = set(flags.FLAGS)
        module.define_flags()
        added.update(set(flags.FLAGS) - known)

    if module.__name__ in _OF_JOBS and not any("process" in word for word in arguments):
        # JAX runs here already, too late to look for other processes.
        arguments = [*arguments, "--num_processes=1"]
    argv, sys.argv = sys.argv, [module.__name__, *arguments]
    # Python would run a config file in the module of the one before, and find what that defined.
    sys.modules.pop("config_config", None)
    signal.alarm(TIME_LIMIT)
    try:
        cli.run(define_flags, module.main)
    except SystemExit as exit_:
        return (0 if exit_.code is None else exit_.code if isinstance(exit_.code, int) else 1), ""
    except _TooSlow:
        return None, f"more than {TIME_LIMIT} s"
    except BaseException as error:  # Whatever it is, the user would see a stack trace.
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = "" if where is None else f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}"
        line = " ".join(str(error).split())[:300]
        return None, f"stack trace: {type(error).__name__}: {line} ({place})"
    finally:
        signal.alarm(0)
        sys.argv = argv
        overrides = {name for name in flags.FLAGS if name.startswith("config.")}
        for name in added | overrides:
            delattr(flags.FLAGS, name)
        flags.FLAGS.set_gnu_getopt(False)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Within it, the process has these variables; its temporary cache is as in a new process."""
    before = dict(os.environ)
    cache._staging = None
    # What a process says once.
    if notices := sys.modules.get("jaxrepro.core.run.notices"):
        notices.forget()
    try:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if cache._staging is not None:
            cache._staging.close()


@contextlib.contextmanager
def _captured(folder: pathlib.Path, encoding: str) -> Iterator[None]:
    """Within it, all that this process and its libraries print goes to the files 1 and 2."""
    saved = {}
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        saved[number] = os.dup(number)
        with (folder / str(number)).open("wb") as file:
            os.dup2(file.fileno(), number)
        stream.reconfigure(encoding=encoding, errors="strict")
    try:
        yield
    finally:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            stream.flush()
            stream.reconfigure(encoding="utf-8")
            os.dup2(saved[number], number)
            os.close(saved[number])


def _stop(number: int, frame: Any) -> None:
    del number, frame
    raise _TooSlow


if __name__ == "__main__":
    main(int(sys.argv[1]), pathlib.Path(sys.argv[2]), [int(n) for n in sys.argv[3].split(",")])
