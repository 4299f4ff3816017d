import json

import numpy as np
import pytest
from PIL import Image as PilImage

from jaxrepro.core import files, writers
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import Every, Image


def test_every():
    assert [s for s in range(1, 11) if Every(4).due(s, 10)] == [4, 8, 10]
    assert [s for s in range(1, 11) if Every(0).due(s, 10)] == [10]


def test_write_atomically_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_unwritable_path_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write .*file/b"):
        files.write_atomically(tmp_path / "file" / "b", b"")


def test_json_lines_drop_what_the_continuation_writes_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = writers.JsonLines(path)
    for step in (10, 20, 30):
        writer.write(step, {"loss": step / 10, "sheet": Image(np.zeros((2, 2, 1), np.uint8))})
    writer.close()
    with path.open("a") as file:
        file.write('{"step": 40, "lo')
    assert [r["step"] for r in writers.read_json_lines(path)] == [10, 20, 30]
    writer = writers.JsonLines(path, start_step=20)
    writer.write(30, {"loss": 9.0})
    writer.close()
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert records == [
        {"step": 10, "loss": 1.0},
        {"step": 20, "loss": 2.0},
        {"step": 30, "loss": 9.0},
    ]


def test_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    with pytest.raises(InputError, match="line 2"):
        writers.read_json_lines(path)


def test_workdir_writers_write_everywhere(tmp_path):
    writer = writers.workdir_writers(tmp_path, 0)
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    writer.write(5, {"loss/d": 0.5, "samples/sheet": Image(pixels)})
    writer.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 5, "loss/d": 0.5}
    with PilImage.open(tmp_path / "samples" / "samples-sheet-00000005.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)
    assert list((tmp_path / "tb").glob("events.*"))
