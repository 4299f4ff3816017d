"""Prints what there is, and runs it: python -m jaxrepro [COMMAND or PAPER VERB] [FLAGS]

`jaxrepro train --config=...` is `python -m jaxrepro.train --config=...`, and `jaxrepro biggan
sample` is `python -m jaxrepro.papers.biggan.sample`.
"""

import os
import pathlib
import runpy
import signal
import sys

from jaxrepro import contents
from jaxrepro.core.reports.text_output import take_any_character

_HELP = ("--help", "-h", "help")


def main() -> int:
    """Runs what the command line names, or prints what there is; returns the exit status."""
    take_any_character()
    words = sys.argv[1:]
    commands, papers = contents.verbs(contents.PACKAGE), contents.papers()
    if not words or words[0] in _HELP:
        return _print(_overview())
    name, rest = words[0], words[1:]
    if name in commands:
        return _run(f"jaxrepro.{name}", rest)
    if name in papers:
        verbs = contents.verbs(papers[name])
        if not rest or rest[0] in _HELP:
            return _print(_page(name))
        if rest[0] in verbs:
            return _run(f"jaxrepro.papers.{name}.{rest[0]}", rest[1:])
        return _unknown(f"{name} has no verb", rest[0], {verb: verb for verb in verbs}, f" {name}")
    of_papers = {v: f"{paper} {v}" for paper in papers for v in contents.verbs(papers[paper])}
    known = of_papers | {word: word for word in (*papers, *commands)}
    return _unknown("there is no command or paper", name, known)


def _run(module: str, words: list[str]) -> int:
    """Runs a module as `python -m` does: it finds itself as `__main__`, with its own arguments."""
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _unknown(what: str, word: str, known: dict[str, str], page: str = "") -> int:
    """Prints one line about a word that is none of `known`, {word: what to write for it}."""
    import difflib

    near = difflib.get_close_matches(word, known, 1)
    nearest = f"; the nearest is {known[near[0]]!r}" if near else ""
    print(f"error: {what} {word!r}{nearest}; {_program()}{page} lists all", file=sys.stderr)
    return 1


def _print(lines: list[str]) -> int:
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        # As of `| head`; what Python flushes at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return 0


def _program() -> str:
    """Returns how this was called: by the console script or by `python -m`."""
    by_script = pathlib.Path(sys.argv[0]).name != "__main__.py"
    return "jaxrepro" if by_script else "python -m jaxrepro"


def _overview() -> list[str]:
    program = _program()
    configs = contents.configs()
    lines = [
        f"{program} COMMAND [FLAGS] or {program} PAPER VERB [FLAGS]; each has --help.",
        f"{program} PAPER tells more about a paper.",
        "",
        "Commands",
        *_listed(contents.verbs(contents.PACKAGE)),
        "",
        "Papers",
    ]
    for paper, folder in contents.papers().items():
        lines.append(contents.row(2, paper, contents.summary(folder / "__init__.py"), 16))
        for name, words in (("verbs", contents.verbs(folder)), ("configs", configs.get(paper))):
            if words:
                lines += contents.rows(4, name, list(words))
    if others := [name for paper in configs.keys() - contents.papers() for name in configs[paper]]:
        lines += ["", *contents.rows(0, "Other configs", sorted(others))]
    return lines


def _page(paper: str) -> list[str]:
    folder = contents.papers()[paper]
    lines = [contents.summary(folder / "__init__.py")]
    if verbs := contents.verbs(folder):
        lines += ["", f"Verbs: {_program()} {paper} VERB [FLAGS]", *_listed(verbs)]
    if configs := contents.configs().get(paper):
        lines += ["", f"Configs: {_program()} train --config=NAME[:VARIANT]", *_listed(configs)]
    return lines


def _listed(files: dict[str, pathlib.Path]) -> list[str]:
    column = max(map(len, files)) + 4
    return [contents.row(2, name, contents.summary(file), column) for name, file in files.items()]


if __name__ == "__main__":
    sys.exit(main())
