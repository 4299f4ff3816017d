"""Reads TensorBoard's event files, as TensorBoard shows them."""

import pathlib
import struct
from collections.abc import Iterator

import numpy as np


def read_records(path: pathlib.Path) -> Iterator[bytes]:
    """Yields the records of an event file; ValueError where one is cut off or altered."""
    from tensorboardX.record_writer import masked_crc32c

    content = path.read_bytes()
    place = 0
    while place < len(content):
        head, checksum = content[place : place + 8], content[place + 8 : place + 12]
        if len(checksum) < 4 or struct.unpack("<I", checksum)[0] != masked_crc32c(head):
            raise ValueError(f"{path}: half a record at byte {place}")
        (length,) = struct.unpack("<Q", head)
        record = content[place + 12 : place + 12 + length]
        checksum = content[place + 12 + length : place + 16 + length]
        if len(checksum) < 4 or struct.unpack("<I", checksum)[0] != masked_crc32c(record):
            raise ValueError(f"{path}: half a record at byte {place}")
        yield record
        place += 16 + length


def read_scalars(directory: pathlib.Path) -> dict[tuple[int, str], np.float32]:
    """Returns the numbers by step and name; a later start of the run hides what it repeats."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore

    shown: dict[tuple[int, str], np.float32] = {}
    for path in sorted(directory.iterdir()):
        for record in read_records(path):
            event = Event.FromString(record)
            if event.session_log.status == SessionLog.START:
                shown = {k: v for k, v in shown.items() if k[0] < event.step}
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    shown[event.step, value.tag] = np.float32(value.simple_value)
    return shown
