"""Configs by name, from anywhere, and installed with the package."""

import pathlib
import re

import pytest

from jaxrepro import train
from jaxrepro.core.errors import InputError
from jaxrepro.core.files import config_files
from tests import runs

pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
CONFIGS = {path.stem: path for path in (runs.ROOT / "configs").glob("*.py")}


def shown(capsys, *arguments):
    runs.call(train, *arguments, "--show_config")
    return capsys.readouterr().out


def test_a_name_is_the_config_of_that_path(capsys, monkeypatch, tmp_path):
    path = runs.ROOT / "configs" / "biggan_digits.py"
    by_path = shown(capsys, f"--config={path}:test,bs=8")
    assert "batch_size: 8" in by_path
    monkeypatch.chdir(tmp_path)
    assert shown(capsys, "--config=biggan_digits:test,bs=8") == by_path
    assert shown(capsys, "--config", "biggan_digits:test,bs=8") == by_path


def test_the_current_folder_comes_before_the_package(capsys, monkeypatch, tmp_path):
    (tmp_path / "configs").mkdir()
    text = "from ml_collections import ConfigDict\ndef get_config(arg=None):\n"
    (tmp_path / "configs" / "srcnn.py").write_text(f"{text}    return ConfigDict({{'mine': 1}})\n")
    monkeypatch.chdir(tmp_path)
    assert shown(capsys, "--config=srcnn") == "mine: 1\n\n"


@pytest.mark.parametrize(
    ("given", "nearest"), [("srcn", "srcnn"), ("configs/hourglas.py", "hourglass"), ("zzz", "")]
)
def test_a_misspelt_name_is_one_line_with_the_nearest(given, nearest):
    with pytest.raises(InputError) as caught:
        runs.call(train, f"--config={given}:test")
    message = str(caught.value)
    assert message.startswith(f"no config {given!r}; ") and "\n" not in message
    assert ("the nearest is" in message) == bool(nearest)
    assert not nearest or f"the nearest is {nearest!r}; " in message


def test_installed_configs_are_found_in_the_package(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "jaxrepro"
    (package / "configs").mkdir(parents=True)
    (package / "configs" / "travelled.py").write_text("def get_config(arg):\n    pass\n")
    monkeypatch.setattr(config_files, "_PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    assert config_files.config_called("travelled") == package / "configs" / "travelled.py"
    assert config_files.config_called("srcnn") is None
    assert config_files.nearest_config("traveled") == "travelled"


def test_every_config_is_in_what_is_installed(monkeypatch):
    core = pytest.importorskip("setuptools.dist")
    import distutils.core

    del core
    monkeypatch.chdir(runs.ROOT)
    build = distutils.core.run_setup("setup.py", stop_after="init").get_command_obj("build_py")
    build.ensure_finalized()
    built = {(package, name) for package, name, _ in build.find_all_modules()}
    assert {name for package, name in built if package == "jaxrepro.configs"} == set(CONFIGS)
    assert ("jaxrepro", "train") in built
    assert not any(package.split(".")[0] != "jaxrepro" for package, _ in built)


def test_configs_need_no_other_config():
    # There is no package of that name where they are installed.
    for path in CONFIGS.values():
        assert not re.search(r"^\s*(from|import) configs\b", path.read_text(), re.MULTILINE)


def test_the_description_of_the_package_has_nothing_that_an_index_would_not_find():
    text = pathlib.Path(runs.ROOT / "docs" / "package.md").read_text()
    assert "jaxrepro train --config=biggan_digits" in text
    assert not re.search(r"!\[|\]\((?!https://)", text)
