"""A claim on a folder of an object store, which has no locks: an object that its owner renews.

The object is written only where there is none (a conditional write), and again every few seconds.
Whoever finds one waits for the time that a living owner needs at most to renew it. If it changes,
the folder is in use; if not, its owner is dead and the lock is taken over. No clocks are compared.

What this promises: of two runs that start together one gets the folder, and a living run keeps it.
What it does not: a process that was frozen for longer than the lease can find its folder taken
over. It then ends at once, but what it wrote before it looked is written.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from jaxrepro.core.files.places import (
    Place,
    create_object,
    read_bytes,
    replace_object,
    store_errors,
)
from jaxrepro.core.files.strict_json import json_text


class HeldError(Exception):
    """Another process holds the lock; the message says which."""


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds: between renewals, after which an owner counts as dead, between two looks at it."""

    renewal: float = 10.0
    lease: float = 60.0
    look: float = 2.0


@contextlib.contextmanager
def held(
    path: Place,
    mark: str,
    *,
    patience: float = 0.0,
    times: Times | None = None,
    lost: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """A context in which this process holds the lock `path`, an object of a store.

    mark: what `read_mark` returns meanwhile. patience: seconds for which another process may go on
    to hold it. lost: called, with the new owner, when another process
    has taken the lock over; ends this process by default.

    Raises HeldError if another process keeps it, OSError if the store cannot be used.
    """
    times = times or Times()
    lock = _Lock(path, mark)
    _take(lock, times, patience)
    released = threading.Event()

    def renew() -> None:
        while not released.wait(times.renewal):
            # A renewal that fails is tried again; the lease allows for several.
            with contextlib.suppress(OSError):
                if not lock.is_mine():
                    (lost or _end)(lock.owner())
                    return
                lock.write()

    thread = threading.Thread(target=renew, name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        released.set()
        thread.join()
        # A lock that cannot be removed now is found to be dead later.
        with contextlib.suppress(OSError):
            if lock.is_mine():
                lock.remove()


def read_mark(path: Place) -> str:
    """Returns the mark of the lock `path`; raises OSError if there is none."""
    return str(_parsed(read_bytes(path)).get("mark", ""))


def read_owner(path: Place) -> str:
    """Returns the process that wrote the lock `path`; raises OSError if there is none."""
    return str(_parsed(read_bytes(path)).get("owner", "another process"))


def this_process() -> str:
    """Returns the owner that a lock of this process names, such as "process 7 on node-2"."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class _Lock:
    def __init__(self, path: Place, mark: str):
        self._path = path
        self._token = secrets.token_hex(8)
        self._mark = mark
        self._renewals = 0

    def read(self) -> bytes | None:
        try:
            return read_bytes(self._path)
        except FileNotFoundError:
            return None

    def create(self) -> bool:
        """Returns whether there was none, and this process has it now."""
        try:
            create_object(self._path, self._content())
        except FileExistsError:
            return False
        return self.is_mine()

    def write(self) -> None:
        self._renewals += 1
        replace_object(self._path, self._content())

    def remove(self) -> None:
        with store_errors():
            self._path.unlink(missing_ok=True)

    def is_mine(self) -> bool:
        """Returns whether the lock is this process's, or was removed by someone's hand."""
        content = self.read()
        return content is None or _parsed(content).get("token") == self._token

    def owner(self) -> str:
        try:
            return read_owner(self._path)
        except FileNotFoundError:
            return "another process"

    def _content(self) -> bytes:
        return json_text(
            {
                "token": self._token,
                "owner": this_process(),
                "renewals": self._renewals,
                "mark": self._mark,
            }
        ).encode()


def _parsed(content: bytes) -> dict[str, object]:
    """Returns a lock's content, {} if it is not one: it is then of nobody."""
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _take(lock: _Lock, times: Times, patience: float) -> None:
    seen: bytes | None = None
    since = time.monotonic()
    deadline = since + patience
    while True:
        found = lock.read()
        if found is None:
            if lock.create():
                return
        elif found != seen:
            if seen is None:
                print(
                    f"a lock of {lock.owner()} is in the folder: waiting up to "
                    f"{patience + times.lease:g} s to see whether that run still goes on",
                    flush=True,
                )
            elif time.monotonic() >= deadline:
                raise HeldError(lock.owner())
            seen, since = found, time.monotonic()
        elif time.monotonic() - since > times.lease:
            lock.write()
            # Of two that take it over at once the last to write has it.
            time.sleep(times.look)
            if lock.is_mine():
                return
            raise HeldError(lock.owner())
        time.sleep(times.look)


def _end(owner: str) -> NoReturn:
    """Ends this process without a last save: the folder is another's."""
    print(
        f"error: {owner} has taken over the workdir, because this process did not renew its lock "
        "in time; nothing more is written",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
