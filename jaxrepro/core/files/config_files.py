"""Where configs lie, and which file a name stands for. Imports little: lists come at once."""

import difflib
import pathlib
import re

_PACKAGE = pathlib.Path(__file__).parents[2]
_CURRENT = pathlib.Path("configs")


def config_folders() -> list[pathlib.Path]:
    """Returns the folders in which a name is looked up, in that order.

    They are `configs` of the current folder and that of the package: what was installed with it,
    or the one beside it in a checkout.
    """
    installed = _PACKAGE / "configs"
    return [_CURRENT, installed if installed.is_dir() else _PACKAGE.parent / "configs"]


def configs_in(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the config files of a folder by name; other files do not count."""
    files = sorted(folder.glob("*.py"))
    return {file.stem: file for file in files if "def get_config(" in file.read_text("utf-8")}


def config_called(name: str) -> pathlib.Path | None:
    """Returns the file of a name such as "biggan_digits", None if there is none."""
    if re.fullmatch(r"\w+", name):
        for folder in config_folders():
            if (file := folder / f"{name}.py").is_file():
                return file
    return None


def nearest_config(given: str) -> str:
    """Returns the name of the config that is spelt most like a name or a path, "" for none."""
    names = [name for folder in config_folders() for name in configs_in(folder)]
    near = difflib.get_close_matches(pathlib.PurePath(given).stem, names, 1)
    return near[0] if near else ""
