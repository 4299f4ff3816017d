import fcntl
import json
import math
import pathlib

import numpy as np
import pytest
from PIL import Image as PilImage

from jaxrepro.core.errors import InputError
from jaxrepro.core.files import whole_files as files
from jaxrepro.core.reports import event_file, writers
from jaxrepro.core.task import Every, Image
from tests.kills.events import read_scalars


def test_every():
    assert [s for s in range(1, 11) if Every(4).due(s, 10)] == [4, 8, 10]
    assert [s for s in range(1, 11) if Every(0).due(s, 10)] == [10]


def test_write_atomically_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_what_a_killed_process_had_begun_is_removed_and_a_live_one_keeps_its_own(tmp_path):
    started = [tmp_path / f".page.html.{number}.tmp" for number in (1, 2)]
    for path in (*started, tmp_path / "notes.tmp", tmp_path / ".hidden"):
        path.write_bytes(b"half")
    with started[1].open("rb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        files.remove_abandoned(tmp_path)
        assert {p.name for p in tmp_path.iterdir()} == {started[1].name, "notes.tmp", ".hidden"}
    files.remove_abandoned(tmp_path)
    assert not started[1].exists()
    files.remove_abandoned(tmp_path / "nowhere")


def test_a_write_under_way_is_known_as_live_and_shows_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "b.txt"
    path.write_bytes(b"old")
    seen = []

    def replace(source, target):
        files.remove_abandoned(tmp_path)
        seen.append((pathlib.Path(source).read_bytes(), path.read_bytes(), target))

    monkeypatch.setattr(files.os, "replace", replace)
    files.write_atomically(path, b"new")
    assert seen == [(b"new", b"old", path)]


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


def test_json_lines_have_null_where_a_number_is_not_finite(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = writers.JsonLines(path)
    writer.write(1, {"psnr": math.inf, "loss": math.nan, "ssim": 1.0})
    writer.close()
    line = '{"step": 1, "psnr": null, "loss": null, "ssim": 1.0}\n'
    assert path.read_text() == line
    (record,) = writers.read_json_lines(path)
    assert math.isnan(record["psnr"]) and record["ssim"] == 1.0
    # Lines of before are kept as they are when the file is written anew.
    assert writers.kept_lines(path, 1) == line
    path.write_text(line + '{"step": 2, "re')
    writers.append_json_line(path, {"step": 2, "results": {"fid": -math.inf}})
    assert path.read_text() == line + '{"step": 2, "results": {"fid": null}}\n'


def test_json_lines_drop_the_results_that_are_measured_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": 1, "fid/x": 1}, {"step": 2, "loss": 2}, {"step": 2, "fid/x": 3, "map/y": 4}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    writers.JsonLines(path, start_step=2, redone=["fidelity", "sheet"]).close()
    assert writers.read_json_lines(path) == lines
    writers.JsonLines(path, start_step=2, redone=["fid", "map"]).close()
    assert writers.read_json_lines(path) == lines[:2]


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
    assert read_scalars(tmp_path / "tb") == {(5, "loss/d"): 0.5}
    # A continuation from step 4 hides what is later, one from step 5 nothing.
    for start, shown in ((5, {(5, "loss/d"): 0.5}), (4, {})):
        writers.workdir_writers(tmp_path, start).close()
        assert read_scalars(tmp_path / "tb") == shown


def test_a_killed_run_loses_no_numbers_of_tensorboard(tmp_path):
    """What was written is in the file before it is closed, and half a record is cut off."""
    killed = event_file.EventFile(tmp_path)
    for step in (1, 2, 3):
        killed.write(step, {"loss": step / 2}, {"sheet": np.zeros((40, 40, 3), np.uint8)})
    expected = {(step, "loss"): step / 2 for step in (1, 2, 3)}
    assert read_scalars(tmp_path) == expected
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(path.read_bytes()[:50])  # A whole record and some bytes of the next.
    before = path.stat().st_size
    with pytest.raises(ValueError, match="half a record"):
        read_scalars(tmp_path)
    continued = event_file.EventFile(tmp_path, purge_step=3)
    assert 0 < before - path.stat().st_size < 50
    continued.write(4, {"loss": 9.0}, {})
    # What the older file holds of step 3 is hidden; and what ends in a whole record stays.
    again = event_file.EventFile(tmp_path)
    assert read_scalars(tmp_path) == {(1, "loss"): 0.5, (2, "loss"): 1.0, (4, "loss"): 9.0}
    for file in (killed, continued, again):
        file.close()


def test_what_a_killed_process_had_begun_goes_with_the_next_write(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_abandoned", {})
    begun = tmp_path / ".a.png.x1_y2z3w.tmp"
    others = [tmp_path / name for name in (".b.png.x1_y2z3w.tmp", ".a.png.tmp", ".a.png.short.tmp")]
    for path in (begun, *others):
        path.write_bytes(b"half")
    with begun.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # Of a process that still writes.
        files.write_atomically(tmp_path / "a.png", b"whole")
        assert begun.exists()
    files._abandoned.clear()
    files.write_atomically(tmp_path / "a.png", b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a.png", *others])
