"""What a run reads, told by its content and not by its path, and whether it is still the same."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from jaxrepro.core.errors import InputError

# Of a start's entry in run.json: what it reads, and the keys of the config that say where that is.
DATA, DATA_KEYS = "data", "data_keys"
# Of a start that went on with other data, and of an evaluation on them: what differs.
OTHER_DATA = "other_data"
_SHOWN = 12


@dataclasses.dataclass(frozen=True)
class DataIdentity:
    """A data set, or weights that were trained before: the same wherever it lies.

    fingerprint: of the content; "" where nobody knows it. num_examples: 0 for weights.
    class_names: what labels mean, in their order; named: what such a name is called.
    places: further keys of the config that say where it lies, such as a folder of pictures.
    notes: sentences for whoever starts a run, such as what was left out.
    """

    fingerprint: str
    num_examples: int = 0
    class_names: tuple[str, ...] = ()
    named: str = "classes"
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def is_same(self, other: "DataIdentity") -> bool:
        """Whether both are known, and of the same content with the same names in the same order."""
        mine, its = ((one.fingerprint, one.num_examples, one.class_names) for one in (self, other))
        return bool(self.fingerprint) and mine == its

    def as_json(self) -> dict[str, Any]:
        """Returns what `run.json` keeps."""
        kept = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in kept.items()
            if name not in ("named", "places") and (value or name == "fingerprint")
        }


def joined(identities: Sequence[DataIdentity]) -> DataIdentity:
    """Returns the identity of several sets that one key of the config names, in that order."""
    sha = hashlib.sha256(" ".join(one.fingerprint for one in identities).encode())
    notes = tuple(dict.fromkeys(note for one in identities for note in one.notes))
    return DataIdentity(sha.hexdigest(), sum(one.num_examples for one in identities), notes=notes)


def arrays_identity(tree: Any) -> DataIdentity:
    """Returns the identity of weights: of a tree of arrays, by their names, types and values."""
    import jax
    import numpy as np

    sha = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        array = np.ascontiguousarray(leaf)
        sha.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        sha.update(array.tobytes())
    return DataIdentity(sha.hexdigest())


def data_keys(identities: Mapping[str, DataIdentity]) -> list[str]:
    """Returns the keys of a config whose text says only where the data are."""
    return sorted({place for key, one in identities.items() for place in (key, *one.places)})


def all_notes(identities: Mapping[str, DataIdentity]) -> list[str]:
    """Returns the notes of all, each once, behind the key of the data."""
    notes: dict[str, str] = {}
    for key, one in identities.items():
        for note in one.notes:
            notes.setdefault(note, f"{key}: {note}")
    return list(notes.values())


def known_data(
    starts: Sequence[Mapping[str, Any]], card: Mapping[str, Any]
) -> dict[str, DataIdentity]:
    """Returns what a run read when it was last started, by the key of the config.

    starts: the entries of its `run.json`. card: its model card: of an older run, whose entries say
    nothing of data, it has the names of the classes. Raises InputError if an entry is damaged.
    """
    for start in reversed(starts):
        if DATA in start:
            return _parsed(start[DATA])
    names = card.get("class_names")
    if not isinstance(names, list):
        return {}
    return {"data.source": DataIdentity("", class_names=tuple(map(str, names)))}


def same_places(
    known: Mapping[str, DataIdentity], now: Mapping[str, DataIdentity]
) -> frozenset[str]:
    """Returns the keys of a config that may name another place: it holds what it held."""
    return frozenset(
        place
        for key, one in now.items()
        if key in known and one.is_same(known[key])
        for place in (key, *one.places)
    )


def other_content(
    known: Mapping[str, DataIdentity], now: Mapping[str, DataIdentity], run: object
) -> list[str]:
    """Returns a sentence for each data set of `now` whose content is not what `run` began with.

    Raises InputError, naming both lists, where the names of its labels or their order are others:
    the network would be told, or asked, another thing.
    """
    lines = []
    for key, one in now.items():
        before = known.get(key)
        if before is None:
            continue
        if before.class_names != one.class_names:
            old, new = listed_both(before.class_names, one.class_names)
            raise InputError(
                f"{key} has the {one.named} {new}, and {run} was started with {old}: give the data "
                "that it was started with, or start another run"
            )
        if before.fingerprint and not one.is_same(before):
            counts = f", {one.num_examples} examples" if one.num_examples else ""
            if one.num_examples != before.num_examples:
                counts += f" instead of {before.num_examples}"
            lines.append(
                f"{key} holds other data than {run} was last started with (fingerprint "
                f"{one.fingerprint[:12]} instead of {before.fingerprint[:12]}{counts}); "
                "bit for bit holds for the same data only"
            )
    return lines


def _parsed(data: Any) -> dict[str, DataIdentity]:
    try:
        return {
            key: DataIdentity(
                str(one["fingerprint"]),
                int(one.get("num_examples", 0)),
                tuple(map(str, one.get("class_names", ()))),
            )
            for key, one in data.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f'run.json has a start whose "{DATA}" is damaged ({error!r}); remove that entry'
        ) from error


def listed_both(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """Returns two lists of names as text; of long ones a part that begins where they differ."""
    pairs = zip(old, new)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    if max(len(old), len(new)) <= _SHOWN:
        first = 0

    def listed(names: Sequence[str]) -> str:
        shown = ", ".join(names[first : first + _SHOWN])
        before = "..., " if first else ""
        after = ", ..." if len(names) > first + _SHOWN else ""
        return f"{before}{shown}{after} ({len(names)})" if names else "none"

    return listed(old), listed(new)
