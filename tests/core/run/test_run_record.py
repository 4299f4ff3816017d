import json

import jax
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.writers import append_json_line, read_json_lines
from jaxrepro.core.run import run_record


def test_starts_and_their_ends(tmp_path):
    assert run_record.read_starts(tmp_path) == []
    run_record.record_end(tmp_path, "finished")
    assert not (tmp_path / "run.json").exists()
    run_record.record_start(tmp_path, 0)
    run_record.record_start(tmp_path, 50, 50, 2)
    run_record.record_end(tmp_path, "stopped", "saved at step 60")
    run_record.record_end(tmp_path, "finished")
    first, second = run_record.read_starts(tmp_path)
    assert (first["step"], second["step"]) == (0, 50)
    assert (first["resume"], first["resume_attempt"]) == (None, None)
    assert (second["resume"], second["resume_attempt"]) == (50, 2)
    assert "ended" not in first
    assert (second["outcome"], second["message"]) == ("stopped", "saved at step 60")
    assert first["devices"]["count"] == jax.device_count()
    assert first["versions"]["jax"] == jax.__version__
    assert set(first["versions"]) >= {"python", "jaxlib", "flax", "optax", "numpy", "jaxrepro"}


def test_damaged_record_is_named(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"starts": [{"time": "t", "step": "5"}]}))
    with pytest.raises(InputError, match=r'run\.json has no list "starts"'):
        run_record.record_start(tmp_path, 0)


def test_lines_are_appended_and_a_cut_one_dropped(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    append_json_line(path, {"step": 1})
    append_json_line(path, {"step": 2})
    with path.open("a") as file:
        file.write('{"step": 3, "res')
    append_json_line(path, {"step": 4})
    assert [record["step"] for record in read_json_lines(path)] == [1, 2, 4]
    path.write_text("bad\n")
    with pytest.raises(InputError, match="line 1"):
        append_json_line(path, {"step": 5})
    assert path.read_text() == "bad\n"
