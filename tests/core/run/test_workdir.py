import contextlib
import json
import os
import socket

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import workdir
from jaxrepro.core.run.run_record import record_start


def claim(folder, config, defaults=None):
    with workdir.claimed(folder, config, defaults=defaults):
        pass


CONFIG = {"seed": 0, "train": {"total_steps": 5}}


def test_same_config_continues_and_other_is_refused(tmp_path):
    folder = tmp_path / "run"
    claim(folder, CONFIG)
    claim(folder, {"seed": 0, "train": {"total_steps": 9}})
    assert workdir.read_json(folder / workdir.CONFIG)["train"]["total_steps"] == 9
    with pytest.raises(InputError, match=r"another config \(seed: 0 -> 1\)"):
        claim(folder, {"seed": 1, "train": {"total_steps": 9}})
    assert workdir.read_json(folder / workdir.CONFIG)["seed"] == 0


def test_a_start_that_was_killed_while_it_wrote_the_config_is_no_strange_folder(tmp_path):
    (tmp_path / ".config.json.a1.tmp").write_bytes(b"half")
    claim(tmp_path, CONFIG)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "config.json"]
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / ".sheet.png.b2.tmp").write_bytes(b"half")
    (tmp_path / "samples" / "sheet.png").write_bytes(b"whole")
    claim(tmp_path, CONFIG)
    assert [p.name for p in (tmp_path / "samples").iterdir()] == ["sheet.png"]


def test_two_runs_do_not_share_a_workdir(tmp_path):
    with workdir.claimed(tmp_path, CONFIG, "mark"):
        for _ in range(2):  # The first refusal leaves what the second one names.
            expected = rf"in use by another run \(process {os.getpid()} on .*\); wait"
            with pytest.raises(workdir.InUseError, match=expected):
                claim(tmp_path, CONFIG)
        workdir.wait_for_mark(tmp_path, "mark", patience=0)
    with workdir.claimed(tmp_path, CONFIG, "next"):
        workdir.wait_for_mark(tmp_path, "next", patience=0)


def test_a_run_that_is_ending_is_waited_for(tmp_path, monkeypatch, capsys):
    waits = []
    with contextlib.ExitStack() as other:
        other.enter_context(workdir.claimed(tmp_path, CONFIG))
        clock = iter(range(100))
        monkeypatch.setattr(workdir.time, "monotonic", lambda: next(clock))

        def sleep(seconds):
            waits.append(seconds)
            if len(waits) == 4:
                other.close()

        monkeypatch.setattr(workdir.time, "sleep", sleep)
        # Looked at the times 0 (+ 2), 1, 2, and refused then.
        with (
            pytest.raises(workdir.InUseError),
            workdir.claimed(tmp_path, CONFIG, patience=2),
        ):
            pass
        assert waits == [0.5]
        with workdir.claimed(tmp_path, CONFIG, patience=60):
            assert len(waits) == 4
    line = f"{tmp_path} is in use by process {os.getpid()} on {socket.gethostname()}: waiting up to"
    assert capsys.readouterr().out.splitlines() == [
        f"{line} 2 s for its end",
        f"{line} 60 s for its end",
    ]


def test_a_run_older_than_a_key_continues(tmp_path):
    claim(tmp_path, {"seed": 1})
    # What it recorded then has no meaning today.
    start = {"step": 0, "config_sha256": "of other keys"}
    (tmp_path / "run.json").write_text(json.dumps({"starts": [start]}))
    newer = {"seed": 1, "model": {"groups": 1}}
    with pytest.raises(InputError, match=r"another config \(model.groups: absent -> 1\)"):
        claim(tmp_path, newer)
    with pytest.raises(InputError, match=r"another config \(model.groups: 2 -> 1\)"):
        claim(tmp_path, newer, defaults={"model.groups": 2})
    claim(tmp_path, newer, defaults={"model.groups": 1})
    assert workdir.read_config(tmp_path) == newer


def test_strange_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"not of a run: it holds thesis\.tex"):
        claim(tmp_path, CONFIG)


def test_unwritable_and_damaged(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot use workdir"):
        claim(tmp_path / "file", CONFIG)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read .*config\.json"):
        claim(tmp_path, CONFIG)
    with pytest.raises(InputError, match="is not the workdir of a run"):
        workdir.read_json(tmp_path / "none" / "config.json")


def test_the_other_processes_see_the_folder_that_process_0_claimed(tmp_path):
    with workdir.claimed(tmp_path / "run", {"seed": 1}, "mark of this job"):
        workdir.wait_for_mark(tmp_path / "run", "mark of this job", patience=0)
        with pytest.raises(InputError, match="not the folder that process 0 writes to"):
            workdir.wait_for_mark(tmp_path / "run", "mark of another", patience=0)
    with pytest.raises(InputError, match="a disk that all machines of the job share"):
        workdir.wait_for_mark(tmp_path / "nowhere", "mark of this job", patience=0)


def test_an_altered_config_is_named_and_its_own_command_writes_it_anew(tmp_path):
    claim(tmp_path, CONFIG)
    record_start(tmp_path, 0)
    path = tmp_path / "config.json"
    whole = path.read_text()
    assert workdir.read_config(tmp_path) == CONFIG
    # Another length is no damage: a continuation may choose it.
    path.write_text(whole.replace("5", "6"))
    assert workdir.read_config(tmp_path)["train"]["total_steps"] == 6
    path.write_text(whole.replace('"seed": 0', '"seed": 8'))
    with pytest.raises(InputError, match=r"config\.json was altered .*train command"):
        workdir.read_config(tmp_path)
    with pytest.raises(InputError, match=r"config\.json was altered"):
        claim(tmp_path, {**CONFIG, "seed": 8})
    for damaged in (path.read_text(), whole[:20]):
        path.write_text(damaged)
        claim(tmp_path, CONFIG)
        assert path.read_text() == whole
