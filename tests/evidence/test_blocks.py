"""Pages that show claims: made anew from the records, and what `--check` catches."""

import json
import pathlib
import re

import pytest

from jaxrepro import claims as command
from jaxrepro import papers
from jaxrepro.core.errors import InputError
from jaxrepro.evidence import listing
from jaxrepro.evidence.blocks import claim_block, counts, filled
from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.records import read_record
from jaxrepro.evidence.rules import Order

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = """# Paper

<!-- claims: counts -->
<!-- end -->

Some words.

<!-- claim: srcnn/deeper -->
<!-- end -->
"""


def arm(label, number, **more):
    return Arm(label, kept=Kept("old.json", {"psnr": f"/{number}/psnr"}), **more)


def deeper(**more):
    return Claim(
        "srcnn/deeper",
        "Deeper is better.",
        "us",
        (arm("deep", 0, published={"psnr": 30.25}), arm("flat", 1)),
        (Result("psnr", "PSNR", 2, "dB"),),
        Order("deep", "flat", "psnr"),
        protocol="On Set5.",
        **more,
    )


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one claim whose pages are written."""
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    old = [{"psnr": [30.0, 31.0, 32.5]}, {"psnr": [29.0, 29.8, 31.6]}]
    (results / "old.json").write_text(json.dumps(old))
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(PAGE)
    finish(tmp_path, write=True)
    return tmp_path


def finish(root, *, write, claims=None):
    claims = (deeper(),) if claims is None else claims
    records = [read_record(claim, root / "benchmarks" / "results") for claim in claims]
    pages = listing.pages(records, {"srcnn": "Small networks"}, root)
    command._finish(pages, write=write)


def test_a_block_says_what_was_measured(checkout):
    text = (checkout / "README.md").read_text()
    assert "| deep | 31.17 ± 1.26 | 30.25 | 3 |" in text
    assert "| flat | 30.13 ± 1.33 | - | 3 |" in text
    assert "Deeper is better. **Holds here**: deep minus flat, psnr: 0.6539 to 1.413." in text
    assert "On Set5. [Source, rule and command](docs/claims.md#srcnndeeper)." in text
    assert re.search(r"\| srcnn \| 0 \| 1 \| 0 \| 0 \| 0 \| 0 \| 0 \| 1 \|", text)
    assert "Some words." in text
    page = (checkout / "docs" / "claims.md").read_text()
    assert '<a id="srcnn"></a>\n\n## Small networks\n\n### srcnn/deeper\n' in page
    assert "On Set5. Source: us. Rule: psnr is higher for deep than for flat." in page
    finish(checkout, write=False)


@pytest.mark.parametrize("page", ["README.md", "docs/claims.md", "docs/claims.html"])
def test_a_digit_changed_by_hand_is_caught(checkout, page):
    path = checkout / page
    text = path.read_text()
    path.write_text(text.replace("30.13", "30.14", 1))
    with pytest.raises(InputError, match=rf"stale: \S*{page}; make them anew with python -m"):
        finish(checkout, write=False)
    finish(checkout, write=True)
    assert path.read_text() == text


def test_a_removed_record_is_caught(checkout):
    (checkout / "benchmarks" / "results" / "old.json").unlink()
    with pytest.raises(InputError, match=r"cannot read .*old\.json"):
        finish(checkout, write=False)


def test_a_rule_that_no_longer_holds_is_caught(checkout):
    path = checkout / "benchmarks" / "results" / "old.json"
    old = json.loads(path.read_text())
    old[1]["psnr"][0] = 30.9
    path.write_text(json.dumps(old))
    with pytest.raises(InputError, match="stale: .*README.md"):
        finish(checkout, write=False)
    finish(checkout, write=True)
    assert "**Undecided**" in (checkout / "README.md").read_text()


def test_a_parity_test_that_is_gone_is_caught(checkout):
    gone = (deeper(parity=("tests/test_x.py::test_y",)),)
    with pytest.raises(InputError, match="claim srcnn/deeper: no test tests/test_x.py::test_y"):
        finish(checkout, write=False, claims=gone)


def test_a_block_of_no_claim_and_one_without_end(checkout):
    path = checkout / "README.md"
    text = path.read_text()
    path.write_text(text.replace("claim: srcnn/deeper", "claim: srcnn/wider"))
    with pytest.raises(
        InputError, match="README.md: no claim srcnn/wider; the claims are srcnn/de"
    ):
        finish(checkout, write=True)
    for without in (text.rpartition("<!-- end -->")[0], text.replace("<!-- end -->", "", 1)):
        path.write_text(without)
        with pytest.raises(InputError, match="has no <!-- end --> of its own"):
            finish(checkout, write=True)


def test_the_rest_of_a_page_stays():
    assert filled("no block\n", lambda name: "never", "page") == "no block\n"
    text = "a\n<!-- claim: x/y -->\nold\n\nolder\n<!-- end -->\nb <!-- end -->\n"
    made = filled(text, lambda name: f"of {name}", "page")
    assert made == "a\n<!-- claim: x/y -->\nof x/y\n<!-- end -->\nb <!-- end -->\n"


def test_what_was_not_measured_says_so(tmp_path):
    claim = Claim("a/b", "So.", "a book", without="a pod", quoted="memory")
    record = read_record(claim, tmp_path)
    assert claim_block(record) == (
        "So. **Open**: not measured: a pod.\n\nSource: a book, from memory. Lacking: a pod."
    )
    assert counts([record]).splitlines()[-1].endswith("| 1 | 1 |")


def test_the_pages_of_this_checkout_are_fresh(monkeypatch):
    """`python -m jaxrepro.claims --check`."""
    monkeypatch.chdir(ROOT)
    records = [read_record(claim, ROOT / "benchmarks" / "results") for claim in papers.all_claims()]
    pages = listing.pages(records, papers.titles(), pathlib.Path())
    assert len(pages) >= 4
    command._finish(pages, write=False)


def test_no_record_names_a_place_of_one_machine():
    for path in (ROOT / "benchmarks" / "results").glob("*/*.json"):
        assert not re.search(r'"[^"]*(?<![\w.])/(home|work|tmp|root|Users)/', path.read_text()), (
            path
        )


def test_the_page_of_all_claims_loads_nothing(checkout):
    page = (checkout / "docs" / "claims.html").read_text()
    assert not re.search(r'(src|href)="(https?:)?//|url\(|@import', page)
    assert "Deeper is better." in page and "<svg" in page
