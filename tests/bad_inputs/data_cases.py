"""Data sets: what papers say may be wrong with theirs, and how it is made so."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.paper import Change, given_words, papers


def cases() -> Iterator[Case]:
    """Yields the cases of data sets."""
    for told in papers().values():
        yield from told.data()


def data_case(
    name: str,
    material: str,
    arguments: Sequence[str],
    change: Change,
    names: str | tuple[str, ...],
    certain: bool,
    said: str | tuple[str, ...] = "",
) -> Case:
    """Returns a case of training on a copy of a material, in `data`.

    What is not certain to be wrong is read only. said: as in `Case`.
    """

    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy(material, place.folder / "data"), place.rng)
        return given_words(arguments)

    command = "jaxrepro.train" if certain else "tests.bad_inputs.reading"
    return Case("data set", name, command, make, names, certain, may_write=("run",), said=said)


def shard(how: mutations.Damage) -> Change:
    """Returns what damages the first shard."""

    def change(folder: pathlib.Path, rng: np.random.Generator) -> None:
        mutations.damage(sorted(folder.glob("*.array_record"))[0], how, rng)

    return change


def damaged(file: str, how: mutations.Damage) -> Change:
    """Returns what damages a file."""
    return lambda folder, rng: mutations.damage(folder / file, how, rng)


def drawn_json(file: str) -> Change:
    """Returns what changes one value of a JSON file."""
    return lambda folder, rng: mutations.altered_json(folder / file, rng)


def fixed(file: str, key: str, value: object) -> Change:
    """Returns what sets a value of a JSON file."""
    return lambda folder, rng: mutations.set_json(folder / file, key, value)


def without(name: str) -> Change:
    """Returns what removes the first file of a pattern."""
    return lambda folder, rng: sorted(folder.glob(name))[0].unlink()
