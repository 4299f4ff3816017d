r"""Trains every paper on several layouts of devices and processes, and compares what comes out.

    python -m tests.elastic --output=elastic.json

For each paper's `test` config, with a rule that is gradient descent: four updates on 2 processes x
4 devices with the state split over 4, on 1 process x 8 devices, and on 1 device. Then each one's
checkpoint of update 2 is continued on another layout, and one on its own, which must be equal bit
for bit. With --eight_parts instead: on 1 process x 8 devices with the state split over all 8,
against 1 device, and nothing is continued. Runs are started by launch/local_multiprocess.py, as a
user would start them.

Prints a table of the largest relative differences of losses and leaves (see
`tests.differences.largest_difference`) and writes it as JSON. Exits with 1 if one is too large. It
takes a quarter of an hour or more on 2 CPU cores.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from tests.contracts import told

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS, MIDDLE = 4, 2
# What is allowed between layouts; on the same one nothing is.
LOSSES, LEAVES = 1e-4, 1e-3
LIMIT_SECONDS = 900
# Arguments by the name of a config.
CONFIGS = {name: words for each in told("ELASTIC").values() for name, words in each.items()}


@dataclasses.dataclass(frozen=True)
class Layout:
    """Processes, the devices of each, and over how many of all the state is split."""

    processes: int
    devices: int
    fsdp: int

    @property
    def name(self) -> str:
        """As in the table."""
        split = f", state split over {self.fsdp}" if self.fsdp > 1 else ""
        return f"{self.processes} x {self.devices}{split}"


TWO, EIGHT, ONE = Layout(2, 4, 4), Layout(1, 8, 1), Layout(1, 1, 1)
EIGHT_PARTS = Layout(1, 8, 8)
CONTINUED = ((TWO, EIGHT), (EIGHT, ONE), (ONE, TWO), (TWO, TWO))


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_list("configs", list(CONFIGS), "Configs to train.")
    flags.DEFINE_bool("eight_parts", False, "Compare the state split over 8 devices with 1 device.")
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if unknown := set(args.configs) - set(CONFIGS):
        raise InputError(f"--configs={','.join(sorted(unknown))} given; choose of {tuple(CONFIGS)}")
    os.environ["JAX_PLATFORMS"] = "cpu"

    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for config in args.configs:
            if args.eight_parts:
                rows += compare_layouts(config, pathlib.Path(folder), (EIGHT_PARTS,), ())
            else:
                rows += compare_layouts(config, pathlib.Path(folder), (TWO, EIGHT), CONTINUED)
            if args.output:
                write(pathlib.Path(args.output), rows)
    if failed := [row for row in rows if not row["ok"]]:
        raise InputError(f"{len(failed)} of {len(rows)} comparisons are over the tolerance")


def write(path: pathlib.Path, rows: list[dict]) -> None:
    """Writes the table so far as JSON."""
    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.run.run_record import command, versions

    result = {
        "command": " ".join(command()),
        "versions": versions(),
        "seed": 0,
        "updates": STEPS,
        "tolerance": {"losses": LOSSES, "leaves": LEAVES, "same layout": 0.0},
        "rows": rows,
    }
    write_atomically(path, (json.dumps(result, indent=2) + "\n").encode())


def compare_layouts(
    config: str,
    folder: pathlib.Path,
    layouts: Sequence[Layout],
    continued: Sequence[tuple[Layout, Layout]],
) -> list[dict]:
    """Returns the rows of one config's table; prints them as they come.

    layouts: each is compared with one device. continued: (on which a run begins, goes on).
    """
    workdirs = {
        layout: folder / config / layout.name.replace(" ", "_") for layout in (*layouts, ONE)
    }
    for layout, workdir in workdirs.items():
        train(config, layout, workdir)
    found = [
        compared(config, f"{layout.name} against {ONE.name}", workdirs[layout], workdirs[ONE])
        for layout in layouts
    ]
    for begun, layout in continued:
        workdir = folder / config / "continued" / f"{len(found)}"
        shutil.copytree(workdirs[begun], workdir)
        train(config, layout, workdir, f"--resume={MIDDLE}")
        what = f"{begun.name} continued on {layout.name}"
        same = begun == layout
        reference = workdirs[begun if same else ONE]
        found.append(compared(config, what, workdir, reference, exact=same))
    return found


def train(config: str, layout: Layout, workdir: pathlib.Path, *arguments: str) -> None:
    """Runs the train command on a layout; raises InputError if it fails."""
    words = [
        *(sys.executable, "launch/local_multiprocess.py"),
        *(f"--num_processes={layout.processes}", f"--devices_per_process={layout.devices}", "--"),
        *(f"--config=configs/{config}.py:test", f"--workdir={workdir}", *arguments),
        *(f"--config.train.total_steps={STEPS}", f"--config.checkpoint.every={MIDDLE}"),
        *("--config.checkpoint.keep=3", "--config.eval.every=0", "--config.log.every=1"),
        *(f"--config.mesh.fsdp={layout.fsdp}", "--config.mesh.fsdp_min_mb=0.0"),
        *CONFIGS[config],
    ]
    ended = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if ended.returncode:
        last = "\n".join((ended.stdout + ended.stderr).splitlines()[-20:])
        raise InputError(f"{config} on {layout.name} ended with {ended.returncode}: {last}")


def compared(
    config: str,
    what: str,
    ours: pathlib.Path,
    theirs: pathlib.Path,
    *,
    exact: bool = False,
) -> dict:
    """Returns how far the last checkpoints and the losses of two workdirs are apart."""
    from jaxrepro.core.reports.writers import read_json_lines
    from tests.differences import largest_difference, relative_difference
    from tests.runs import leaves

    def losses(workdir: pathlib.Path) -> dict[tuple[int, str], float]:
        return {
            (record["step"], name): value
            for record in read_json_lines(workdir / "metrics.jsonl")
            for name, value in record.items()
            if name.startswith("loss/")
        }

    mine, reference = losses(ours), losses(theirs)
    if mine.keys() != reference.keys() or {step for step, _ in mine} != set(range(1, STEPS + 1)):
        raise InputError(f"{config}, {what}: the losses of {ours} and {theirs} are not the same")
    loss = max(relative_difference(mine[key], reference[key]) for key in mine)
    leaf, path = largest_difference(leaves(ours, STEPS), leaves(theirs, STEPS))
    ok = (loss, leaf) == (0.0, 0.0) if exact else loss <= LOSSES and leaf <= LEAVES
    print(
        f"{config:14} {what:55} losses {loss:8.1e}  leaves {leaf:8.1e}  "
        f"{'ok' if ok else 'FAILED'} {path}",
        flush=True,
    )
    return {
        "config": config,
        "what": what,
        "losses": loss,
        "leaves": leaf,
        "leaf": path,
        "ok": ok,
    }


if __name__ == "__main__":
    cli.run(define_flags, main)
