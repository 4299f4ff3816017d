"""What the package holds: commands, papers, their verbs and configs, found by looking at files.

Nothing of it is imported, so that a list is there at once.
"""

import pathlib
import re
import shlex

from jaxrepro.core.files.config_files import config_folders, configs_in

PACKAGE = pathlib.Path(__file__).parent
# Lists are for terminals.
_WIDTH = 100
_RUNS = '\nif __name__ == "__main__":\n'
# What names one run in an example; exports are named like it.
_OF_A_RUN = re.compile(r"(--(?:model|workdir)=)(?:runs|exports)/\S+")
_TO_AN_EXPORT = re.compile(r"(--output=)exports/\S+")
# What most people do next, before the paper's verbs.
_FIRST = ("evaluate", "export")
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


def next_steps(workdir: str, task: str) -> list[tuple[str, str]]:
    """Returns what can be done with the run in `workdir`: (in words, command).

    task: the paper. They are the examples of the commands and of the paper's verbs, with the run in
    the place of the example's; a verb whose example takes no run is none.
    """
    general, own = verbs(PACKAGE), verbs(papers()[task]) if task in papers() else {}
    ordered = [(f"jaxrepro.{name}", general[name]) for name in _FIRST]
    ordered += [(f"jaxrepro.papers.{task}.{name}", file) for name, file in own.items()]
    ordered += [(f"jaxrepro.{name}", general[name]) for name in general if name not in _FIRST]
    given = shlex.quote(workdir)
    export = shlex.quote(f"exports/{pathlib.PurePath(workdir).name}")
    found = []
    for module, file in ordered:
        if command := _example(file, module):
            command = _OF_A_RUN.sub(lambda m: f"{m[1]}{given}", command)
            command = _TO_AN_EXPORT.sub(lambda m: f"{m[1]}{export}", command)
            found.append((summary(file), command))
    return found


def _example(file: pathlib.Path, module: str) -> str:
    """Returns the first command in a module's docstring that takes a run by itself, or ""."""
    docstring = _DOCSTRING.match(file.read_text())
    lines = docstring[1].replace("\\\n", " ").splitlines() if docstring else []
    for line in lines:
        _, start, command = line.partition(f"python -m {module} ")
        if start and _OF_A_RUN.search(command):
            return " ".join(f"{start}{command.partition('  #')[0]}".split())
    return ""


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
