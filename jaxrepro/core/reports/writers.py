"""Where measurements go: JSON lines, TensorBoard, PNG files."""

import contextlib
import io
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists, read_text
from jaxrepro.core.files.strict_json import json_text, number_of, parse_json
from jaxrepro.core.files.whole_files import write_atomically, write_png
from jaxrepro.core.reports.store_writers import StoreJsonLines, StoreTensorBoard
from jaxrepro.core.reports.wandb_writer import WandbWriter
from jaxrepro.core.run.workdir import METRICS, SAMPLES
from jaxrepro.core.task import Image


class MetricWriter(Protocol):
    """Takes the measurements of a step."""

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Writes numbers and pictures measured after `step` updates."""
        ...

    def flush(self) -> None:
        """Brings all that was written to its place: what a kill after this does not lose."""
        ...

    def close(self) -> None:
        """Flushes and closes."""
        ...


class JsonLines:
    """`metrics.jsonl`: one object a line, {"step": 100, "loss/d": 1.2, ...}."""

    def __init__(self, path: pathlib.Path, start_step: int = 0, redone: Sequence[str] = ()):
        """Opens `path` for appending, without the lines of steps after `start_step`.

        Those are of a run that was stopped after its last checkpoint: the continuation writes
        them again. A last line cut off by a kill is dropped too, and so are the results of
        `start_step` of the evaluators `redone`.
        """
        write_atomically(path, kept_lines(path, start_step, redone).encode())
        self._path = path
        # Without a buffer, whose rest a full disk would refuse again when the file is closed.
        self._file = path.open("ab", buffering=0)

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Appends the numbers among `results`; InputError where that cannot be written."""
        numbers = {k: float(v) for k, v in results.items() if not isinstance(v, Image)}
        if numbers:
            with _writing(self._path):
                _append(self._file, (json_text({"step": step, **numbers}) + "\n").encode())

    def flush(self) -> None:
        """Does nothing: every line is written at once."""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def kept_lines(path: Place, step: int, redone: Sequence[str] = ()) -> str:
    """Returns the lines of a `metrics.jsonl` up to `step`, "" if there is none.

    Without the results of `step` of the evaluators `redone`.
    """
    again = tuple(f"{name}/" for name in redone)
    return "".join(
        json_text(record) + "\n"
        for record in read_json_lines(path)
        if record["step"] < step
        or (record["step"] == step and not any(key.startswith(again) for key in record))
    )


def read_json_lines(path: Place) -> list[dict[str, Any]]:
    """Returns the records of a `metrics.jsonl`, [] if absent; a cut-off last line is left out.

    What was infinite or NaN is null in the file and NaN here.

    Raises InputError naming any other line that is not a record.
    """
    if not exists(path):
        return []
    records = []
    try:
        lines = read_text(path).splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            record = parse_json(line)
            if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                raise ValueError("not a record with a step")
        except ValueError as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise InputError(f"{path}, line {number}: {error}; remove that line") from error
        records.append({name: number_of(value) for name, value in record.items()})
    return records


def append_json_line(path: Place, record: Mapping[str, Any]) -> None:
    """Adds `record`, which has an int "step", to `path` as one line.

    A last line cut off by a kill is dropped first. Raises InputError where another line is not a
    record or the file cannot be written. In an object store the file is written anew: of two
    processes that add a line at the same moment one may lose its own.
    """
    whole = read_json_lines(path)
    line = json_text(record) + "\n"
    if not isinstance(path, pathlib.Path):
        write_atomically(path, ("".join(json_text(r) + "\n" for r in whole) + line).encode())
        return
    with _writing(path):
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            write_atomically(path, "".join(json_text(r) + "\n" for r in whole).encode())
        # One write at the end of the file: two processes that append do not lose a line.
        with path.open("ab", buffering=0) as file:
            _append(file, line.encode())


def _append(file: io.RawIOBase, content: bytes) -> None:
    # On a disk that fills up, a first write takes a part and only the next one fails.
    while content:
        content = content[file.write(content) :]


@contextlib.contextmanager
def _writing(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free space or make it writable, then "
            "give the same command again"
        ) from error


class TensorBoard:
    """TensorBoard event files.

    Written by the caller's thread: tensorboardX's own dies at a full disk, and then its queue
    fills up and blocks the caller for ever.
    """

    def __init__(self, directory: pathlib.Path, start_step: int = 0):
        """Opens a new event file; TensorBoard hides the older ones' steps after `start_step`."""
        from jaxrepro.core.reports.event_file import EventFile

        self._directory, self._failed = directory, False
        with _writing(directory):
            self._file = EventFile(directory, start_step + 1 if start_step else None)

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Adds scalars and pictures; InputError where they cannot be written."""
        numbers = {k: float(v) for k, v in results.items() if not isinstance(v, Image)}
        pictures = {k: np.asarray(v.pixels) for k, v in results.items() if isinstance(v, Image)}
        try:
            with _writing(self._directory):
                self._file.write(step, numbers, pictures)
        except InputError:
            self._failed = True
            raise

    def flush(self) -> None:
        """Does nothing: every record is in the file once written."""

    def close(self) -> None:
        """Flushes and closes the event file; InputError where it cannot be written."""
        try:
            with _writing(self._directory):
                self._file.close()
        except InputError:
            # What could not be written before was said then.
            if not self._failed:
                raise


class Pictures:
    """`samples/<name>-<step>.png`, for each picture."""

    def __init__(self, directory: Place):
        self._directory = directory

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Writes each picture among `results` to its own file."""
        for name, value in results.items():
            if isinstance(value, Image):
                file_name = f"{name.replace('/', '-')}-{step:08d}.png"
                write_png(self._directory / file_name, np.asarray(value.pixels))

    def flush(self) -> None:
        """Does nothing: every picture is complete once written."""

    def close(self) -> None:
        """Does nothing: every picture is complete once written."""


class Writers:
    """Several writers as one."""

    def __init__(self, writers: Sequence[MetricWriter]):
        self._writers = tuple(writers)

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Gives `results` to every writer."""
        for writer in self._writers:
            writer.write(step, results)

    def flush(self) -> None:
        """Flushes every writer."""
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        """Closes every writer, all of them even where one cannot be written."""
        with contextlib.ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.close)


def workdir_writers(
    workdir: Place, start_step: int, redone: Sequence[str] = (), wandb: str = ""
) -> Writers:
    """Returns the writers of a run: metrics.jsonl, tb/ and samples/ in `workdir`.

    redone: evaluators that measure `start_step` once more. wandb: a project of Weights & Biases
    that is written to as well. Only process 0 of a job writes. Raises InputError where one cannot
    begin.
    """
    if jax.process_index():
        return Writers([])
    others = [WandbWriter(wandb, workdir)] if wandb else []
    # The lines last: results that are there are everywhere.
    if not isinstance(workdir, pathlib.Path):
        kept = kept_lines(workdir / METRICS, start_step, redone)
        return Writers(
            [
                *others,
                StoreTensorBoard(workdir / "tb", start_step),
                Pictures(workdir / SAMPLES),
                StoreJsonLines(workdir / METRICS, kept),
            ]
        )
    return Writers(
        [
            *others,
            TensorBoard(workdir / "tb", start_step),
            Pictures(workdir / SAMPLES),
            JsonLines(workdir / METRICS, start_step, redone),
        ]
    )
