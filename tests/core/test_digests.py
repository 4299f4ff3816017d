"""The digests of a folder read by several processes; one process's are tested with checkpoints."""

import jax
import numpy as np
import pytest

from jaxrepro.core import digests


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
