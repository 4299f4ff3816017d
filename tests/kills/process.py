"""One start of a command: watched, killed, and looked after."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tests import forks

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A start that takes longer hangs.
LIMIT_SECONDS = 600.0


class Start:
    """A running command. What it prints goes to `log` and, for errors, `log`.err, emptied first."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        log: pathlib.Path,
        cwd: pathlib.Path = ROOT,
        *,
        forked: bool = False,
    ):
        """Starts `python -m` with the arguments; what is forked, in ROOT, has done its imports."""
        self.log = log
        words = os.environ.get("XLA_FLAGS", "").split()
        flags = [word for word in words if "device_count" not in word]
        self.errors = log.with_name(f"{log.name}.err")
        env = os.environ | {"XLA_FLAGS": " ".join(flags), "JAX_PLATFORMS": "cpu"}
        with log.open("wb") as out, self.errors.open("wb") as err:
            if forked:
                assert cwd == ROOT
                self._process = forks.Process(arguments, env, (out.fileno(), err.fileno()))
            else:
                # What starts this may have told its processes to ignore Ctrl-C.
                words = ["env", "--default-signal=INT", sys.executable, "-m", *arguments]
                self._process = subprocess.Popen(words, cwd=cwd, env=env, stdout=out, stderr=err)
        self.began = time.monotonic()

    def wait_for(self, sign: Callable[[], bool]) -> bool:
        """Returns whether `sign` was seen before the command ended."""
        while not sign():
            if self._process.poll() is not None:
                return False
            if self.seconds() > LIMIT_SECONDS:
                self._process.kill()
                raise TimeoutError(f"no sign of the phase and no end: {self.printed()}")
            time.sleep(0.001)
        return self._process.poll() is None

    def seconds(self) -> float:
        """Returns the seconds since the start."""
        return time.monotonic() - self.began

    def stop(self, way: signal.Signals = signal.SIGKILL) -> int:
        """Sends it a signal and returns the status with which it ends: negative for a signal."""
        self._process.send_signal(way)
        try:
            return self._process.wait(LIMIT_SECONDS)
        finally:
            self._process.kill()

    def end(self) -> int:
        """Returns the exit status of a command that is left alone."""
        try:
            return self._process.wait(LIMIT_SECONDS)
        finally:
            self._process.kill()

    def printed(self) -> str:
        """Returns what it has printed so far."""
        return self.log.read_text() + self.errors.read_text()

    def descendants(self) -> set[tuple[int, str]]:
        """Returns the pid and the start time of all processes that it started and they did."""
        found: set[tuple[int, str]] = set()
        waiting = [self._process.pid]
        while waiting:
            for children in pathlib.Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
                try:
                    pids = list(map(int, children.read_text().split()))
                except OSError:  # A thread that ended meanwhile.
                    continue
                waiting += pids
                found |= {(pid, started) for pid in pids if (started := _start_time(pid))}
        return found


def survivors(processes: set[tuple[int, str]], patience: float = 10.0) -> set[int]:
    """Returns the pids of those that still run after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        alive = {pid for pid, started in processes if _start_time(pid) == started}
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.01)


def _start_time(pid: int) -> str:
    """Returns when a process started, in ticks; "" if it does not run."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
