"""Runs cases in a worker process, and another one where that dies or hangs."""

import json
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Sequence

from tests.bad_inputs.case import Case
from tests.bad_inputs.outcome import FAILED, Outcome
from tests.bad_inputs.worker import TIME_LIMIT

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def run_cases(
    cases: Sequence[Case], numbers: Sequence[int], seed: int, folder: pathlib.Path
) -> list[Outcome]:
    """Returns the outcomes of the cases of these numbers, in their order.

    folder: for files, all of which are removed but what the cases share.
    """
    outcomes: list[Outcome] = []
    left = list(numbers)
    while left:
        done, ending = _run_some(left, seed, folder)
        outcomes += done
        left = left[len(done) :]
        if left:
            case = cases[left.pop(0)]
            outcomes.append(Outcome(case.kind, case.name, FAILED, None, "", ending, 0.0))
    return outcomes


def _run_some(numbers: Sequence[int], seed: int, folder: pathlib.Path) -> tuple[list[Outcome], str]:
    """Returns (outcomes of the first of these cases, how the process ended in the next one)."""
    command = [sys.executable, "-m", "tests.bad_inputs.worker", str(seed), str(folder)]
    log = folder / "worker.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, ",".join(map(str, numbers))],
            cwd=_ROOT,
            env=os.environ | {"JAX_PLATFORMS": "cpu", "JAXREPRO_CACHE": str(folder / "cache")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    outcomes: list[Outcome] = []
    watch = _watch(process)
    for line in process.stdout:
        watch.cancel()
        content = json.loads(line)
        if "begins" not in content:
            outcomes.append(Outcome(**content))
        watch = _watch(process)
    watch.cancel()
    status = process.wait()
    process.stdout.close()
    if len(outcomes) < len(numbers) and status > 0:
        raise AssertionError(f"the worker failed: {log.read_text('utf-8', 'replace')[-3000:]}")
    return outcomes, f"the process died or hung: status {status}"


def _watch(process: subprocess.Popen) -> threading.Timer:
    """Ends a process that says nothing for so long that it hears no alarm either."""
    timer = threading.Timer(3 * TIME_LIMIT, process.kill)
    timer.daemon = True
    timer.start()
    return timer
