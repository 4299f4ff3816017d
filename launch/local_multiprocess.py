"""Starts N processes of one training on this machine: for tests, and to try what a cluster will do.

    python launch/local_multiprocess.py --num_processes=2 --devices_per_process=2 -- \
        --config=configs/srcnn.py:test --workdir=runs/two

What follows "--" goes to `python -m jaxrepro.train` (or --module) in every process. Every process
has that many CPU devices; with --devices_per_process=0 it uses what JAX finds, which on a GPU
machine needs CUDA_VISIBLE_DEVICES set for each. Their output appears with the process's number.

SIGTERM and Ctrl-C are passed on, so that the run is saved and this command exits with 143. When a
process dies the others are ended, and this command exits with its status (128 + the signal's number
if a signal killed it). The same command again continues the run. With --dry_run, or DRY_RUN=1, the
commands are printed and nothing is started.
"""

import argparse
import os
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time

# gloo's account of its connections, and the stack trace with which JAX ends a process that has lost
# the coordinator: which process died is said here.
NOISE = re.compile(
    r".* is connected to \d+ peer ranks|\*\*\* Check failure stack trace|    @ +0x"
    r"|Additional GRPC error information|:UNKNOWN:Error received from peer|RPC: /xla\.coordination"
    r"|[EF]\d{4} .*(_agent\.cc|client\.h):"
)


def main() -> int:
    """Runs the command; returns its exit status."""
    options = parse(sys.argv[1:])
    port = options.port or free_port()
    commands = [command_of(options, index, port) for index in range(options.num_processes)]
    for index, words in enumerate(commands):
        prefix = [f"{key}={value}" for key, value in sorted(settings_of(options).items())]
        print(f"[launch] process {index}: {shlex.join([*prefix, *words])}", flush=True)
    if options.dry_run or os.environ.get("DRY_RUN") == "1":
        return 0
    return Processes(commands, settings_of(options), options.grace).run()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Returns the options; those of the command itself are `rest`."""
    own, _, rest = (
        (arguments, "", [])
        if "--" not in arguments
        else (arguments[: arguments.index("--")], "--", arguments[arguments.index("--") + 1 :])
    )
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num_processes", type=int, default=2)
    parser.add_argument("--devices_per_process", type=int, default=1)
    parser.add_argument("--module", default="jaxrepro.train")
    parser.add_argument("--port", type=int, default=0, help="of the coordinator; any free one")
    parser.add_argument(
        "--grace", type=float, default=5.0, help="seconds for the others to end after a failure"
    )
    parser.add_argument("--dry_run", action="store_true")
    options = parser.parse_args(own)
    if options.num_processes < 1 or options.devices_per_process < 0:
        parser.error("--num_processes must be 1 or more and --devices_per_process 0 or more")
    if not rest:
        parser.error("nothing to run: give the flags of the command after --")
    options.rest = rest
    return options


def command_of(options: argparse.Namespace, index: int, port: int) -> list[str]:
    """Returns the command line of process `index`."""
    return [
        *(sys.executable, "-m", options.module, *options.rest),
        f"--coordinator=localhost:{port}",
        f"--num_processes={options.num_processes}",
        f"--process_id={index}",
    ]


def settings_of(options: argparse.Namespace) -> dict[str, str]:
    """Returns what is set in the environment of every process."""
    if not options.devices_per_process:
        return {}
    flags = [w for w in os.environ.get("XLA_FLAGS", "").split() if "device_count" not in w]
    flags.append(f"--xla_force_host_platform_device_count={options.devices_per_process}")
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join(flags)}


def free_port() -> int:
    """Returns a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Processes:
    """The processes of one job, from start to end."""

    def __init__(self, commands: list[list[str]], settings: dict[str, str], grace: float):
        """Takes the command lines, and what is added to the environment.

        grace: seconds that the others have to end after one failed.
        """
        self._commands, self._settings, self._grace = commands, settings, grace
        self._running: list[subprocess.Popen] = []
        self._output = selectors.DefaultSelector()
        self._rest: dict[int, bytes] = {}
        self._asked = False

    def run(self) -> int:
        """Runs all to the end; returns the status of the first that failed, or 0.

        143 if all were asked to stop.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        try:
            for index, words in enumerate(self._commands):
                # In a session of its own, so that Ctrl-C reaches it through here only.
                process = subprocess.Popen(
                    words,
                    env=os.environ | self._settings,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                assert process.stdout is not None
                self._running.append(process)
                self._rest[index] = b""
                print(f"[launch] process {index} has the pid {process.pid}", flush=True)
                self._output.register(process.stdout, selectors.EVENT_READ, index)
            return self._watch()
        finally:
            self._kill()

    def _watch(self) -> int:
        while True:
            self._show(0.05)
            statuses = [process.poll() for process in self._running]
            if self._asked and -signal.SIGTERM in statuses:
                print("[launch] ended before there was anything to save", flush=True)
                return 143
            failed = [i for i, s in enumerate(statuses) if s not in (None, 0, 143)]
            if failed:
                return self._end_all(failed[0], statuses[failed[0]] or 1)
            if None not in statuses:
                while self._show(0.0):
                    pass
                return next((s for s in statuses if s), 0) or 0

    def _end_all(self, index: int, status: int) -> int:
        # Those that are told of a failure end by themselves; after a kill they would wait.
        deadline = time.monotonic() + (0.0 if status < 0 else self._grace)
        while time.monotonic() < deadline and any(p.poll() is None for p in self._running):
            self._show(0.05)
        self._kill()
        while self._show(0.0):
            pass
        how = f"exited with status {status}"
        if status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
        print(
            f"[launch] error: process {index} {how}; the others were ended. The same command "
            "continues from the last checkpoint",
            flush=True,
        )
        return 128 - status if status < 0 else status

    def _kill(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _pass_on(self, number: int, frame: object) -> None:
        del frame
        print(f"[launch] {signal.Signals(number).name}: the run is saved and ended", flush=True)
        self._asked = True
        # The next signal ends them at once.
        signal.signal(number, self._end_now)
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def _end_now(self, number: int, frame: object) -> None:
        del frame
        self._kill()
        sys.exit(128 + number)

    def _show(self, timeout: float) -> bool:
        """Prints the whole lines that have arrived, waiting no longer than `timeout` for any.

        Returns whether anything had arrived.
        """
        ready = self._output.select(timeout)
        for key, _ in ready:
            data = os.read(key.fd, 2**16)
            index: int = key.data
            if not data:
                self._output.unregister(key.fileobj)
                data = b"\n" if self._rest[index] else b""
            *lines, self._rest[index] = (self._rest[index] + data).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace")
                if not NOISE.match(text):
                    print(f"[{index}] {text}", flush=True)
        return bool(ready)


if __name__ == "__main__":
    sys.exit(main())
