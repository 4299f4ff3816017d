import json

import pytest

from jaxrepro.compare_runs import results_table
from jaxrepro.core.errors import InputError
from jaxrepro.core.files import places


def run(folder, results, **config):
    folder.mkdir()
    saved = {"model": {"norm": "pixel", "width": 8}, "train": {"total_steps": 9}}
    for section, keys in config.items():
        saved[section] |= keys
    (folder / "config.json").write_text(json.dumps(saved))
    if results is not None:
        (folder / "results.json").write_text(json.dumps({"step": 9, "results": results}))
    return folder


def test_runs_stand_side_by_side_with_what_differs(tmp_path, store):
    plain = run(tmp_path / "plain", {"l1": 0.123456, "psnr": 20, "more": 1})
    several = {"l1": 0.2, "psnr": 19.5, "l1/std": 0.0123, "l1/seed0": 0.1, "l1/seed1": 0.3}
    other = run(tmp_path / "other", several, model={"norm": "none", "depth": 3})
    there = places.place("s3://bucket/plain")
    places.upload(plain, there)
    table = results_table([there, other], ["psnr", "l1"])
    assert table == results_table([plain, other], ["psnr", "l1"])
    assert table.splitlines() == [
        "| run | differs in | psnr | l1 |",
        "| --- | --- | ---: | ---: |",
        "| plain | - | 20 | 0.1235 |",
        "| other | model.depth absent -> 3; model.norm pixel -> none | 19.5 | 0.2 ± 0.012 |",
    ]


def test_a_number_that_is_not_finite_is_shown_as_such(tmp_path):
    plain = run(tmp_path / "plain", {"psnr": None, "l1": 0.5})
    assert results_table([plain], ["psnr", "l1"]).endswith("| plain | - | nan | 0.5 |")


def test_what_is_missing_is_named(tmp_path):
    plain = run(tmp_path / "plain", {"l1": 0.1, "psnr": 20})
    with pytest.raises(InputError, match="no ssim in .*plain/results.json; it has l1, psnr"):
        results_table([plain], ["l1", "ssim"])
    going_on = run(tmp_path / "going_on", None)
    with pytest.raises(InputError, match="going_on/results.json is not there: the run is not fin"):
        results_table([plain, going_on], ["l1"])
    with pytest.raises(InputError, match="nothing"):
        results_table([tmp_path / "nothing"], ["l1"])
