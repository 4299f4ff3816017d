"""Metrics of a run whose workdir is in an object store, where no file can be added to.

What is new is kept on this machine and goes to the store whole: once a minute, and whenever the
run flushes, which it does before it saves a checkpoint. A process that is killed thus loses no
number of a step up to its last checkpoint, and the continuation writes the later ones again.
"""

import secrets
import time
from collections.abc import Mapping

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, reason, upload
from jaxrepro.core.files.staging import StagingFolder
from jaxrepro.core.files.strict_json import json_text
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.core.task import Image

_UPLOAD_SECONDS = 60.0
# An event file is uploaded again and again while it grows; after this many bytes a new one starts.
_EVENT_FILE_BYTES = 8_000_000


class _Clock:
    """Says whether it is time for an upload."""

    def __init__(self):
        self._last = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._last >= _UPLOAD_SECONDS

    def reset(self) -> None:
        self._last = time.monotonic()


class StoreJsonLines:
    """A file of JSON lines in a store; `JsonLines` on a disk."""

    def __init__(self, path: Place, kept: str):
        """Writes `path` anew, with the lines `kept`."""
        self._path, self._content = path, kept
        self._clock, self._changed = _Clock(), True
        self.flush()

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Adds the numbers among `results`; uploads once a minute."""
        numbers = {k: float(v) for k, v in results.items() if not isinstance(v, Image)}
        if numbers:
            self._content += json_text({"step": step, **numbers}) + "\n"
            self._changed = True
        if self._clock.due():
            self.flush()

    def flush(self) -> None:
        """Uploads the file if there is something new in it."""
        if self._changed:
            write_atomically(self._path, self._content.encode())
        self._changed = False
        self._clock.reset()

    def close(self) -> None:
        """Uploads what is new."""
        self.flush()


class StoreTensorBoard:
    """TensorBoard event files in a store, several of limited size."""

    def __init__(self, directory: Place, start_step: int = 0):
        """Starts an event file; TensorBoard hides the older ones' steps after `start_step`."""
        self._directory = directory
        self._staging = StagingFolder()
        self._token = secrets.token_hex(4)
        self._clock, self._changed, self._files = _Clock(), False, 0
        self._start(start_step + 1 if start_step else None)

    def _start(self, purge_step: int | None) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        # pyright does not see into generated modules.
        from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore

        # Two files of one second need different names; those of one process sort in their order.
        suffix = f".{self._token}.{self._files:05d}"
        self._files += 1
        # Written by this thread: what tensorboardX's own has not come to would not be uploaded.
        self._file = EventsWriter(str(self._staging.path / "events"), suffix)
        if purge_step is not None:
            start = SessionLog(status=SessionLog.START)
            self._file.write_event(Event(step=purge_step, session_log=start))

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Adds scalars and pictures; uploads once a minute."""
        from tensorboardX import summary
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore

        for name, value in results.items():
            content = (
                summary.image(name, value.pixels, dataformats="HWC")
                if isinstance(value, Image)
                else summary.scalar(name, float(value))
            )
            self._file.write_event(Event(step=step, wall_time=time.time(), summary=content))
        self._changed = True
        if self._clock.due():
            self.flush()

    def flush(self) -> None:
        """Uploads the event file if there is something new in it."""
        if self._changed:
            self._file.flush()
            self._upload()
            if sum(p.stat().st_size for p in self._staging.path.iterdir()) > _EVENT_FILE_BYTES:
                self._file.close()
                self._upload()
                for path in self._staging.path.iterdir():
                    path.unlink()
                self._start(None)
        self._changed = False
        self._clock.reset()

    def _upload(self) -> None:
        try:
            upload(self._staging.path, self._directory)
        except OSError as error:
            raise InputError(f"cannot write {self._directory}: {reason(error)}") from error

    def close(self) -> None:
        """Uploads what is new and closes the event file."""
        self._file.close()
        self._upload()
        self._staging.close()
