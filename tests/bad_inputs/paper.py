"""What a paper tells of its own bad inputs: `BAD_INPUTS` of `tests/papers/<paper>/contract.py`."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tests.contracts import told

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
# What stands for CONFIGS in the arguments of a paper.
_CONFIGS = "CONFIGS/"

Change = Callable[[pathlib.Path, np.random.Generator], object]
# Arguments of a verb whose picture is at the path given; the materials come with the place.
WithPicture = Callable[[Any, str], Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Published:
    """A published file that a verb reads.

    material: of which it is a copy. file: its name, in the folder of the case. whole: what names
    the network, if that is another file. is_network: or it is read by training. wrong: {what is
    wrong with a whole file: its change, or the material that lies in its place}.
    """

    material: str
    file: str
    command: str
    arguments: Sequence[str]
    whole: str = ""
    is_network: bool = True
    wrong: Mapping[str, Change | str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class PaperInputs:
    """Good inputs of a paper and what may be wrong with them.

    config: whose `test` variant is the smallest. use: (verb, arguments that use the network at a
    path), None where no verb does. choices: what loading a published file must be told. flags:
    (verb, arguments, what the error names). overrides: (config, override, names). variants:
    (file:variant, names). configs: (arguments of training, names, whether it is found only after
    the workdir was made). run_values: (key of a run's config, a wrong value, the command that
    minds). cards: (key of an export's card, a wrong value). pictures: {verb, and perhaps after a
    comma for what: arguments}. all_formats: of `use`, if that reads every format to the last pixel.
    published: files of others. materials: {name: what makes a file or folder}. data: cases of data
    sets of its own. more: further cases.
    """

    config: str
    use: tuple[str, Callable[[str], Sequence[str]]] | None = None
    choices: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    flags: Sequence[tuple[str, Sequence[str], Any]] = ()
    overrides: Sequence[tuple[str, str, Any]] = ()
    variants: Sequence[tuple[str, Any]] = ()
    configs: Sequence[tuple[tuple[str, ...], Any, bool]] = ()
    run_values: Sequence[tuple[str, object, str]] = ()
    cards: Sequence[tuple[str, object]] = ()
    pictures: Mapping[str, WithPicture] = dataclasses.field(default_factory=dict)
    all_formats: WithPicture | None = None
    published: Sequence[Published] = ()
    materials: Mapping[str, Callable[[pathlib.Path], None]] = dataclasses.field(
        default_factory=dict
    )
    data: Callable[[], Iterator[Any]] = lambda: iter(())
    more: Callable[[], Iterator[Any]] = lambda: iter(())


@functools.cache
def papers() -> dict[str, PaperInputs]:
    """Returns what the papers tell, by their names."""
    return told("BAD_INPUTS")


@functools.cache
def users() -> dict[str, tuple[str, Callable[[str], Sequence[str]]]]:
    """Returns (module, arguments that use the network at a path) of the papers that have one."""
    return {
        paper: (verb(paper, told.use[0]), told.use[1])
        for paper, told in papers().items()
        if told.use is not None
    }


def verb(paper: str, name: str) -> str:
    """Returns the module of a verb; "jaxrepro.train" and its like stand for themselves."""
    return name if name.startswith("jaxrepro.") else f"jaxrepro.papers.{paper}.{name}"


def given_words(words: Sequence[str]) -> list[str]:
    """Returns arguments with the folder of the configs in its place."""
    return [word.replace(_CONFIGS, f"{CONFIGS}/") for word in words]
