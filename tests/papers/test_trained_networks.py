"""--model=PATH in every command of every paper: on runs, exports, published files and none."""

import re

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers import task_names
from tests import runs
from tests.bad_inputs.materials import Materials
from tests.papers.networks import commands, contract_of, flags_of

COMMANDS = commands()
KINDS = ("run", "export", "published")
EVERY_COMMAND, EVERY_USER = (
    pytest.mark.parametrize(("paper", "name"), keys, ids=[".".join(key) for key in keys])
    for keys in (
        list(COMMANDS),
        [key for key, command in COMMANDS.items() if "model" in flags_of(command)],
    )
)


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """Returns the path of a paper's network of a kind, made once; None where there is no such."""
    folder = tmp_path_factory.mktemp("networks")
    materials, made = Materials(folder), {}

    def network(paper, kind):
        if kind != "published":
            return materials.path(f"{kind}:{paper}")
        if paper not in made:
            (folder / f"published_{paper}").mkdir()
            make = getattr(contract_of(paper), "published_network", None)
            made[paper] = make and make(folder / f"published_{paper}")
        return made[paper]

    return network


def arguments_of(paper, name, folder):
    return contract_of(paper).VERB_ARGUMENTS[name](folder)


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
@EVERY_USER
def test_a_command_uses_the_network(paper, name, kind, networks, tmp_path, monkeypatch, capsys):
    contract = contract_of(paper)
    if (path := networks(paper, kind)) is None:
        pytest.skip(f"{paper} reads no published files")
    getattr(contract, "without_long_work", lambda _: None)(monkeypatch)
    command = COMMANDS[paper, name]
    given = [f"--model={path}", *arguments_of(paper, name, tmp_path)]
    if name in contract.VERBS_OF_RUNS and kind != "run":
        message = rf" is no trained network of {paper}: .*; give the folder of a run of {paper}$"
        with pytest.raises(InputError, match=re.escape(str(path)) + message):
            runs.call(command, *given)
        return
    before = set(tmp_path.rglob("*"))
    runs.call(command, *given)
    assert capsys.readouterr().out
    if any(word.startswith("--output=") for word in given):
        assert set(tmp_path.rglob("*")) > before


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
@EVERY_USER
def test_what_is_no_network_is_one_line(paper, name, networks, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no network")
    given = arguments_of(paper, name, tmp_path)
    wrong = {
        tmp_path / "absent": "there is nothing of that name",
        tmp_path / "empty": "it is an empty folder",
        tmp_path / "notes.txt": "it is a file that ends in '.txt'",
    }
    for other in [other for other in task_names() if other != paper][:1]:
        wrong[networks(other, "run")] = f"it is a run of {other}"
        wrong[networks(other, "export")] = f"it is an export of {other}"
    for path, looks in wrong.items():
        with pytest.raises(InputError) as caught:
            runs.call(COMMANDS[paper, name], f"--model={path}", *given)
        start = f"{path} is no trained network of {paper}: {looks}; give the folder of a run of "
        assert str(caught.value).startswith(start + paper)
        assert "\n" not in str(caught.value)


@EVERY_COMMAND
def test_a_command_takes_a_network_or_says_that_it_needs_none(paper, name):
    names = flags_of(COMMANDS[paper, name])
    assert ("model" in names) != (name in contract_of(paper).VERBS_WITHOUT_NETWORK)
    assert not {"workdir", "weights", "checkpoint"} & names
    assert "model" not in names or "step" in names
