"""Writes a prepared image set in parallel, so that it can be interrupted at any time.

While it is being written, a set has `unfinished.json` (the settings) instead of a manifest. Every
shard is written under a temporary name, flushed to disk and renamed; then its description is
written beside it in the same way. A shard with a description that fits it is kept by the next run.
"""

import concurrent.futures
import contextlib
import dataclasses
import fcntl
import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from jaxrepro.core.errors import InputError
from jaxrepro.core.files import write_atomically
from jaxrepro.data.records import (
    MANIFEST,
    Manifest,
    Shard,
    encode_record,
    file_sha256,
    read_manifest,
)
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import square_transform

UNFINISHED = "unfinished.json"


def write_set(
    source: Source,
    directory: pathlib.Path,
    *,
    size: int,
    shard_size: int,
    num_workers: int,
    skip_bad_images: bool = False,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Manifest:
    """Writes the images of `source`, cropped to the centre square and resized, to `directory`.

    The files do not depend on `num_workers` or on interruptions. A set that is complete and intact
    is left as it is; damaged shards of it are written again.

    Args:
      source: where the images are.
      directory: where the set goes; made if missing.
      size: side of the written images.
      shard_size: images a shard.
      num_workers: processes.
      skip_bad_images: leave unreadable images out and list them in the manifest.
      on_progress: called now and then with the number of images done, shards kept included.

    Returns:
      the manifest of the complete set.

    Raises:
      InputError: for an unreadable image, and if `directory` holds something else.
    """
    for name, value in {"size": size, "shard_size": shard_size, "workers": num_workers}.items():
        if value < 1:
            raise InputError(f"{name}={value} given; it must be at least 1")
    settings = {
        "source": source.spec,
        "split": source.split,
        "channels": source.channels,
        "size": size,
        "shard_size": shard_size,
        "num_source_images": len(source),
        "class_names": list(source.class_names),
        "fingerprint": source.fingerprint(),
    }
    writer = _ShardWriter(source, directory, size, shard_size, skip_bad_images)
    with _locked(directory):
        if (complete := _resume(directory, settings)) is not None:
            return complete
        shards: dict[int, Shard] = {}
        for number in range(writer.num_shards):
            if (shard := writer.finished(number)) is not None:
                shards[number] = shard
        kept = sum(len(writer.indices(number)) for number in shards)
        on_progress(kept)
        missing = [number for number in range(writer.num_shards) if number not in shards]
        shards |= _write_shards(writer, missing, num_workers, lambda n: on_progress(kept + n))
        manifest = Manifest(settings, tuple(shards[number] for number in sorted(shards)))
        if not any(shard.labels for shard in manifest.shards):
            raise InputError(f"{source!r}: not one of its {len(source)} images can be read")
        write_atomically(directory / MANIFEST, manifest.to_json())
        _remove_traces(directory)
    return manifest


@dataclasses.dataclass(frozen=True)
class _ShardWriter:
    """Writes any shard of a set, in any process."""

    source: Source
    directory: pathlib.Path
    size: int
    shard_size: int
    skip_bad_images: bool

    @property
    def num_shards(self) -> int:
        return -(-len(self.source) // self.shard_size)

    def indices(self, number: int) -> range:
        start = number * self.shard_size
        return range(start, min(start + self.shard_size, len(self.source)))

    def path(self, number: int) -> pathlib.Path:
        return self.directory / f"images-{number:05d}-of-{self.num_shards:05d}.array_record"

    def finished(self, number: int) -> Shard | None:
        """The shard, if an earlier run finished it, its file is intact and it may be kept."""
        path = self.path(number)
        description = _description(path)
        if not path.is_file() or not description.is_file():
            return None
        try:
            shard = Shard.from_json(json.loads(description.read_bytes()))
        except (ValueError, KeyError, TypeError):
            return None
        if shard.skipped and not self.skip_bad_images:
            return None
        return shard if _intact(path, shard) else None

    def write(self, number: int, on_image: Callable[[], None]) -> Shard:
        """Writes a shard and its description; InputError for an unreadable image."""
        # pyright does not see into the compiled module.
        from array_record.python import array_record_module  # pyright: ignore

        path = self.path(number)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # One record a group gives fast random access; PNG does not compress any further.
        writer = array_record_module.ArrayRecordWriter(str(temporary), "group_size:1,uncompressed")
        try:
            labels, skipped, num_enlarged = self._write_records(number, writer, on_image)
            writer.close()
            _flush_to_disk(temporary)
            shard = Shard(
                name=path.name,
                num_bytes=temporary.stat().st_size,
                sha256=file_sha256(temporary),
                labels=tuple(labels),
                skipped=tuple(skipped),
                num_enlarged=num_enlarged,
            )
            temporary.replace(path)
        finally:
            if writer.is_open():
                writer.close()
            temporary.unlink(missing_ok=True)
        _flush_to_disk(self.directory)
        _describe(self.directory, shard)
        return shard

    def _write_records(
        self, number: int, writer: Any, on_image: Callable[[], None]
    ) -> tuple[list[int], list[str], int]:
        prepare = square_transform(self.size, channels=self.source.channels).prepare
        labels, skipped, num_enlarged = [], [], 0
        for index in self.indices(number):
            on_image()
            try:
                item = self.source[index]
            except InputError as error:
                if not self.skip_bad_images:
                    raise InputError(f"{error}, or skip it with --skip_bad_images") from error
                skipped.append(str(error))
                continue
            num_enlarged += min(item["image"].shape[:2]) < self.size
            labels.append(int(item["label"]))
            writer.write(encode_record(prepare(item)["image"], labels[-1]))
        return labels, skipped, num_enlarged


def _resume(directory: pathlib.Path, settings: dict[str, Any]) -> Manifest | None:
    """The manifest of a complete, intact set; else None, with the folder ready for writing."""
    _remove_temporaries(directory)
    if (directory / MANIFEST).is_file():
        manifest = read_manifest(directory)
        _refuse_other_settings(directory, manifest.settings, settings)
        intact = [s for s in manifest.shards if _intact(directory / s.name, s)]
        if len(intact) == len(manifest.shards):
            _remove_traces(directory)
            return manifest
        for shard in intact:
            _describe(directory, shard)
        write_atomically(directory / UNFINISHED, json.dumps(settings).encode())
        (directory / MANIFEST).unlink()
    elif (directory / UNFINISHED).is_file():
        started = json.loads((directory / UNFINISHED).read_bytes())
        _refuse_other_settings(directory, started, settings)
    else:
        found = [entry.name for entry in directory.iterdir() if not entry.name.startswith(".")]
        if found:
            raise InputError(
                f"output folder {directory} holds other files ({sorted(found)[0]}); give a new or "
                "empty folder"
            )
        write_atomically(directory / UNFINISHED, json.dumps(settings).encode())
    return None


def _refuse_other_settings(
    directory: pathlib.Path, found: dict[str, Any], wanted: dict[str, Any]
) -> None:
    meaning = {"fingerprint": "names or sizes of the source's files", "class_names": "class names"}
    different = [
        meaning.get(key) or f"{key} ({found.get(key)} there, {value} now)"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    if different:
        raise InputError(
            f"output folder {directory} holds another set; it differs in {', '.join(different)}; "
            "give another folder, or delete this one"
        )


def _describe(directory: pathlib.Path, shard: Shard) -> None:
    content = json.dumps(dataclasses.asdict(shard)).encode()
    write_atomically(_description(directory / shard.name), content)


def _description(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".json")


def _intact(path: pathlib.Path, shard: Shard) -> bool:
    return (
        path.is_file()
        and path.stat().st_size == shard.num_bytes
        and file_sha256(path) == shard.sha256
    )


def _remove_temporaries(directory: pathlib.Path) -> None:
    for pattern in (".images-*", f".{MANIFEST}.*", f".{UNFINISHED}.*"):
        for path in directory.glob(pattern):
            path.unlink()


def _remove_traces(directory: pathlib.Path) -> None:
    for path in (*directory.glob("images-*.json"), directory / UNFINISHED):
        path.unlink(missing_ok=True)


def _flush_to_disk(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> Iterator[None]:
    """Makes the folder and keeps a second writer out; the lock ends with the process."""
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


def _write_shards(
    writer: _ShardWriter, numbers: list[int], num_workers: int, on_progress: Callable[[int], None]
) -> dict[int, Shard]:
    """Writes the shards in worker processes; at the first error the others stop, too."""
    # Not fork: a forked child of a process with threads can hang.
    context = multiprocessing.get_context("spawn")
    num_done, stop = context.Value("q", 0), context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(
        max(1, min(num_workers, len(numbers))),
        mp_context=context,
        initializer=_start_worker,
        initargs=(writer, num_done, stop),
    )
    with pool:
        with _sigint_blocked():
            futures = {pool.submit(_write_shard, number): number for number in numbers}
        pending = set(futures)
        try:
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
    return {number: future.result() for future, number in futures.items()}


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
    """Another shard failed, or the user interrupted."""


def _start_worker(writer: _ShardWriter, num_done: Any, stop: Any) -> None:
    global _worker
    _worker = (writer, num_done, stop)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _write_shard(number: int) -> Shard:
    writer, num_done, stop = _worker

    def on_image() -> None:
        if stop.is_set():
            raise _StoppedError
        with num_done.get_lock():
            num_done.value += 1

    return writer.write(number, on_image)
