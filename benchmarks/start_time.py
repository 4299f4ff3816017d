"""Time from the training command to its first finished update, as JSON.

python -m benchmarks.start_time --config=configs/biggan_digits.py:demo

The command is started in a process of its own with an empty workdir and killed after its first
update: once to fill an empty folder of compiled programs, then as often as asked for with it. Where
the time goes is what the run itself writes into run.json; see docs/benchmarks.md.
"""

import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks.environment import publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

_TRAIN = ("-m", "jaxrepro.train")
_POLL_SECONDS = 0.02
_IMPORT = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\w+)")


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("runs", 3, "Starts with compiled programs at hand.", lower_bound=1)
    flags.DEFINE_string(
        "programs", None, "Folder of compiled programs to use and keep; a new one by default."
    )
    flags.DEFINE_boolean("imports", True, "One more start that times every import.")
    flags.DEFINE_integer("timeout", 1800, "Seconds after which a start is given up.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan_digits.py:demo")
    with tempfile.TemporaryDirectory() as folder:
        programs = pathlib.Path(args.programs or pathlib.Path(folder) / "programs").expanduser()
        result = measure(
            cli.given_config(), programs, args.runs, timeout=args.timeout, imports=args.imports
        )
    from benchmarks.environment import environment

    publish({**environment(), **result}, "start_time", args.output)


def measure(
    config: Sequence[str], programs: pathlib.Path, num_runs: int, *, timeout: float, imports: bool
) -> dict[str, Any]:
    """Returns seconds and CPU seconds of the first start and of the median of the next ones.

    config: arguments that give it; programs: folder of compiled programs. "warm" is that of the
    starts whose wall time is the median, with its phases, in order. With `imports` the seconds
    that importing took are by top-level package.
    """
    programs.mkdir(parents=True, exist_ok=True)
    was_empty = not any(programs.iterdir())
    first = start(config, programs, timeout)
    warm = sorted(
        (start(config, programs, timeout) for _ in range(num_runs)),
        key=lambda one: one["seconds"],
    )
    result = {
        "config": " ".join(config),
        "programs_at_first": "none" if was_empty else "those of an earlier measurement",
        "first": first,
        "warm": warm[(num_runs - 1) // 2],
        "warm_seconds": [one["seconds"] for one in warm],
        "warm_cpu_seconds": [one["cpu_seconds"] for one in warm],
    }
    if imports:
        result["import_ms"] = start(config, programs, timeout, "-Ximporttime")["import_ms"]
    return result


def start(
    config: Sequence[str], programs: pathlib.Path, timeout: float, *options: str
) -> dict[str, Any]:
    """Returns the times of one start, which is killed after its first update.

    options: of Python. Raises InputError with the command's message if it ends before.
    """
    with tempfile.TemporaryDirectory() as folder:
        workdir, log = pathlib.Path(folder) / "run", pathlib.Path(folder) / "log"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with log.open("w") as stderr:
            began_clock, began = time.time(), time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *options, *_TRAIN, *config, f"--workdir={workdir}"],
                env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(programs)},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
            record = None
            while record is None and process.poll() is None:
                if time.perf_counter() - began > timeout:
                    break
                time.sleep(_POLL_SECONDS)
                record = _first_update(workdir)
            process.kill()
            process.wait()
        lines = log.read_text(errors="replace").splitlines()
    if record is None:
        said = [line for line in lines if not line.startswith("import time:")][-1:]
        raise InputError(f"no update within {timeout:.0f} s: {''.join(said) or 'no message'}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    phases = {"python, flags and config": record["created"] - began_clock, **record["seconds"]}
    cpu = {"python, flags and config": record["cpu_seconds_before"], **record["cpu_seconds"]}
    return {
        "seconds": round(sum(phases.values()), 3),
        "cpu_seconds": round(sum(cpu.values()), 3),
        # With what came after the update until the process was killed.
        "process_cpu_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3
        ),
        "phases": {
            name: {"seconds": round(seconds, 3), "cpu_seconds": cpu[name]}
            for name, seconds in phases.items()
        },
        "jax_seconds": record["jax"],
        "jax_programs": record["jax_programs"],
        **({"import_ms": import_milliseconds(lines)} if "-Ximporttime" in options else {}),
    }


def import_milliseconds(lines: Sequence[str], least: float = 20) -> dict[str, float]:
    """Returns the milliseconds by top-level package of what `python -X importtime` printed.

    The longest first; those below `least` are together under "others".
    """
    total: dict[str, float] = {}
    for line in lines:
        if match := _IMPORT.match(line):
            total[match[2]] = total.get(match[2], 0.0) + int(match[1]) / 1e3
    large = {k: v for k, v in total.items() if v >= least}
    ordered = sorted(large.items(), key=lambda item: -item[1])
    return {k: round(v, 1) for k, v in ordered} | {
        "others": round(sum(total.values()) - sum(large.values()), 1)
    }


def _first_update(workdir: pathlib.Path) -> Mapping[str, Any] | None:
    path = workdir / "run.json"
    if not path.exists():
        return None
    return json.loads(path.read_text())["starts"][-1].get("first_update")


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
