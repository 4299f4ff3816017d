"""Commands in processes of their own that start in a moment.

A command spends two seconds of CPU on imports before it does anything. Here one process makes them,
once, and forks for every command: what a command does to its process, its signals, its output and
its exit status are those of `python -m`. What it would print while it imports is not seen: a test
of that starts Python itself.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pathlib
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TextIO

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What runs import and what takes long. None of it starts JAX or a thread that a fork would lose.
_IMPORTS = (
    *("chex", "flax.linen", "grain", "matplotlib.figure", "matplotlib.backends.backend_svg"),
    *("optax", "orbax.checkpoint", "PIL.Image", "rich.progress", "scipy.ndimage"),
    *("skimage.metrics", "tensorboardX", "threadpoolctl"),
    *("jaxrepro.core.loop", "jaxrepro.data.pipeline", "jaxrepro.page.curves"),
)
_READ_ON_IMPORT = ("JAX_", "PYTHON")
_MAX_BYTES = 2**17


class Process:
    """A command that runs: what is used here of a subprocess.Popen, its output as text."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], output: tuple[int, int] | None = None
    ):
        """Starts `python -m` with these words.

        output: files, open for writing, for what it prints and for errors; pipes if None.
        """
        self.args = [sys.executable, "-m", *words]
        self.returncode: int | None = None
        pipes = [] if output else [os.pipe(), os.pipe()]
        self._answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps([list(words), dict(env)]).encode()
        assert len(request) < _MAX_BYTES
        given = [theirs.fileno(), *(output or (write for _, write in pipes))]
        socket.send_fds(_server(_read_on_import(os.environ)), [request], given)
        theirs.close()
        for _, write in pipes:
            os.close(write)
        self._streams = [os.fdopen(read, encoding="utf-8") for read, _ in pipes]
        self.pid = int(self._answers.recv(64))

    def poll(self) -> int | None:
        """Returns the exit status, None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit status at the end, or raises once the seconds are over."""
        if self.returncode is None:
            self._answers.settimeout(timeout)
            self.returncode = int(self._answers.recv(64))
            self._answers.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Returns all that it prints until its end; it is killed when the seconds are over."""
        late = threading.Timer(timeout or threading.TIMEOUT_MAX, self.kill)
        late.daemon = True
        late.start()
        with ThreadPoolExecutor() as pool:
            out, err = pool.map(_read, self._streams)
        self.wait()
        if late.finished.is_set():
            raise subprocess.TimeoutExpired(self.args, timeout, out, err)
        late.cancel()
        return out, err


def _read(stream: IO[str]) -> str:
    with stream:
        return stream.read()


def _read_on_import(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Returns the variables by which the processes that fork differ."""
    return tuple(sorted(item for item in env.items() if item[0].startswith(_READ_ON_IMPORT)))


@functools.cache
def _server(variables: tuple[tuple[str, str], ...]) -> socket.socket:
    """Returns where to ask for a start with these variables."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> list[str]:
    """Forks for every request; returns the words of one in the process that is for it."""
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    pids: dict[int, int] = {}
    while True:
        for key, _ in selector.select():
            if key.data:
                ended, answers = key.data
                status = os.waitstatus_to_exitcode(os.waitpid(pids.pop(ended), 0)[1])
                # Unless nobody waits for it any more.
                with contextlib.suppress(OSError):
                    os.write(answers, str(status).encode())
                selector.unregister(ended)
                for number in key.data:
                    os.close(number)
                continue
            request, numbers, _, _ = socket.recv_fds(requests, _MAX_BYTES, 3)
            if not request:
                sys.exit()
            answers, *outputs = numbers
            with warnings.catch_warnings():
                # Of threads: those of BLAS wait, and are ended before and begun after.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if not pid:
                requests.close()
                for _, opened in list(selector.get_map().items()):
                    for number in opened.data or ():
                        os.close(number)
                selector.close()
                words, env = json.loads(request)
                os.environ.clear()
                os.environ.update(env)
                for number, output in enumerate(outputs, start=1):
                    os.dup2(output, number)
                for number in numbers:
                    os.close(number)
                # Anew, as they were opened for what the numbers stood for before.
                sys.stdout = sys.__stdout__ = _opened(sys.stdout, 1)
                sys.stderr = sys.__stderr__ = _opened(sys.stderr, 2)
                return words
            os.write(answers, str(pid).encode())
            for output in outputs:
                os.close(output)
            ended = os.pidfd_open(pid)
            selector.register(ended, selectors.EVENT_READ, (ended, answers))
            pids[ended] = pid


def _opened(like: TextIO, number: int) -> TextIO:
    """Returns the stream of that number, as Python opens it at its start."""
    # Errors by the line.
    buffering = 1 if number == 2 else -1
    return open(number, "w", buffering, like.encoding, like.errors, closefd=False)


def main() -> None:
    """Serves the socket whose number is the argument."""
    for name in _IMPORTS:
        importlib.import_module(name)
    # No search for garbage looks at what is there, so that its memory stays shared.
    gc.freeze()
    words = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = words
    sys.orig_argv = [sys.executable, "-m", *words]
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
