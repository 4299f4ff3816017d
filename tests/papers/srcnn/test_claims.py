"""That the claims point at what they name, and that the tables are those of before."""

import json
import pathlib

import pytest

from jaxrepro.evidence.records import pointed, read_record
from jaxrepro.papers.srcnn.claims import CLAIMS
from jaxrepro.papers.srcnn.evidence import colors, protocols, released_weights
from jaxrepro.papers.srcnn.tables.protocol_table import protocol_rows
from tests.test_task_contract import load

ROOT = pathlib.Path(__file__).resolve().parents[3]
RESULTS = ROOT / "benchmarks" / "results"


def document(name):
    return json.loads((RESULTS / name).read_text())


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["set5", "set14"])
def test_pointers_into_the_record_of_released_weights(name, scale):
    table = next(
        table
        for table in document(released_weights.RECORD)["results"]
        if (table["set"], table["scale"]) == (name, scale)
    )
    assert table["pictures"][1] in ("bird_GT", "barbara")
    for method in table["methods"]:
        label = method["name"].replace("(91 images)", " (91)").replace("(ImageNet)", "")
        pointer = released_weights.pointer(name, scale, label)
        found = pointed(document(released_weights.RECORD), pointer, False, RESULTS)
        assert found.mean == method["mean_psnr"]


def test_rows_of_commands_are_where_the_claims_look():
    # Those of grey pictures, behind the others, are of no claim.
    rows = [row.name for row in protocol_rows(3, 6)]
    assert rows == [*protocols.ROWS, "grey in 16..235", "grey in 0..255"]
    names = [row["name"] for row in document(colors.RECORD)["rows"]]
    ends = [name.removeprefix("runs/").removeprefix("color_") for name in names[3:]]
    assert [*names[:2], "luma", *ends] == list(colors.ROWS)
    assert names[2] == "runs/t91"


# Equal and smaller rates: the seeds, and the mean over them, as they were typed.
RATES = {
    "": ((30.14, 30.13, 30.14), 30.14, (29.77, 29.67, 29.74), 29.73),
    "_at_1e2": ((26.61, 28.97, 28.35), 27.98, (29.99, 29.96, 29.67), 29.87),
    "_from_small_weights": ((27.44, 25.18, 27.42), 26.68, (25.22, 23.71, 25.06), 24.66),
}


@pytest.mark.parametrize("ending", RATES)
def test_the_rates_of_the_layers_are_in_the_record(ending):
    claim = next(c for c in CLAIMS if c.name == f"srcnn/equal_rates_collapse{ending}")
    record = read_record(claim, RESULTS)
    equal, smaller = (
        record.values(arm, "set5/psnr") for arm in ("equal rates", "smaller in the last layer")
    )
    found = [tuple(round(x, 2) for x in v.by_seed.values()) for v in (equal, smaller)]
    assert (found[0], round(equal.mean, 2), found[1], round(smaller.mean, 2)) == RATES[ending]
    assert "rates=equal" in record.arms["equal rates"].command
    assert "rates=smaller" in record.arms["smaller in the last layer"].command


def test_every_run_is_a_config():
    for run in {arm.run for claim in CLAIMS for arm in claim.arms if arm.run}:
        path, _, variant = run.partition(":")
        assert load(ROOT / path, variant).task == "srcnn"
