"""Runs the arms of claims that have no record yet: ordinary commands, the cheapest first."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.evidence.claim import Arm, Claim
from jaxrepro.evidence.records import (
    RUN_RESULTS,
    ArmRecord,
    Record,
    of_runs,
    of_verb,
    read_record,
    write_record,
)

# How long a training command has to save after SIGTERM before it is killed.
_PATIENCE = 120
# Runs a module as `python -m` does. Where this process is killed and can end nothing any more, the
# command ends too (PR_SET_PDEATHSIG of prctl(2), on Linux): it would go on beside its continuation.
_WITH_PARENT = """
import ctypes, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
_PLACE = re.compile(r"[^\w.-]+")


@dataclasses.dataclass(frozen=True)
class Job:
    """One arm to be measured, where its files are, and where the data are that it needs."""

    claim: Claim
    arm: Arm
    folder: pathlib.Path
    data: str

    @property
    def output(self) -> pathlib.Path:
        """The run's folder, or what a verb writes.

        Of a claim in which a command reads a run, its name is the arm's label; else all arms of a
        paper that have one command have one output.
        """
        ending = "" if self.arm.run or self.arm.file else ".json"
        if any("{runs}" in flag for arm in self.claim.arms for flag in arm.flags):
            return self.folder / f"{_PLACE.sub('_', self.arm.label)}{ending}"
        command = (self.arm.run, self.arm.verb, self.arm.flags)
        digest = hashlib.sha256(repr(command).encode()).hexdigest()
        name = pathlib.PurePath(self.arm.run.partition(":")[0]).stem or self.arm.verb
        return self.folder.parent / f"{name.rpartition('.')[2]}-{digest[:8]}{ending}"

    @property
    def uses_runs(self) -> bool:
        """Whether the command reads what another arm of the claim trained."""
        return any("{runs}" in flag for flag in self.arm.flags)

    @property
    def log(self) -> pathlib.Path:
        """What the command printed, over all its starts."""
        return self.output.with_name(self.output.name + ".log")

    @property
    def command(self) -> list[str]:
        """The ordinary command; given again, it continues."""
        flags = [
            flag.replace("{runs}", str(self.folder)).replace("{data}", self.data)
            for flag in self.arm.flags
        ]
        if self.arm.run:
            given = [f"--config={self.arm.run}", *flags, f"--workdir={self.output}"]
            return ["-m", "jaxrepro.train", *given]
        return ["-m", self.arm.verb, *flags, f"--output={self.output}"]

    @property
    def shown(self) -> str:
        """The command as one would type it: DATA is the folder of the data, runs that of runs."""
        folder = pathlib.Path("runs", "claims", self.claim.name)
        job = dataclasses.replace(self, data="DATA", folder=folder)
        return shlex.join(["python", *job.command])


def jobs_of(
    claims: Sequence[Claim],
    results: pathlib.Path,
    runs: pathlib.Path,
    *,
    data: str | None = None,
    again: bool = False,
) -> list[Job]:
    """Returns the arms without a record, by cost; an arm that uses another's run comes behind it.

    runs: the folder of all runs; each claim has a folder in it. data: that of the data which claims
    name; without it arms that need data are left out. again: arms with a record too.
    """
    jobs = [
        Job(claim, arm, runs / claim.name, data or "")
        for claim in claims
        for arm in (claim.arms if again else read_record(claim, results).missing)
        if (arm.run or arm.verb) and (data or not arm.needs_data)
    ]
    # Runs, then runs that begin with another, then what measures them.
    last = lambda job: job.uses_runs and not job.arm.run  # noqa: E731
    return sorted(jobs, key=lambda job: (job.uses_runs, last(job), job.arm.minutes))


def run_jobs(
    jobs: Sequence[Job],
    results: pathlib.Path,
    *,
    minutes: float | None,
    say: Callable[[str], None] = print,
) -> list[Job]:
    """Runs the jobs one after the other; every arm is in its claim's record as soon as it is done.

    minutes: after which the command under way is told to save and end, and no other begins; the
    same call later continues. Returns the jobs that failed; their logs say why.

    Raises InputError if a record cannot be read or written.
    """
    began = time.monotonic()
    failed = []
    ran: dict[pathlib.Path, _Outcome] = {}
    for number, job in enumerate(jobs):
        spent = (time.monotonic() - began) / 60
        if minutes is not None and spent >= minutes:
            say(f"{minutes:g} minutes are over: {len(jobs) - number} arms left; run it again")
            break
        left = sum(
            {job.output: job.arm.minutes for job in jobs[number:] if job.output not in ran}.values()
        )
        about = f"about {job.arm.minutes:g} minutes, all that is left {left:g}"
        say(f"[{number + 1}/{len(jobs)}] {job.claim.name}, {job.arm.label}: {about}")
        say(f"  {job.shown}\n  log {job.log}")
        limit = None if minutes is None else (minutes - spent) * 60
        outcome = ran.get(job.output) or _run(job, limit)
        if outcome.stopped:
            say(f"{minutes:g} minutes are over: {job.arm.label} saved what it has; run it again")
            break
        ran[job.output] = outcome
        if outcome.status:
            say(f"  failed with status {outcome.status}: {_last_line(job.log)}")
            failed.append(job)
            continue
        record = read_record(job.claim, results)
        arm = dataclasses.replace(
            _measured(job),
            command=job.shown,
            seconds=round(outcome.seconds, 1),
            cpu_seconds=round(outcome.cpu_seconds, 1),
        )
        path = write_record(Record(job.claim, {**record.arms, job.arm.label: arm}), results)
        say(f"  done in {outcome.seconds:.0f} s: {path}")
    return failed


@dataclasses.dataclass(frozen=True)
class _Outcome:
    status: int
    stopped: bool
    seconds: float
    cpu_seconds: float


def _run(job: Job, limit: float | None) -> _Outcome:
    """Runs one command to its end, or for `limit` seconds; a finished run is only looked at."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    before, began = os.times(), time.monotonic()
    stopped = False
    with job.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _WITH_PARENT, *job.command[1:]],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        with _ended_with_us(process):
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                stopped = True
                _end(process)
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return _Outcome(process.returncode, stopped, time.monotonic() - began, cpu)


@contextlib.contextmanager
def _ended_with_us(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Tells the command to save and end where this process is interrupted or fails."""
    try:
        yield
    except BaseException:
        _end(process)
        raise


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Tells a command to save and end; kills it where it takes too long, as while it compiles."""
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _measured(job: Job) -> ArmRecord:
    if job.arm.run:
        if not (job.output / RUN_RESULTS).exists():
            raise InputError(f"{job.shown} left no {RUN_RESULTS}; see {job.log}")
        return of_runs(job.arm, [job.output])
    return of_verb(job.arm, job.output / job.arm.file if job.arm.file else job.output)


def _last_line(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'no output'} (see {log})"
