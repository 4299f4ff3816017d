"""Data sets: prepared images and faces, and annotations of people."""

import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.materials import CONFIGS

_KIND = "data set"
_DRAWS = 3
Change = Callable[[pathlib.Path, np.random.Generator], object]


def cases() -> Iterator[Case]:
    """Yields the cases of data sets."""
    for name, change, certain, names in _SETS:
        yield _case(f"images: {name}", _TO_TRAIN["set"], change, names, certain)
    for name, change, certain, names in _FACES:
        yield _case(f"faces: {name}", _TO_TRAIN["faces"], change, names, certain)
    for file in ("release.mat", "train.h5", "coco.json", "mpii.json", "lsp/joints.mat"):
        for name, how in _DAMAGE.items():
            change = _damage(f"{file}", how)
            names = file.partition("/")[0]
            yield _case(f"{file}: {name}", _people(file), change, names, name == "emptied")
    for file in ("coco.json", "mpii.json"):
        for number in range(_DRAWS):
            yield _case(f"{file}: value {number}", _people(file), _altered(file), file, False)
    for name, (file, change) in _ANNOTATIONS.items():
        yield _case(f"{file}: {name}", _people(file), change, file, True)


def _case(
    name: str,
    made: tuple[str, Sequence[str]],
    change: Change,
    names: str,
    certain: bool,
) -> Case:
    material, arguments = made

    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy(material, place.folder / "data"), place.rng)
        return arguments

    command = "jaxrepro.train" if certain else "tests.bad_inputs.reading"
    return Case(_KIND, name, command, make, names, certain, may_write=("run",))


_TO_TRAIN: dict[str, tuple[str, Sequence[str]]] = {
    "set": (
        "set",
        (
            f"--config={CONFIGS}/biggan_digits.py:test",
            "--config.data.source=array_record:data",
            "--config.data.channels=3",
            "--config.train.batch_size=4",
            "--workdir=run",
        ),
    ),
    "faces": (
        "faces",
        (
            f"--config={CONFIGS}/scfegan.py:test",
            "--config.data.source=faces:data",
            "--config.data.size=64",
            "--config.train.batch_size=2",
            "--workdir=run",
        ),
    ),
}


def _people(file: str) -> tuple[str, Sequence[str]]:
    kind = file.partition("/")[0]
    kind = {"lsp": "lsp", "coco.json": "coco"}.get(kind, "mpii")
    place = "data/lsp" if kind == "lsp" else f"data/{file}"
    arguments = (
        f"--config={CONFIGS}/hourglass.py:test",
        f"--config.data.source={kind}:{place}",
        "--config.data.split=all",
        "--config.data.validation_split=all",
        "--config.data.images=data/images",
        "--config.train.batch_size=1",
        "--workdir=run",
    )
    return "people", arguments if kind != "lsp" else tuple(
        a for a in arguments if "images" not in a
    )


def _shard(how: mutations.Damage) -> Change:
    def change(folder: pathlib.Path, rng: np.random.Generator) -> None:
        mutations.damage(sorted(folder.glob("*.array_record"))[0], how, rng)

    return change


def _damage(file: str, how: mutations.Damage) -> Change:
    return lambda folder, rng: mutations.damage(folder / file, how, rng)


def _altered(file: str) -> Change:
    return lambda folder, rng: mutations.altered_json(folder / file, rng)


def _set(file: str, key: str, value: object) -> Change:
    return lambda folder, rng: mutations.set_json(folder / file, key, value)


def _without(name: str) -> Change:
    return lambda folder, rng: sorted(folder.glob(name))[0].unlink()


def _swapped(folder: pathlib.Path, rng: np.random.Generator) -> None:
    """Two shards under each other's names: of one size, and read as the other's pictures."""
    del rng
    first, second = sorted(folder.glob("*.array_record"))
    other = first.with_name("other")
    first.rename(other)
    second.rename(first)
    other.rename(second)


_DAMAGE = {
    "halved": mutations.halved,
    "emptied": mutations.emptied,
    "header flipped": mutations.header_flipped,
    "bytes flipped": mutations.bytes_flipped,
    "zeroed": mutations.zeroed,
}
_M = "manifest.json"
_SETS: tuple[tuple[str, Change, bool, str], ...] = (
    ("shard halved", _shard(mutations.halved), True, "array_record"),
    ("shard emptied", _shard(mutations.emptied), True, "array_record"),
    ("shard header flipped", _shard(mutations.header_flipped), False, "array_record"),
    ("shard bytes flipped", _shard(mutations.bytes_flipped), False, "array_record"),
    ("shard zeroed", _shard(mutations.zeroed), False, "array_record"),
    ("shard of noise", _shard(mutations.random_bytes), True, "array_record"),
    ("shard missing", _without("*.array_record"), True, "array_record"),
    ("shards swapped", _swapped, True, "array_record"),
    ("manifest missing", _without(_M), True, _M),
    ("manifest halved", _damage(_M, mutations.halved), True, _M),
    ("manifest of noise", _damage(_M, mutations.random_bytes), True, _M),
    ("another format", _set(_M, "format", 2), True, _M),
    ("a label outside", _set(_M, "shards.0.labels.0", 7), True, _M),
    ("a label that is text", _set(_M, "shards.0.labels.0", "cat"), True, _M),
    ("a label too few", _set(_M, "shards.0.labels", [0, 0]), True, "data"),
    ("class names are a number", _set(_M, "settings.class_names", 2), True, _M),
    ("class names are lists", _set(_M, "settings.class_names", [[], []]), True, _M),
    ("a shard elsewhere", _set(_M, "shards.0.name", "../../x"), True, _M),
    ("no shards", _set(_M, "shards", []), True, _M),
    ("the size is a text", _set(_M, "shards.0.num_bytes", "many"), True, "data"),
    ("a list", lambda folder, rng: (folder / _M).write_text("[]"), True, _M),
    *((f"manifest value {n}", _altered(_M), False, "data") for n in range(_DRAWS)),
)
_FACES: tuple[tuple[str, Change, bool, str], ...] = (
    ("shard halved", _shard(mutations.halved), True, "array_record"),
    ("shard bytes flipped", _shard(mutations.bytes_flipped), False, "array_record"),
    ("shard zeroed", _shard(mutations.zeroed), False, "array_record"),
    ("manifest halved", _damage(_M, mutations.halved), True, _M),
    ("another size", _set(_M, "settings.size", 32), True, _M),
    ("sketches are a text", _set(_M, "settings.num_sketches", "two"), True, _M),
    ("no pictures", _set(_M, "pictures", []), True, _M),
    *((f"manifest value {n}", _altered(_M), False, "data") for n in range(_DRAWS)),
)


def _mpii(key: str, value: object) -> tuple[str, Change]:
    return "mpii.json", _set("mpii.json", f"0.{key}", value)


def _coco(key: str, value: object) -> tuple[str, Change]:
    return "coco.json", _set("coco.json", key, value)


def _text(file: str, content: str) -> tuple[str, Change]:
    return file, lambda folder, rng: (folder / file).write_text(content)


_ANNOTATIONS: dict[str, tuple[str, Change]] = {
    "a list of numbers": _text("mpii.json", "[1]"),
    "a joint too few": _mpii("joint_self", [[1, 2, 1]] * 15),
    "a joint that is text": _mpii("joint_self.0.0", "x"),
    "a joint that is infinite": _mpii("joint_self.0.0", float("inf")),
    "a place that is none": _mpii("objpos", [1.0]),
    "a place that is no number": _mpii("objpos", [float("nan"), 2.0]),
    "a size of 0": _mpii("scale_provided", 0),
    "a negative size": _mpii("scale_provided", -2),
    "a size that is no number": _mpii("scale_provided", float("nan")),
    "a picture elsewhere": _mpii("img_paths", "../../etc/passwd"),
    "no picture": _mpii("img_paths", "none.jpg"),
    "no people": _text("mpii.json", "[]"),
    "two keypoints": _coco("annotations.0.keypoints", [1, 2]),
    "a box of three": _coco("annotations.0.bbox", [1, 2, 3]),
    "a flat box": _coco("annotations.0.bbox", [1, 2, 0, 0]),
    "an unknown picture": _coco("annotations.0.image_id", 5),
    "a keypoint that is infinite": _coco("annotations.0.keypoints.0", float("inf")),
    "no annotations": _coco("annotations", []),
    "names twice": _coco("categories.0.keypoints", ["nose"] * 17),
    "deeply nested": _text("coco.json", "[" * 100_000),
}
