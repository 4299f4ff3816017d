"""What the package holds: commands, papers, their verbs and configs, found by looking at files.

Nothing of it is imported, so that a list is there at once.
"""

import pathlib
import re

from jaxrepro.core.files.config_files import config_folders, configs_in

PACKAGE = pathlib.Path(__file__).parent
# Lists are for terminals.
_WIDTH = 100
_RUNS = '\nif __name__ == "__main__":\n'
_DOCSTRING = re.compile(r'(?:\s|#.*\n)*r?"""(.*?)"""', re.DOTALL)
# What a config says itself, and else where its settings are from.
_TASK = re.compile(r"""\btask["']?\]? *[=:] *["'](\w+)["']""")
_SETTINGS = re.compile(r"^(?:from|import) +jaxrepro\.papers\.(\w+)", re.MULTILINE)


def papers() -> dict[str, pathlib.Path]:
    """Returns the folder of each paper by its name."""
    files = sorted((PACKAGE / "papers").glob("*/__init__.py"))
    return {file.parent.name: file.parent for file in files}


def verbs(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns what `python -m` runs in a package, the file by the name: modules and packages."""
    modules = {file.stem: file for file in folder.glob("[!_]*.py") if _RUNS in file.read_text()}
    packages = {file.parent.name: file for file in folder.glob("*/__main__.py")}
    return dict(sorted((modules | packages).items()))


def configs() -> dict[str, dict[str, pathlib.Path]]:
    """Returns the files of configs by paper and name; "" is the paper of one that tells none.

    They are those of the current folder, or else those that came with the package.
    """
    for folder in config_folders():
        found: dict[str, dict[str, pathlib.Path]] = {}
        for name, file in configs_in(folder).items():
            text = file.read_text("utf-8")
            paper = _TASK.search(text) or _SETTINGS.search(text)
            found.setdefault(paper[1] if paper else "", {})[name] = file
        if found:
            return found
    return {}


def summary(file: pathlib.Path) -> str:
    """Returns the first sentence of a module's docstring on one line, without its example."""
    docstring = _DOCSTRING.match(file.read_text())
    paragraph = docstring[1].split("\n\n")[0] if docstring else ""
    return " ".join(paragraph.split()).partition(": python -m ")[0].rstrip(":.")


def row(indent: int, name: str, text: str, column: int) -> str:
    """Returns a line of a list, its text from `column` on and cut where the line gets too long."""
    head = f"{' ' * indent}{name:<{column - indent - 1}} "
    room = _WIDTH - len(head)
    if len(text) > room:
        text = f"{text[: max(room - 4, 0)].rpartition(' ')[0]} ..."
    return f"{head}{text}".rstrip()


def rows(indent: int, name: str, words: list[str]) -> list[str]:
    """Returns the lines of "name: word, word, ...", broken where they get too long."""
    lines = [f"{' ' * indent}{name}:"]
    for place, word in enumerate(words):
        comma = "," * (place + 1 < len(words))
        if len(lines[-1]) + len(word) + 2 > _WIDTH:
            lines.append(" " * (indent + len(name) + 1))
        lines[-1] += f" {word}{comma}"
    return lines
