"""Several processes as one job: they find one another, agree on what to run, and end together.

Every wait is bounded. A process that never comes up ends the others after `--start_timeout`. One
that fails says so, and all end at once. One that vanishes ends the others after `--peer_timeout`,
or at once if it was process 0. The exit status is 1 for an error that the same command would meet
again, and 75 (or 134, where JAX itself ends the process) for one that came from outside.
"""

import contextlib
import dataclasses
import itertools
import os
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from absl import flags

from jaxrepro.core.errors import InputError

_FLAGS = ("coordinator", "num_processes", "process_id")
_FAILURE = "jaxrepro/failure"
# Names of the times that all wait for all, and the seconds within which the last must come.
_WAIT = "jaxrepro/wait"
_WAITS = itertools.count()
_LONGEST_WAIT_SECONDS = 3600
_POLL_SECONDS = 0.5
# Exit statuses: an error that the same command would meet again, and one that it may not.
_FAILED, _PEERS_LOST = 1, 75
# What the others get to learn of a failure and to end before process 0 does.
_FAREWELL_SECONDS = 5 * _POLL_SECONDS
# What the text of an error names when it is another process that failed.
_PEER_ERRORS = re.compile(
    r"\bGloo [\w -]+ failed|\bNCCL\b|coordination service|sending heartbeats|jaxrepro/wait"
)


def define_flags() -> None:
    """Defines the flags of a command that may run as several processes."""
    flags.DEFINE_string(
        "coordinator", None, "HOST:PORT on which process 0 listens, the same for every process."
    )
    flags.DEFINE_integer("num_processes", None, "Processes of this job; 1 looks for no cluster.")
    flags.DEFINE_integer("process_id", None, "Number of this process, from 0.")
    flags.DEFINE_integer("start_timeout", 300, "Seconds until all processes must have come up.")
    flags.DEFINE_integer(
        "peer_timeout", 60, "Seconds without a sign of life after which a process counts as dead."
    )


class PeerError(InputError):
    """Another process of this job failed or was lost.

    status: with which this process ends for it.
    """

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Job:
    """This process among those of its job. Alone it is process 0 of 1.

    process: its number; num_processes: of the job; patience: seconds to wait for another.
    """

    process: int = 0
    num_processes: int = 1
    patience: int = 300
    _watch: "_FailureWatch | None" = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def leads(self) -> bool:
        """Whether this is the process that prints and writes what only one may write."""
        return self.process == 0

    @property
    def name(self) -> str:
        """Such as "process 1 of 4 (node-7)"."""
        return f"process {self.process} of {self.num_processes} ({socket.gethostname()})"

    def share(self, name: str, value: str) -> str:
        """Returns on every process the `value` that process 0 gives.

        name: of the value, used once in a job. Raises InputError if process 0 gives none in time.
        """
        if self.num_processes == 1:
            return value
        if self.leads:
            _client().key_value_set(f"jaxrepro/{name}", value)
            return value
        try:
            return _client().blocking_key_value_get(f"jaxrepro/{name}", self.patience * 1000)
        except Exception as error:  # The class of the error depends on JAX's version.
            raise InputError(
                f"process 0 did not give {name} within {self.patience} s; see its own message"
            ) from error

    @contextlib.contextmanager
    def told_of_peers(self, record: Callable[[PeerError], None]) -> Iterator[None]:
        """A context in which an error that is another process's failure is raised as a PeerError.

        record: given the PeerError where none can be raised, because this process waits for the
        one that failed. It is called in another thread and has 2.5 seconds before all ends.
        """
        if self._watch is None:
            yield
            return
        self._watch.record = record
        try:
            yield
        except Exception as error:
            if (peer_error := _of_peer(error)) is None or peer_error is error:
                raise
            raise peer_error from error
        finally:
            self._watch.record = None


@contextlib.contextmanager
def joined(args: flags.FlagValues, *, preemption: bool) -> Iterator[Job]:
    """A context that is one process of a job; give it the flags before JAX starts a backend.

    The processes are those of --coordinator, --num_processes and --process_id, or else those of a
    cluster that JAX detects, or else this one alone. Those other than process 0 print nothing but
    errors. An error inside ends all of them.

    preemption: whether SIGTERM is a notice for `jaxrepro.core.machine.preemption`; otherwise it
    ends the process.

    Raises InputError if the flags do not fit together.
    """
    _check(args)
    job = _connect(args, preemption)
    if job.num_processes == 1:
        yield job
        return
    watch = _FailureWatch(job)
    job = dataclasses.replace(job, _watch=watch)
    with contextlib.ExitStack() as stack:
        if not job.leads:
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        try:
            yield job
        except (Exception, KeyboardInterrupt) as error:
            watch.fail(error)
        finally:
            watch.close()
    # Waits until all are done; for no longer than they live.
    import jax

    jax.distributed.shutdown()


def wait_for_all() -> None:
    """Waits until every process of the job has come here, as often as this one.

    To be called by all of them before a first sum over processes that one may reach long before
    another, as after compiling: gloo gives up after 30 seconds. A process that ends meanwhile ends
    the wait, as at any other place.
    """
    import jax

    if jax.process_count() > 1:
        _client().wait_at_barrier(f"{_WAIT}/{next(_WAITS)}", _LONGEST_WAIT_SECONDS * 1000)


def _check(args: flags.FlagValues) -> None:
    given = {name: getattr(args, name) for name in _FLAGS}
    for name in ("start_timeout", "peer_timeout"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name}={getattr(args, name)} given; it must be 1 second or more")
    if args.num_processes == 1 and args.coordinator is None and args.process_id in (None, 0):
        return
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return
    if missing:
        raise InputError(
            f"{' and '.join(missing)} missing; every process needs --coordinator=HOST:PORT, "
            "--num_processes=N and its own --process_id, or in a cluster that JAX detects none"
        )
    _, colon, port = str(args.coordinator).rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 2**16:
        raise InputError(
            f"--coordinator={args.coordinator} given; it must be HOST:PORT, such as node0:5555"
        )
    if not 0 <= args.process_id < args.num_processes:
        raise InputError(
            f"--process_id={args.process_id} of --num_processes={args.num_processes} given; "
            "processes count from 0"
        )


def _connect(args: flags.FlagValues, preemption: bool) -> Job:
    if args.num_processes == 1:
        return Job()

    import jax

    # Read only where the backend is a CPU, on which nothing else runs between processes.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", preemption)
    where = {} if args.coordinator is None else _as_given(args)
    limit = args.start_timeout
    try:
        # JAX ends the process with a stack trace at its own limit; ours comes before.
        with _at_most(limit, lambda: _not_all_came_up(args)):
            jax.distributed.initialize(
                **where,
                initialization_timeout=limit + 30,
                heartbeat_timeout_seconds=args.peer_timeout,
            )
    except ValueError as error:
        if not where and "coordinator_address should be defined" in str(error):
            return Job()
        raise InputError(_not_joined(error)) from error
    except RuntimeError as error:
        raise InputError(_not_joined(error)) from error
    return Job(jax.process_index(), jax.process_count(), args.start_timeout)


def _as_given(args: flags.FlagValues) -> dict[str, Any]:
    return {
        "coordinator_address": args.coordinator,
        "num_processes": args.num_processes,
        "process_id": args.process_id,
        "cluster_detection_method": "deactivate",
    }


def _not_joined(error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    return (
        f"cannot join the processes of this job: {reason}; give --coordinator, --num_processes and "
        "--process_id, or --num_processes=1 to run alone"
    )


def _not_all_came_up(args: flags.FlagValues) -> NoReturn:
    who = "this process" if args.process_id is None else f"process {args.process_id}"
    address = "that the cluster names" if args.coordinator is None else args.coordinator
    num = "" if args.num_processes is None else f"{args.num_processes} "
    _end(
        f"error: {who} on {socket.gethostname()}: not all {num}processes of this job came up "
        f"within {args.start_timeout} s at the coordinator {address}; look for one that failed or "
        "was not started, see that its port can be reached, or raise --start_timeout",
        _PEERS_LOST,
    )


@contextlib.contextmanager
def _at_most(seconds: float, otherwise: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(seconds, otherwise)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _FailureWatch:
    """Ends this process when another says that it failed, and the others when this one does."""

    def __init__(self, job: Job):
        self._job = job
        self._closed = threading.Event()
        self._failing = threading.Lock()
        # What else is to be done before this process ends because of another.
        self.record: Callable[[PeerError], None] | None = None
        threading.Thread(target=self._listen, daemon=True, name="failure-watch").start()

    def close(self) -> None:
        self._closed.set()

    def fail(self, error: BaseException) -> None:
        """Tells everybody and ends this process: what JAX would do now is to wait for the rest."""
        with self._failing:
            if (peer_error := _of_peer(error)) is not None:
                status, said = _heard()
                if said:
                    self._follow(status, said)
                text, status = str(peer_error), peer_error.status
            else:
                text, status = _describe(error), _FAILED
                if not isinstance(error, InputError):
                    traceback.print_exception(error)
            try:
                _client().key_value_set(_FAILURE, f"{status}\n{self._job.name}: {text}")
                known = False
            except Exception:  # Another was first, or process 0 is gone.
                # An error of the user's is found by all processes, and one says it.
                known = _heard()[1].partition(": ")[2] == text
            if not known:
                print(f"error: {self._job.name}: {text}", file=sys.stderr, flush=True)
            self._wait_for_others(time.monotonic() + _FAREWELL_SECONDS)
            _end("", status)

    def _listen(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            status, said = _heard()
            if said and self._failing.acquire(blocking=False):
                self._follow(status, said, self.record)

    def _follow(
        self, status: int, said: str, record: Callable[[PeerError], None] | None = None
    ) -> NoReturn:
        """Ends this process because of what another said, which stands already on its machine."""
        last = time.monotonic() + _FAREWELL_SECONDS
        if record is not None:
            recording = threading.Thread(target=record, args=(PeerError(said, status),))
            recording.daemon = True
            recording.start()
            recording.join(_FAREWELL_SECONDS)
        self._wait_for_others(last)
        is_remote = f"({socket.gethostname()})" not in said.partition(": ")[0]
        _end(f"{self._job.name} ends because of {said}" if is_remote else "", status)

    def _wait_for_others(self, until: float) -> None:
        """Lets process 0 go last: JAX aborts whoever loses the connection to it."""
        if self._job.leads:
            time.sleep(max(0.0, until - time.monotonic()))


def _heard() -> tuple[int, str]:
    """Returns the exit status and the message of a process that failed, (0, "") if none did."""
    try:
        status, _, said = _client().key_value_try_get(_FAILURE).partition("\n")
        return int(status), said
    except Exception:  # Nobody has said anything; or JAX is about to end this process.
        return 0, ""


def _of_peer(error: BaseException) -> PeerError | None:
    """Returns `error` as what another process failed of, None if it is this process's own."""
    if isinstance(error, PeerError):
        return error
    if not _is_of_peer(error):
        return None
    status, said = _heard()
    if said:
        return PeerError(said, status)
    return PeerError(
        f"another process of this job ended or cannot be reached ({_describe(error)}); the same "
        "command continues from the last checkpoint",
        _PEERS_LOST,
    )


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())[:600]
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _is_of_peer(error: BaseException) -> bool:
    # By the text: the class depends on the call, and a read that fails for it is an InputError.
    return _PEER_ERRORS.search(str(error)) is not None


def _end(message: str, status: int) -> NoReturn:
    """Ends this process at once, without waiting for threads or other processes."""
    if message:
        print(message, file=sys.stderr)
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(status)


def _client() -> Any:
    # The store of keys that comes with the connection has no public name; the other libraries on
    # top of JAX use it by this one.
    from jax._src import distributed

    return distributed.global_state.client
