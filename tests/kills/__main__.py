"""Kills every command that writes at random moments, and compares the ends.

    python -m tests.kills --kills=200 --seed=0 --output=kills.json

Training and data preparation are stopped by SIGKILL, SIGTERM or Ctrl-C while they start, train,
save, evaluate, finish or write shards, and given again, until they come to their end. Then all
files must be those of a run that
nobody disturbed: every leaf of every kept checkpoint bit for bit, metrics.jsonl but for the
speeds, TensorBoard's numbers, results and pictures, and every byte of a prepared set. No process
may outlive the killed one, and nothing temporary may be left; `.lock`, the starts in
run.json and one event file a start are all that tells of the kills.

Commands that write and are done are stopped at moments of their time, with no output there yet or
over a complete one. What is left must be whole, and the same command again must make the same.

Takes about 10 s a kill on two CPU cores. The runs are kept where something differs.
"""

import json
import os
import pathlib
import shutil
import tempfile

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_integer("kills", 50, "Kills in all.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Of the moments.")
    flags.DEFINE_list("commands", None, "Which commands are killed; all by default.")
    flags.DEFINE_string("output", None, "JSON file with the table of what was killed when.")


def main(args: flags.FlagValues) -> None:
    """Runs the command; exits with status 1 where something differed."""
    if args.output is None:
        raise InputError("--output is missing; see --help")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kills-"))
    # Killed while they compile as well: the cache is theirs alone, and the commands' own default
    # for what it keeps.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "xla")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "1.0"

    import numpy as np

    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.run.run_record import command, devices, now, versions
    from tests.kills.cases import commands
    from tests.kills.victim import Record, torment
    from tests.kills.writing import Writing, torment_writing

    chosen = commands(folder)
    names = args.commands or list(chosen)
    if unknown := set(names) - set(chosen):
        raise InputError(f"--commands={','.join(unknown)} given; allowed are {', '.join(chosen)}")
    # What goes on for long has more moments: three kills for each one of the others.
    shares = [name for name in names for _ in range(1 if isinstance(chosen[name], Writing) else 3)]
    numbers = {
        name: sum(shares[i % len(shares)] == name for i in range(args.kills)) for name in names
    }
    records: dict[str, Record] = {}

    def write(name: str, record: Record) -> None:
        records[name] = record
        kills = [kill for each in records.values() for kill in each.kills]
        hits = {(kill["command"], kill["phase"]): 0 for kill in kills}
        for kill in kills:
            hits[kill["command"], kill["phase"]] += 1
        content = {
            "command": command(),
            "time": now(),
            "seed": args.seed,
            "versions": versions(),
            "devices": devices(),
            "num_kills": len(kills),
            "hits": [{"command": c, "phase": p, "kills": n} for (c, p), n in sorted(hits.items())],
            "differences": [text for each in records.values() for text in each.differences],
            "rounds": [entry for each in records.values() for entry in each.rounds],
            "kills": kills,
        }
        write_atomically(pathlib.Path(args.output), json.dumps(content, indent=1).encode() + b"\n")

    for place, name in enumerate(names):
        number = numbers[name]
        random = np.random.default_rng((args.seed, place))
        killed = chosen[name]
        stop = torment_writing if isinstance(killed, Writing) else torment
        stop(
            killed,  # pyright: ignore[reportArgumentType]
            folder,
            number,
            random,
            on_kill=lambda record, name=name: write(name, record),
        )
    differences = [text for record in records.values() for text in record.differences]
    print(f"{sum(len(r.kills) for r in records.values())} kills, {len(differences)} differences")
    for text in differences:
        print(f"  {text}")
    if differences:
        raise InputError(f"the ends differ; what the runs left is in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    cli.run(define_flags, main)
