"""A bad input: a command, the files it is given, and what its error must name."""

import dataclasses
import functools
import pathlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.bad_inputs.materials import Materials

# Fills a folder, the current one, and returns the arguments of the command.
Make = Callable[["Place"], Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a case is made. folder: empty, the current one. rng: of the case alone."""

    folder: pathlib.Path
    materials: Materials
    rng: np.random.Generator


@dataclasses.dataclass(frozen=True)
class Case:
    """One bad input.

    kind: of the table. name: what is wrong, unique in its kind. command: the module that is run.
    make: writes the input. names: what the error must contain, all of it if several. certain:
    whether the input is bad beyond doubt; drawn mutations may be harmless. may_write: names in the
    folder that the command is documented to write to although it fails, such as a workdir.
    said: what the output must contain if the command goes on all the same, in place of a refusal.
    environment: variables that are set for the command, None for those that are taken away.
    encoding: of what it prints. slow: whether it takes seconds, as what goes on may.
    """

    kind: str
    name: str
    command: str
    make: Make
    names: str | tuple[str, ...] = ""
    certain: bool = True
    may_write: tuple[str, ...] = ()
    said: str | tuple[str, ...] = ""
    environment: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    encoding: str = "utf-8"
    slow: bool = False

    def rng(self, seed: int) -> np.random.Generator:
        """Returns the generator of this case's draws, whatever other cases there are."""
        return np.random.default_rng([seed, zlib.crc32(f"{self.kind}/{self.name}".encode())])


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """Returns every case, in an order that does not change.

    The first call defines the flags of every command for a moment: none of theirs may be defined.
    """
    from tests.bad_inputs import (
        config_cases,
        data_cases,
        drawn_cases,
        environment_cases,
        flag_cases,
        network_cases,
        picture_cases,
        run_cases,
    )
    from tests.bad_inputs.paper import papers

    modules = (
        *(flag_cases, config_cases, picture_cases, data_cases, network_cases, run_cases),
        *(drawn_cases, environment_cases),
    )
    cases = [case for module in modules for case in module.cases()]
    cases += [case for told in papers().values() for case in told.more()]
    names = [(case.kind, case.name) for case in cases]
    if len(set(names)) < len(names):
        raise AssertionError(f"named twice: {sorted(n for n in names if names.count(n) > 1)}")
    return tuple(cases)


def given(kind: str, command: str, *arguments: str, names: str = "", **fields: Any) -> Case:
    """Returns a case without files: its arguments are all there is."""
    name = " ".join([command.removeprefix("jaxrepro.").removeprefix("papers."), *arguments])
    return Case(kind, name, command, lambda place: arguments, names, **fields)


def sample(cases: Sequence[Case], count: int) -> list[int]:
    """Returns the numbers of some cases of every kind, as many as there is room for.

    Always the same ones; those are left out that start a program by design.
    """
    order = sorted(
        range(len(cases)), key=lambda n: zlib.crc32(f"{cases[n].kind}: {cases[n].name}".encode())
    )
    quick = [n for n in order if not cases[n].slow]
    return sorted(quick[:count])
