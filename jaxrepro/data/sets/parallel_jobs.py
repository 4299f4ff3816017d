"""Work in several processes on files of one folder, which can be interrupted at any time."""

import concurrent.futures
import contextlib
import fcntl
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import check_is_text, refuse_url

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextlib.contextmanager
def locked_folder(directory: pathlib.Path) -> Iterator[None]:
    """Makes the folder and keeps a second writer out; the lock ends with the process."""
    refuse_url(directory)
    check_is_text(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the output folder {directory}: {error.strerror}") from error
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(f"another process is writing to {directory}; wait for it") from error
    finally:
        os.close(descriptor)


def flush_to_disk(path: pathlib.Path) -> None:
    """Returns when the content of a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def run_jobs(
    work: Callable[[Job, Callable[[], None]], Result],
    jobs: Sequence[Job],
    num_workers: int,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> list[Result]:
    """`work(job, on_step)` of every job, in order; at the first error the others stop, too.

    Args:
      work: what a worker process does; it is pickled. It calls `on_step` before each of its steps,
        where it may be stopped, and must leave nothing half done behind then.
      jobs: one call each.
      num_workers: processes.
      on_progress: called now and then with the number of steps begun by all workers.

    Raises:
      InputError: if a worker dies; also what `work` raises.
    """
    # Not fork: a forked child of a process with threads can hang.
    context = multiprocessing.get_context("spawn")
    num_done, stop = context.Value("q", 0), context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(
        max(1, min(num_workers, len(jobs))),
        mp_context=context,
        initializer=_start_worker,
        initargs=(work, num_done, stop),
    )
    with pool:
        try:
            # Ctrl-C of this moment comes at the end of the block, and stops the jobs as later ones.
            with _sigint_blocked():
                futures = [pool.submit(_run_job, job) for job in jobs]
            pending = set(futures)
            while pending:
                done, pending = concurrent.futures.wait(pending, timeout=0.2)
                for future in done:
                    future.result()
                on_progress(num_done.value)
        except concurrent.futures.process.BrokenProcessPool as error:
            raise InputError(
                "a worker process died, perhaps for lack of memory; run the same command again "
                "with fewer --num_workers"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, which the terminal sends to all; it reaches this
    process at the end of the block.
    """
    received: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    # The mask is this thread's, for children to inherit: a signal that another thread takes would
    # still interrupt this one, in the middle of what it tells a child.
    handler = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
    if in_main_thread:
        signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
    if received:
        signal.raise_signal(signal.SIGINT)


class _StoppedError(Exception):
    """Another job failed, or the user interrupted."""


def _start_worker(work: Callable, num_done: Any, stop: Any) -> None:
    global _worker
    _worker = (work, num_done, stop)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _run_job(job: Any) -> Any:
    work, num_done, stop = _worker

    def on_step() -> None:
        if stop.is_set():
            raise _StoppedError
        with num_done.get_lock():
            num_done.value += 1

    return work(job, on_step)
