"""Runs a benchmark on every config, each in a process of its own, and keeps the results.

python -m benchmarks.all_configs --benchmark=step_time --output=results/

The `demo` variants, since published sizes are too large for a CPU; --variant=paper for the others.
What follows -- is given to the benchmark: -- --steps=10.
"""

import json
import pathlib
import subprocess
import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

_BENCHMARKS = ("step_time", "start_time")
# Beside the configs as they are: several seeds in one program. name: (config, overrides)
_MORE = {
    "srcnn_3_seeds": ("srcnn", ("--config.num_seeds=3",)),
    "biggan_digits_2_seeds": ("biggan_digits", ("--config.num_seeds=2",)),
}


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_enum("benchmark", "step_time", _BENCHMARKS, "What to run.")
    flags.DEFINE_string("configs", "configs", "Folder of the config files.")
    flags.DEFINE_string("variant", "demo", "Variant of each config, such as demo, paper or test.")
    flags.DEFINE_list("only", [], "Names of configs to run, such as srcnn,hourglass; all if empty.")
    flags.DEFINE_integer("timeout", 3600, "Seconds after which one is given up.", lower_bound=1)
    flags.DEFINE_string("output", None, "Folder for the results, one JSON file a config.")
    cli.define_arguments("options", "Options of the benchmark, after --.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.output is None:
        raise InputError("--output is missing: a folder for the results")
    own = ("--config=", "--config ", "--output=", "--output ")
    if taken := [one for one in args.options if f"{one} ".startswith(own)]:
        raise InputError(
            f"{taken[0]} given after --; every config gets a file of its own in the folder of the "
            "command's own --output, and --only and --variant choose configs; leave it out"
        )
    output = pathlib.Path(args.output).expanduser()
    if output.exists() and not output.is_dir():
        raise InputError(f"--output={output} is a file; give a folder")
    output.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, config in chosen(pathlib.Path(args.configs), args.variant, args.only).items():
        path = output / f"{name}_{args.variant}.json"
        command = ["-m", f"benchmarks.{args.benchmark}", *config, *args.options]
        print(f"{path.name}: python {' '.join(command)}", flush=True)
        if not run([sys.executable, *command, f"--output={path}"], args.timeout):
            failed.append(name)
            path.unlink(missing_ok=True)  # What an earlier call left is not of this one.
        else:
            print(f"    {summary(json.loads(path.read_text()))}", flush=True)
    if failed:
        raise InputError(f"{len(failed)} failed: {', '.join(failed)}; see their messages above")


def chosen(folder: pathlib.Path, variant: str, only: list[str]) -> dict[str, list[str]]:
    """Returns by name the arguments that give a config.

    Raises InputError if there is none in `folder`, or none of a name in `only`.
    """
    found = {path.stem: (path, ()) for path in sorted(folder.glob("*.py"))}
    if not found:
        raise InputError(f"no config in {folder}, seen from {pathlib.Path.cwd()}")
    found |= {
        name: (folder / f"{config}.py", overrides)
        for name, (config, overrides) in _MORE.items()
        if config in found
    }
    if unknown := sorted(set(only) - found.keys()):
        raise InputError(f"no config {', '.join(unknown)} in {folder}; it has {', '.join(found)}")
    return {
        name: [f"--config={path}:{variant}", *overrides]
        for name, (path, overrides) in found.items()
        if not only or name in only
    }


def run(command: list[str], timeout: float) -> bool:
    """Returns whether the command succeeded in time; prints the last lines of what it said."""
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"    no result within {timeout:.0f} s", file=sys.stderr)
        return False
    if ended.returncode:
        print("    " + "\n    ".join(ended.stderr.splitlines()[-3:]), file=sys.stderr)
    return ended.returncode == 0


def summary(result: dict) -> str:
    """Returns one line of a result."""
    if "warm" in result:
        warm = result["warm"]
        slowest = max(warm["phases"], key=lambda name: warm["phases"][name]["seconds"])
        return (
            f"{warm['seconds']:.1f} s to the first update ({result['first']['seconds']:.1f} s "
            f"without compiled programs), {warm['cpu_seconds']:.1f} CPU s; longest: {slowest}"
        )
    share = result["share_of_peak"] or {}
    shares = ", ".join(f"{100 * value:.1f}% of {name} peak" for name, value in share.items())
    return f"{result['step_ms']['median']} ms an update; {shares or 'peak unknown'}"


if __name__ == "__main__":
    cli.run(define_flags, main)
