"""Measured records: pointers into older files, runs, and the one shape of new ones."""

import json

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.records import of_runs, path_of, pointed, read_record, write_record
from jaxrepro.evidence.rules import Between

OLD = {"runs": [{"psnr": 30.0}, {"psnr": 31.0, "seeds": [31.0, 31.5], "a/b": {"~": 2}}], "x": "y"}


def claim(*arms, **more):
    return Claim(
        "srcnn/x", "It is so.", "us", arms, (Result("psnr"),), Between("a", "psnr", low=1), **more
    )


def kept(values, **more):
    return Arm("a", kept=Kept("old.json", {"psnr": values}), **more)


@pytest.fixture
def results(tmp_path):
    (tmp_path / "old.json").write_text(
        json.dumps(OLD | {"versions": {"jax": "1"}, "c": ["a", "b"]})
    )
    return tmp_path


def run_folder(folder, results, seed=0):
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps({"step": 7, "results": results}))
    start = {"command": ["python", "-m", "x"], "time": "now", "devices": {}, "versions": {}}
    (folder / "run.json").write_text(json.dumps({"starts": [start]}))
    (folder / "config.json").write_text(json.dumps({"seed": seed}))
    return folder


@pytest.mark.parametrize(
    ("pointers", "values"),
    [
        ("/runs/0/psnr", {0: 30}),
        ("/runs/-1/psnr", {0: 31}),
        ("/runs/1/seeds", {0: 31, 1: 31.5}),
        (("/runs/0/psnr", "/runs/1/psnr"), {0: 30, 1: 31}),
        ("/runs/1/a~1b/~0", {0: 2}),
    ],
)
def test_pointers(results, pointers, values):
    found = read_record(claim(kept(pointers)), results).values("a", "psnr")
    assert found.by_seed == values


def test_a_number_without_chance_is_of_no_seed(results):
    record = read_record(claim(kept("/runs/0/psnr", seeded=False)), results)
    assert record.values("a", "psnr").by_seed == {None: 30}
    assert not record.values("a", "psnr").once
    with pytest.raises(InputError, match="2 numbers at /l, not one"):
        pointed({"l": [1, 2]}, "/l", False, results)


def test_the_older_records_command_and_versions_stay(results):
    arm = Arm("a", kept=Kept("old.json", {"psnr": "/runs/0/psnr"}, "/c"))
    one = read_record(claim(arm), results).arms["a"]
    assert (one.command, one.kept_in, one.provenance) == (
        "a b",
        "old.json",
        {"versions": {"jax": "1"}},
    )


@pytest.mark.parametrize(
    ("pointers", "message"),
    [
        ("/runs/2/psnr", "claim srcnn/x, arm 'a': .*old.json has nothing at /runs/2/psnr: no '2'"),
        ("/x", "has no numbers at /x"),
        ("/runs/0/none", "no 'none'"),
    ],
)
def test_pointers_to_nothing_are_one_line(results, pointers, message):
    with pytest.raises(InputError, match=message) as caught:
        read_record(claim(kept(pointers)), results)
    assert "\n" not in str(caught.value)


def test_a_removed_and_a_damaged_file_are_named(results):
    (results / "old.json").write_text('{"runs": [')
    with pytest.raises(InputError, match=r"old\.json is no JSON"):
        read_record(claim(kept("/runs/0/psnr")), results)
    (results / "old.json").unlink()
    with pytest.raises(InputError, match=r"cannot read .*old\.json: No such file"):
        read_record(claim(kept("/runs/0/psnr")), results)


def test_runs_of_several_seeds_and_several_runs_of_one(tmp_path):
    several = {"psnr": 30.5, "psnr/std": 0.7, "psnr/seed0": 30.0, "psnr/seed3": 31.0}
    folder = run_folder(tmp_path / "several", several)
    assert of_runs(Arm("a", folders=("f",)), [folder]).values["psnr"].by_seed == {0: 30, 3: 31}
    folders = [run_folder(tmp_path / str(seed), {"psnr": seed + 30.0}, seed) for seed in (1, 5)]
    record = of_runs(Arm("a", folders=("f",)), folders)
    assert record.values["psnr"].by_seed == {1: 31, 5: 35}
    assert (record.step, record.command) == (7, "python -m x")
    with pytest.raises(InputError, match=r"cannot read .*results\.json"):
        of_runs(Arm("a", folders=("f",)), [tmp_path])


def test_a_record_is_read_as_it_was_written(tmp_path):
    arm = Arm("a", run="configs/x.py")
    one = claim(arm, Arm("b", run="configs/y.py"))
    measured = {"psnr": 30.5, "psnr/std": 0.7, "psnr/seed0": 30.0, "psnr/seed1": 31.0}
    record = read_record(one, tmp_path)
    assert [arm.label for arm in record.missing] == ["a", "b"]
    assert record.verdict().status == "open"
    record.arms["a"] = of_runs(arm, [run_folder(tmp_path / "run", measured)])
    path = write_record(record, tmp_path)
    assert path == path_of(one, tmp_path) == tmp_path / "srcnn" / "x.json"
    again = read_record(one, tmp_path)
    assert again.arms == record.arms
    assert [arm.label for arm in again.missing] == ["b"]
    assert str(tmp_path) not in path.read_text()
    entry = json.loads(path.read_text())
    del entry["arms"]["a"]["results"]["psnr"]["seeds"]
    path.write_text(json.dumps(entry))
    with pytest.raises(InputError, match="is no record of claim srcnn/x: 'seeds'"):
        read_record(one, tmp_path)


def test_what_lacks_a_machine_is_parity_where_tests_show_the_code(tmp_path):
    lacking = {"without": "a pod"}
    tests = {"parity": ("tests/x.py::test_y",)}
    arm = Arm("a", run="configs/x.py")
    for one, status in (
        (Claim("a/b", "So.", "us", **lacking), "open"),
        (Claim("a/b", "So.", "us", **lacking, **tests), "parity"),
        (claim(arm, **lacking, **tests), "parity"),
        (claim(arm, **lacking), "open"),
    ):
        assert read_record(one, tmp_path).verdict().status == status


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "x"}, "a name is like ricap/lower_error"),
        ({"arms": ()}, "arms and a rule belong together"),
        ({"arms": (Arm("b", run="c"),)}, "the rule is about an arm 'a'"),
        ({"results": ()}, "the rule is about a result 'psnr'"),
        ({"arms": (Arm("a", run="c"), Arm("a", run="d"))}, "two arms have one label"),
        ({"arms": (Arm("a"),)}, "arm 'a' has no run, verb, record or folders"),
        ({"arms": (Arm("a", verb="v"),)}, "arm 'a': a verb and values belong together"),
        ({"arms": (Arm("a", run="c", published={"ssim": 1}),)}, r"arm 'a' has \['ssim'\]"),
        ({"quoted": "heard"}, "quoted='heard'; allowed: read, second hand, memory"),
        ({"arms": (), "rule": None}, "without arms it must say what is lacking"),
    ],
)
def test_claims_that_contradict_themselves(changes, message):
    given = {
        "name": "srcnn/x",
        "says": "So.",
        "source": "us",
        "arms": (Arm("a", run="c"),),
        "results": (Result("psnr"),),
        "rule": Between("a", "psnr", low=1),
    }
    with pytest.raises(InputError, match=message):
        Claim(**given | changes)


def test_a_result_of_a_run_may_have_another_name(tmp_path):
    folder = run_folder(tmp_path / "run", {"test/psnr": 30.0, "baselines/psnr": 20.0})
    arm = Arm("a", run="configs/x.py", values={"psnr": "baselines/psnr"}, seeded=False)
    assert of_runs(arm, [folder]).values["psnr"].by_seed == {None: 20.0}
    wrong = Arm("a", run="configs/x.py", values={"psnr": "psnr"})
    with pytest.raises(InputError, match="has no result psnr; it has test/psnr, baselines/psnr"):
        of_runs(wrong, [folder])
