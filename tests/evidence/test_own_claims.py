"""A user's own claims: the example of docs/evidence.md, and files that have none."""

import json
import pathlib
import re

import pytest

from jaxrepro import claims as command
from jaxrepro.core.errors import InputError
from jaxrepro.evidence.listing import claims_of_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERRORS = {"small": (31.0, 30.2, 30.6), "large": (29.1, 28.6, 28.7)}


class Flags:
    """The command's flags, with their defaults."""

    run = minutes = data = page = None
    again = write = check = False
    results, runs = "results", "runs/claims"

    def __init__(self, **given):
        vars(self).update(given)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The example as own.py, beside the runs that it names."""
    (source,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/evidence.md").read_text(), re.M | re.S
    )
    (tmp_path / "own.py").write_text(source)
    for name, errors in ERRORS.items():
        for seed, error in enumerate(errors):
            folder = tmp_path / "runs" / f"{name}_{seed}"
            folder.mkdir(parents=True)
            results = {"step": 100, "results": {"test/top1_error": error}}
            (folder / "results.json").write_text(json.dumps(results))
            (folder / "run.json").write_text('{"starts": [{"command": ["python", "-m", "x"]}]}')
            (folder / "config.json").write_text(json.dumps({"seed": seed}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_of_the_page(lab, capsys):
    command.main(Flags(claims="own.py"))
    printed = capsys.readouterr().out
    assert re.search(r"lab/larger_batch +holds here", printed)
    assert "1 claims: 1 holds here" in printed
    command.main(Flags(claims="own.py", write=True, page="claims.html"))
    page = (lab / "claims.html").read_text()
    assert "A batch of 32 gives a lower error than one of 8." in page
    assert page.count('class="seed"') == 6
    command.main(Flags(claims="own.py", check=True, page="claims.html"))


def test_what_changed_is_seen(lab, capsys):
    command.main(Flags(claims="own.py", write=True, page="claims.html"))
    results = {"step": 100, "results": {"test/top1_error": 33.0}}
    (lab / "runs" / "large_1" / "results.json").write_text(json.dumps(results))
    with pytest.raises(InputError, match=r"stale: claims\.html"):
        command.main(Flags(claims="own.py", check=True, page="claims.html"))
    command.main(Flags(claims="own.py"))
    assert "1 claims: 1 undecided" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"claims": "none.py"}, r"--claims=none\.py: no such file"),
        ({"claims": "own.py", "write": True}, r"name the page to write, such as --page="),
        ({"claims": "own.py", "minutes": 3.0}, r"--minutes goes with --run"),
        (
            {"claims": "own.py", "run": "lab/y*"},
            r"no claim is called lab/y\*; the claims are lab",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(lab, flags, message):
    with pytest.raises(InputError, match=message):
        command.main(Flags(**flags))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "has no tuple CLAIMS of jaxrepro.evidence.claim.Claim"),
        ("CLAIMS = (1,)", "has no tuple CLAIMS"),
        (
            "from jaxrepro.evidence.claim import Claim\n"
            "one = Claim('a/b', 'So.', 'us', without='time')\nCLAIMS = (one, one)",
            "two claims are called a/b",
        ),
    ],
)
def test_files_without_claims(tmp_path, source, message):
    path = tmp_path / "own.py"
    path.write_text(source)
    with pytest.raises(InputError, match=message):
        claims_of_file(path)


def test_arms_that_need_data_are_named(lab, capsys):
    source = (lab / "own.py").read_text()
    needy = """    Claim(
        "lab/needy", "So.", "us",
        (Arm("a", verb="x", flags=("--in={data}",), values={"n": "/n"}),),
        (Result("n"),), Order("a", "a", "n"),
    ),
)
"""
    (lab / "own.py").write_text(source.rstrip().removesuffix(")") + needy)
    command.main(Flags(claims="own.py", run="lab/needy"))
    printed = capsys.readouterr().out
    assert "left out, for they need --data: lab/needy, a" in printed
    assert "lab/needy: open; a not measured" in printed
