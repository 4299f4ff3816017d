"""Configs: values of another type or out of range, unknown keys, and files that are none."""

import dataclasses
from collections.abc import Iterator

from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.paper import CONFIGS, papers

_KIND = "config"
_TRAIN = "jaxrepro.train"
# A workdir is documented to be made by a run whose data are found missing only then.
_WORKDIR = "run"


def cases() -> Iterator[Case]:
    """Yields the cases of configs."""
    for told in papers().values():
        for config, override, names in told.overrides:
            yield _override(config, override, names)
        for variant, names in told.variants:
            arguments = (f"--config={CONFIGS}/{variant}", f"--workdir={_WORKDIR}")
            yield Case(_KIND, variant, _TRAIN, lambda place, a=arguments: a, names)
        for words, names, later in told.configs:
            yield _arguments(words, names, (_WORKDIR,) if later else ())
    for name, content, names in _FILES:
        yield _file(name, content, names)


def _arguments(
    words: tuple[str, ...], names: str | tuple[str, ...], may_write: tuple[str, ...]
) -> Case:
    arguments = [word.replace("configs/", f"{CONFIGS}/") for word in words]
    arguments.append(f"--workdir={_WORKDIR}")
    return Case(_KIND, " ".join(words), _TRAIN, lambda place: arguments, names, may_write=may_write)


def _override(config: str, override: str, names: str) -> Case:
    def make(place: Place) -> list[str]:
        return [
            f"--config={CONFIGS / config}.py:test",
            f"--config.{override}",
            f"--workdir={_WORKDIR}",
        ]

    case = Case(_KIND, f"{config}: {override[:60]}", _TRAIN, make, names)
    # What only the loop can know is said after the folder was claimed.
    return dataclasses.replace(case, may_write=(_WORKDIR,))


def _file(name: str, content: bytes, names: str) -> Case:
    def make(place: Place) -> list[str]:
        paper = next(iter(papers())).encode()
        (place.folder / "my.py").write_bytes(content.replace(b"PAPER", paper))
        return ["--config=my.py:test", f"--workdir={_WORKDIR}"]

    return Case(_KIND, f"file: {name}", _TRAIN, make, names, may_write=("__pycache__",))


_FILES = (
    ("empty", b"", "my.py"),
    ("not Python", b"\x89PNG\r\n\x1a\n\0\0", "my.py"),
    ("a syntax error", b"def get_config(arg=None)\n    return 1\n", "my.py"),
    ("without get_config", b"x = 1\n", "my.py"),
    ("get_config takes nothing", b"def get_config():\n    return {}\n", "my.py"),
    ("returns no config", b"def get_config(arg=None):\n    return 7\n", "my.py"),
    ("imports what is not there", b"import no_such_module_here\n", "no_such_module_here"),
    ("divides by zero", b"def get_config(arg=None):\n    return 1 / 0\n", "my.py"),
    (
        "an empty config",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict()\n",
        "task",
    ),
    (
        "a config of one key",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict({'task': 'PAPER'})\n",
        "config",
    ),
    (
        "a value that is no value",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict({'task': len})\n",
        "task",
    ),
)
