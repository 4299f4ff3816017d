"""The digests of a folder read by several processes; one process's are tested with checkpoints."""

import json
import os

import jax
import numpy as np
import pytest

from jaxrepro.core.checkpoints import digests


@pytest.mark.parametrize("what", ["nothing", "b altered", "a and b altered", "unreadable"])
def test_all_processes_give_one_answer(what, tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).write_text(name)
    digests.write_digests(tmp_path)
    for name in what.removesuffix(" altered").split(" and ") if "altered" in what else ():
        (tmp_path / name).write_text("other")
    if what == "unreadable":
        (tmp_path / digests.DIGESTS).write_text("{")

    def seen_by(process, others):
        def gather(mine):
            seen[process] = int(mine)
            return np.array([mine, others])

        monkeypatch.setattr(jax, "process_index", lambda: process)
        monkeypatch.setattr(digests.multihost_utils, "process_allgather", gather)
        return digests.find_damage(tmp_path)

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    seen = {}
    for process in range(2):
        seen_by(process, digests._ALL_GOOD)
    answers = {seen_by(process, seen[1 - process]) for process in range(2)}
    (answer,) = {text.partition(" (")[0] for text in answers if text is not None}
    assert (
        answer.removeprefix(f"{tmp_path}/")
        == {
            "nothing": "",
            "b altered": "b was altered after it was written",
            "a and b altered": "a was altered after it was written",
            "unreadable": "digests.json cannot be read",
        }[what]
    )


@pytest.mark.parametrize("name", ["/dev/zero", "../secret", "a/../../secret"])
def test_nothing_outside_the_folder_is_read(name, tmp_path):
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / digests.DIGESTS).write_text(json.dumps({"files": {name: "0" * 64}}))
    damage = digests.find_damage(folder)
    assert damage == f"{folder / digests.DIGESTS} cannot be read (it names {name!r})"


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path):
    (tmp_path / "a").write_text("a")
    digests.write_digests(tmp_path)
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    assert digests.find_damage(tmp_path) == f"{tmp_path / 'a'} is missing"
