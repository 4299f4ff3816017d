"""Values that are drawn from what a command or a config has: every flag, every key."""

import importlib
from collections.abc import Iterator
from typing import Any

from absl import flags

from jaxrepro import contents
from tests.bad_inputs.case import Case, Place, given
from tests.bad_inputs.materials import config_of
from tests.bad_inputs.paper import CONFIGS, papers, verb

# What a number of a config is set to, one of them drawn for each key.
_NUMBERS = ("nan", "inf", "-1", "0", "1e30", str(2**40))
_KEYS_READ = 30
# What is no number.
_WORDS = ("many", "(1, 2)", "\u0663x")


def cases() -> Iterator[Case]:
    """Yields the cases of drawn values."""
    modules = [f"jaxrepro.{name}" for name in contents.verbs(contents.PACKAGE)]
    for paper, folder in contents.papers().items():
        if paper in papers():
            modules += [verb(paper, name) for name in contents.verbs(folder)]
    for module in modules:
        yield from _of_command(_main_of(module))
    for paper in papers():
        yield from _of_config(paper)


def _main_of(module: str) -> str:
    """Returns the module that is run: a package is run as its `__main__`."""
    found = importlib.import_module(module)
    return f"{module}.__main__" if hasattr(found, "__path__") else module


def _of_command(command: str) -> Iterator[Case]:
    """Yields words that end a command while it reads its command line."""
    kinds = _flags_of(command)
    yield given("drawn flag", command, "--no_such_flag=1", names="no_such_flag")
    for name, kind in kinds.items():
        yield given("drawn flag", command, f"--{name}z=1", names=f"{name}z")
        if kind == "string":
            yield given("drawn flag", command, f"--{name}=", names=f"--{name}=")
        elif kind in ("integer", "float", "boolean", "enum"):
            value = _WORDS[len(name) % len(_WORDS)]
            yield given("drawn flag", command, f"--{name}={value}", names=name)


def _flags_of(command: str) -> dict[str, str]:
    """Returns the kind of each flag that a command itself defines."""
    module: Any = importlib.import_module(command)
    # Not those that libraries define once, when they are imported.
    before = set(flags.FLAGS)
    module.define_flags()
    found = {}
    for name in sorted(set(flags.FLAGS) - before):
        flag = flags.FLAGS[name]
        parser = type(flag.parser).__name__
        kind = {
            "IntegerParser": "integer",
            "FloatParser": "float",
            "BooleanParser": "boolean",
            "EnumParser": "enum",
            "ArgumentParser": "string",
        }.get(parser, "")
        # A config is read at once, several values may be empty, and "" may be the default.
        # One that has two spellings is told of under one of them.
        if name != "config" and not isinstance(flag, flags.MultiFlag) and "-" not in name:
            found[name] = "" if kind == "string" and flag.default == "" else kind
        delattr(flags.FLAGS, name)
    flags.FLAGS.set_gnu_getopt(False)
    return found


def _of_config(paper: str) -> Iterator[Case]:
    """Yields overrides of every key of a paper's smallest config."""
    from jaxrepro.core.config import flatten

    name = papers()[paper].config
    leaves = flatten(config_of(paper))
    for key in sorted({key.rpartition(".")[0] for key in leaves if "." in key}):
        yield _override(name, f"{key}.no_such_key=1", "no_such_key")
    for key, value in leaves.items():
        if isinstance(value, int | float):
            word = _WORDS[len(key) % len(_WORDS)]
            yield _override(name, f"{key}={word}", key.rpartition(".")[2])
        elif isinstance(value, str):
            yield _override(name, f"{key}z=x", f"{key.rpartition('.')[2]}z")
    numbers = [key for key, value in leaves.items() if type(value) in (int, float)]
    for place, key in enumerate(numbers[:_KEYS_READ]):
        for draw in range(2):
            yield _drawn_number(name, key, place, draw, isinstance(leaves[key], float))


def _override(config: str, override: str, names: str) -> Case:
    arguments = (f"--config={CONFIGS}/{config}.py:test", f"--config.{override}", "--workdir=run")
    return Case(
        "drawn config", f"{config}: {override}", "jaxrepro.train", lambda place: arguments, names
    )


def _drawn_number(config: str, key: str, place: int, draw: int, fraction: bool) -> Case:
    """A number that may be out of range: what reads it must take it or say what is wrong."""

    def make(place: Place) -> list[str]:
        allowed = _NUMBERS if fraction else [n for n in _NUMBERS if n.lstrip("-").isdecimal()]
        value = allowed[int(place.rng.integers(len(allowed)))]
        return [f"--config={CONFIGS}/{config}.py:test", f"--config.{key}={value}"]

    name = f"{config}: {key} is drawn, {draw}"
    command = "tests.bad_inputs.reading"
    return Case("drawn config", name, command, make, certain=False, slow=True)
