"""The short form of `python -m tests.kills`: one paper, a kill in every phase of a run."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from tests.kills.cases import PAPERS
from tests.kills.training import EVALUATING, FINISHING, SAVING, TRAINING
from tests.kills.victim import torment


def short(name):
    (paper,) = (paper for paper in PAPERS if paper.name == name)
    return dataclasses.replace(paper, total_steps=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kills")


def test_killed_runs_end_as_one_that_nobody_disturbed(folder):
    aims = (TRAINING, SAVING, EVALUATING, FINISHING)
    record = torment(short("srcnn"), folder, len(aims), np.random.default_rng(0), aims=aims)
    assert record.differences == []
    assert [kill["aimed_at"] for kill in record.kills] == list(aims)
    assert sum(each["compared"] for each in record.rounds) >= 3 * 10


def test_the_comparison_finds_what_is_wrong(folder):
    command, reference = short("srcnn"), folder / "srcnn-reference"
    lines = (reference / "metrics.jsonl").read_text().splitlines(keepends=True)
    changed = folder / "changed"
    shutil.copytree(reference, changed)
    assert command.compare(changed, reference)[0] == []

    (changed / "metrics.jsonl").write_text("".join([*lines, lines[-1]]))
    (changed / "results.json").write_text(json.dumps({"step": 24, "results": {}}))
    (changed / "samples" / ".filters.png.tmp").write_bytes(b"half")
    shutil.move(changed / "checkpoints" / "16", changed / "checkpoints" / "8")
    shutil.rmtree(changed / "checkpoints" / "20")
    shutil.copytree(changed / "checkpoints" / "8", changed / "checkpoints" / "20")
    found = "\n".join(command.compare(changed, reference)[0])
    for text in (
        "metrics.jsonl: 27 lines, 26",
        "results.json differs",
        "left over: samples/.filters.png.tmp",
        "a file of one run only: checkpoints/8",
        "a file of one run only: checkpoints/16",
        "step 20: nets/model/params/",
    ):
        assert text in found
    (event_file,) = (changed / "tb").iterdir()
    event_file.write_bytes(event_file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="half a record"):
        command.compare(changed, reference)
