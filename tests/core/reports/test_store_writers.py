import json

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.reports import store_writers, writers
from jaxrepro.core.task import Image

RUN = "bucket/run/"


def events(content):
    """Returns the steps in an event file; the checksums are compared."""
    steps = []
    while content:
        length = int.from_bytes(content[:8], "little")
        data, crc = content[12 : 12 + length], content[12 + length : 16 + length]
        assert int.from_bytes(crc, "little") == masked_crc32c(data)
        event = Event.FromString(data)
        if event.HasField("summary"):
            steps.append(event.step)
        content = content[16 + length :]
    return steps


def metrics(store):
    return [json.loads(line)["step"] for line in store.texts()[RUN + "metrics.jsonl"].splitlines()]


def event_files(store):
    texts = store.texts()
    files = [events(texts[name]) for name in texts if name.startswith(RUN + "tb/")]
    return sorted(files)


def test_metrics_are_uploaded_when_flushed_and_continued(store):
    folder = place("s3://bucket/run")
    writer = writers.workdir_writers(folder, 0)
    pixels = np.zeros((2, 2, 3), np.uint8)
    writer.write(10, {"loss": 1.0, "sheet": Image(pixels)})
    assert metrics(store) == [] and RUN + "samples/sheet-00000010.png" in store.texts()
    writer.flush()
    assert metrics(store) == [10] and event_files(store) == [[10, 10]]
    writer.write(20, {"loss": 2.0})
    writer.close()
    assert metrics(store) == [10, 20] and event_files(store) == [[10, 10, 20]]

    # A run that goes on after step 10.
    again = writers.workdir_writers(folder, 10)
    assert metrics(store) == [10]
    again.write(30, {"loss": 3.0})
    again.close()
    assert metrics(store) == [10, 30] and event_files(store) == [[10, 10, 20], [30]]
    writers.append_json_line(folder / "evaluations.jsonl", {"step": 1})
    writers.append_json_line(folder / "evaluations.jsonl", {"step": 2})
    assert store.texts()[RUN + "evaluations.jsonl"] == b'{"step": 1}\n{"step": 2}\n'


def test_uploads_are_bounded_in_number_and_size(store, monkeypatch):
    folder = place("s3://bucket/run")
    monkeypatch.setattr(store_writers, "_EVENT_FILE_BYTES", 400)
    writer = writers.workdir_writers(folder, 0)
    for step in range(1, 31):
        writer.write(step, {"loss": 1.0})
    assert metrics(store) == []
    monkeypatch.setattr(store_writers, "_UPLOAD_SECONDS", 0)
    for step in range(31, 61):
        writer.write(step, {"loss": 1.0})
    assert metrics(store) == list(range(1, 61))
    writer.close()
    files = event_files(store)
    assert sum(files, []) == list(range(1, 61))  # noqa: RUF017
    assert len(files) > 3 and max(map(len, files[1:])) < 15


def test_a_store_that_does_not_answer_loses_no_metrics(store):
    folder = place("s3://bucket/run")
    writers.append_json_line(folder / "metrics.jsonl", {"step": 1})
    store.reading_failure = TimeoutError("no answer")
    with pytest.raises(InputError, match="no answer"):
        writers.workdir_writers(folder, 1)
    assert metrics(store) == [1]
