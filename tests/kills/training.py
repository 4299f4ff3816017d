"""The four papers' training as something to kill."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Callable, Mapping

import numpy as np

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.writers import read_json_lines
from tests import runs
from tests.kills.events import read_scalars

STARTING, TRAINING, SAVING = "starting", "training", "saving"
EVALUATING, FINISHING = "evaluating", "finishing"
# What differs between two runs of one command: run.json tells of every start, the page shows when.
_OF_ITS_OWN = {"run.json", "page.html"}
# The lock stays, empty: whoever removed it would open the folder to two runs.
_LOCK = ".lock"
_OF_ORBAX = re.compile(r"(^|/)(d|ocdbt\.process_\d+/d)/[0-9a-f]{32}$")


@dataclasses.dataclass(frozen=True)
class Training:
    """A config with enough updates that there is something to kill."""

    name: str
    config: str
    total_steps: int = 48
    checkpoint_every: int = 4
    eval_every: int = 12
    more: tuple[str, ...] = ()

    @property
    def phases(self) -> dict[str, float]:
        """Seconds after the first sign of each phase within which the kill comes."""
        return {STARTING: 6.0, TRAINING: 0.4, SAVING: 0.1, EVALUATING: 0.4, FINISHING: 1.0}

    def command(self, workdir: pathlib.Path) -> tuple[str, ...]:
        """Returns what follows `python -m`."""
        return (
            *("jaxrepro.train", f"--config={self.config}", f"--workdir={workdir}"),
            f"--config.train.total_steps={self.total_steps}",
            f"--config.checkpoint.every={self.checkpoint_every}",
            f"--config.eval.every={self.eval_every}",
            *("--config.log.every=1", *self.more),
        )

    def sign(self, phase: str, workdir: pathlib.Path, log: pathlib.Path) -> Callable[[], bool]:
        """Returns what tells whether the command, started after this call, is in `phase`."""
        metrics = workdir / "metrics.jsonl"
        before = _inode(metrics)

        def fresh() -> bool:
            # A start writes the file anew before its first update.
            return _inode(metrics) not in (0, before)

        def training() -> bool:
            return fresh() and log.stat().st_size > 0 and _last_step(metrics) > first[0]

        def saving() -> bool:
            return fresh() and bool(list((workdir / "checkpoints").glob("*checkpoint-tmp*")))

        def evaluating() -> bool:
            text = log.read_text()
            step = _last_step(metrics)
            due = step > first[0] and step % self.eval_every == 0
            return "completing the evaluation" in text or (fresh() and due)

        first = [max(_saved(workdir), default=0)]
        return {
            STARTING: lambda: True,
            TRAINING: training,
            SAVING: saving,
            EVALUATING: evaluating,
            FINISHING: (workdir / "results.json").exists,
        }[phase]

    def hit(self, workdir: pathlib.Path, log: pathlib.Path) -> tuple[str, int]:
        """Returns the phase in which a killed command was, and how many updates it had logged."""
        records = read_json_lines(workdir / "metrics.jsonl")
        step = records[-1]["step"] if records else 0
        text = log.read_text()
        began = "continuing from" in text or "compil" in text
        folders = [path.name for path in (workdir / "checkpoints").glob("*")]
        if (workdir / "results.json").exists():
            return FINISHING, step
        if not began:
            return STARTING, step
        if any("checkpoint-tmp" in name or name == "discarded" for name in folders):
            return SAVING, step
        if step and step % self.eval_every == 0 and not self._evaluated(records, step):
            return EVALUATING, step
        return TRAINING, step

    def _evaluated(self, records: list[dict], step: int) -> bool:
        # A line of an evaluation has none of the speed that each line of training has.
        return any(r["step"] == step and "speed/examples_per_second" not in r for r in records)

    def compare(self, workdir: pathlib.Path, reference: pathlib.Path) -> tuple[list[str], int]:
        """Returns what differs from the uninterrupted run, and how many leaves were compared."""
        found = [f"left over: {name}" for name in _left_over(workdir)]
        names = [_names(folder) for folder in (workdir, reference)]
        found += [f"a file of one run only: {name}" for name in sorted(names[0] ^ names[1])]
        found += [
            f"{name} differs"
            for name in sorted(names[0] & names[1])
            if name.endswith((".json", ".png"))
            and name not in _OF_ITS_OWN
            and not name.startswith("checkpoints/")
            and (workdir / name).read_bytes() != (reference / name).read_bytes()
        ]
        lines = [_timeless(folder) for folder in (workdir, reference)]
        if lines[0] != lines[1]:
            differing = [i for i, (a, b) in enumerate(zip(*lines)) if a != b]
            found.append(f"metrics.jsonl: {len(lines[0])} lines, {len(lines[1])}; {differing=}")
        found += _compare_events(workdir)
        starts = json.loads((workdir / "run.json").read_text())["starts"]
        if starts[-1].get("outcome") != "finished":
            found.append(f"run.json ends in {starts[-1]}")
        num_leaves = 0
        # Folders of one run only are named above.
        for step in sorted({*_saved(workdir)} & {*_saved(reference)}):
            ours, theirs = runs.leaves(workdir, step), runs.leaves(reference, step)
            if ours.keys() != theirs.keys():
                found.append(f"step {step}: other leaves")
                continue
            num_leaves += len(ours)
            found += [
                f"step {step}: {name} differs"
                for name, leaf in ours.items()
                if leaf.dtype != theirs[name].dtype or leaf.tobytes() != theirs[name].tobytes()
            ]
        return found, num_leaves


def _inode(path: pathlib.Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _last_step(metrics: pathlib.Path) -> int:
    try:
        records = read_json_lines(metrics)
    except InputError:  # A line that is being written.
        return 0
    return records[-1]["step"] if records else 0


def _saved(workdir: pathlib.Path) -> list[int]:
    if not (workdir / "checkpoints").is_dir():
        return []
    with Checkpoints(workdir, read_only=True) as checkpoints:
        return checkpoints.steps


def _left_over(workdir: pathlib.Path) -> list[str]:
    """Returns the names of temporary files and folders."""
    names = [path.relative_to(workdir).as_posix() for path in workdir.rglob("*")]
    return [
        name
        for name in names
        if name != _LOCK
        and (
            name.rpartition("/")[2].startswith(".")
            or "tmp" in name.rpartition("/")[2]
            or "discarded" in name
        )
    ]


def _names(workdir: pathlib.Path) -> set[str]:
    """Returns the paths of all files; those that Orbax names at random are left aside."""
    names = {path.relative_to(workdir).as_posix() for path in workdir.rglob("*") if path.is_file()}
    return {n for n in names if not n.startswith("tb/") and not _OF_ORBAX.search(n)}


def _timeless(workdir: pathlib.Path) -> list[Mapping[str, float]]:
    """Returns the lines of metrics.jsonl without speeds; ValueError for half a line."""
    text = (workdir / "metrics.jsonl").read_text()
    if not text.endswith("\n"):
        raise ValueError(f"the last line of {workdir / 'metrics.jsonl'} is cut off")
    records = map(json.loads, text.splitlines())
    return [{k: v for k, v in r.items() if not k.startswith("speed/")} for r in records]


def _compare_events(workdir: pathlib.Path) -> list[str]:
    """Returns how TensorBoard's numbers differ from those in metrics.jsonl."""
    from tensorboardX import summary

    shown = read_scalars(workdir / "tb")
    expected = {
        # Of the characters in a name TensorBoard takes some only.
        (record["step"], summary.scalar(name, 0).value[0].tag): np.float32(value)
        for record in map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
        for name, value in record.items()
        if name != "step"
    }
    differing = [k for k in expected.keys() & shown.keys() if expected[k] != shown[k]]
    absent = expected.keys() - shown.keys()
    more = shown.keys() - expected.keys()
    if differing or absent or more:
        return [f"tb/: {len(differing)} numbers differ, {len(absent)} absent, {len(more)} more"]
    return []
