"""TensorBoard's event files, written so that a killed process leaves whole ones."""

import itertools
import os
import pathlib
import socket
import struct
import time
from collections.abc import Mapping

import numpy as np

_PREFIX = "events"
_LENGTH = struct.Struct("<Q")
# Of a record: the length and its checksum before the content, the content's checksum after it.
_NUM_BYTES_AROUND = _LENGTH.size + 4 + 4
_numbers = itertools.count()


class EventFile:
    """A new event file; what is written is in the file at once.

    tensorboardX's SummaryWriter keeps up to two minutes of numbers in memory, which a kill loses:
    numbers of steps before the last checkpoint, which no continuation measures again.
    """

    def __init__(self, directory: pathlib.Path, purge_step: int | None = None):
        """Opens it, and cuts off what killed processes left unfinished in the older ones.

        purge_step: TensorBoard hides what the older ones hold of it and of later steps.
        """
        from tensorboardX.record_writer import RecordWriter

        directory.mkdir(parents=True, exist_ok=True)
        for older in directory.glob(f"{_PREFIX}.out.tfevents.*"):
            cut_after_last_record(older)
        # Two files that begin in one second would otherwise have one name.
        unique = f"{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        # tensorboardX's own writer of events stays open where closing fails, as on a full disk.
        self._records = RecordWriter(str(directory / f"{_PREFIX}.out.tfevents.{unique}"))
        self._add(file_version="brain.Event:2")
        if purge_step is not None:
            self._add(step=purge_step, session_log={"status": "START"})
        self._records.flush()

    def write(
        self, step: int, numbers: Mapping[str, float], pictures: Mapping[str, np.ndarray]
    ) -> None:
        """Adds what was measured after `step` updates; pictures are uint8 [H, W, 1 or 3]."""
        from tensorboardX import summary

        parts = [summary.scalar(name, value) for name, value in numbers.items()]
        parts += [
            summary.image(name, pixels, dataformats="HWC") for name, pixels in pictures.items()
        ]
        if parts:
            self._add(step=step, summary={"value": [v for part in parts for v in part.value]})
            self._records.flush()

    def close(self) -> None:
        """Closes the file."""
        self._records.close()

    def _add(self, **content) -> None:
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore

        event = Event(wall_time=time.time(), **content)
        self._records.write(event.SerializeToString())


def cut_after_last_record(path: pathlib.Path) -> None:
    """Shortens an event file to its whole records; leaves one that ends in a record as it is."""
    num_bytes = path.stat().st_size
    end = 0
    with path.open("rb") as file:
        while len(head := file.read(_LENGTH.size)) == _LENGTH.size:
            after = end + _NUM_BYTES_AROUND + _LENGTH.unpack(head)[0]
            if after > num_bytes:
                break
            end = after
            file.seek(end)
    if end < num_bytes:
        os.truncate(path, end)
