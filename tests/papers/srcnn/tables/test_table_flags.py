"""What the commands for trained networks take as weights and pictures, and what they refuse."""

import json
import pathlib

import pytest

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.cli import given_path
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn import colors, evaluate, protocols
from jaxrepro.papers.srcnn.network.networks import network_card
from tests.papers.srcnn.tiny_pictures import tiny_network, write_pictures
from tests.runs import call, run

COMMANDS = pytest.mark.parametrize("command", [colors, evaluate, protocols])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    module, variables = tiny_network()
    card = {"paper": "srcnn", "network": network_card(module), "scale": 3, "color": "y"}
    place = tmp_path_factory.mktemp("weights") / "net"
    write_export(place, Export(card | {"degradation": "matlab-bicubic"}, {"model": variables}))
    return place


@pytest.mark.parametrize("command", [colors, evaluate])
def test_a_folder_can_be_given_by_itself_and_empty_items_do_not_count(command, weights, tmp_path):
    spec = write_pictures(tmp_path / "Set5")
    output = tmp_path / "out.json"
    for name in (spec, f"{tmp_path / 'Set5'}"):
        call(command, f"--model={weights},", f"--data={name}", f"--output={output}", "--scale=3")
        written = json.loads(output.read_text())
        assert (written["results"][0] if command is evaluate else written)["data"] == spec


@COMMANDS
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere", "unknown pictures 'nowhere'; allowed are folder:DIR"),
        ("empty", "no picture of the types"),
        ("broken", r"x.png: not a readable image"),
        ("small", "p0: 2x2 pixels are too few for x3"),
        ("shaved", "6x6 pixels (has none left|is too small)"),
    ],
)
def test_wrong_pictures_are_one_clear_error(command, data, message, weights, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.png").write_bytes(b"none")
    write_pictures(tmp_path / "small", sizes=((2, 2),))
    write_pictures(tmp_path / "shaved", sizes=((6, 6),))
    name = data if data == "nowhere" else f"{tmp_path / data}"
    output = tmp_path / "out.json"
    with pytest.raises(InputError, match=message):
        call(command, f"--model={weights}", f"--data={name}", "--scale=3", f"--output={output}")
    assert not output.exists()


def test_the_users_folder():
    assert given_path("~/x3.mat") == pathlib.Path.home() / "x3.mat"


def test_help_shows_the_shared_flags():
    text = run("jaxrepro.papers.srcnn.colors", "--help").stdout
    for name in ("model", "step", "data", "scale", "degradation", "output"):
        assert f"  --{name}:" in text
