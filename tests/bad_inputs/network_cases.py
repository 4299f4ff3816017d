"""Networks: checkpoints, exports, and published weights in every format that is read."""

import pathlib
import shutil
from collections.abc import Iterator, Sequence

import numpy as np

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.drawings import drawn
from tests.bad_inputs.materials import STEP, makers
from tests.bad_inputs.paper import CONFIGS, Change, Published, given_words, papers, users, verb


def cases() -> Iterator[Case]:
    """Yields the cases of networks."""
    yield from _checkpoint_cases()
    yield from _export_cases()
    yield from _published_cases()


# --- Checkpoints.


def _checkpoint_cases() -> Iterator[Case]:
    for number, paper in enumerate(papers()):
        for name, change, certain in _CHECKPOINT:
            yield _of_run(f"{paper}: {name}", paper, "jaxrepro.export", change, certain=certain)
        change = _data_files(mutations.halved)
        if paper in users():
            yield _of_run(f"{paper}: all data halved, to use it", paper, users()[paper][0], change)
        # To continue takes a while: of each paper another few. Without any it begins anew.
        damaged = [case for case in _CHECKPOINT if case[1] not in (_all_gone, _none_yet)]
        for name, change, certain in damaged[number :: len(papers())]:
            text = f"{paper}: {name}, to continue"
            yield _of_run(text, paper, "jaxrepro.train", change, certain=certain)


def _of_run(name: str, paper: str, command: str, change: Change, *, certain: bool = True) -> Case:
    told = papers()[paper]

    def make(place: Place) -> Sequence[str]:
        run = place.materials.copy(f"run:{paper}", place.folder / "run")
        change(run, place.rng)
        if command == "jaxrepro.export":
            return ["--workdir=run", "--output=out"]
        if command == "jaxrepro.train":
            (run / "results.json").unlink()
            return [
                f"--config={CONFIGS}/{told.config}.py:test",
                "--config.train.total_steps=3",
                "--workdir=run",
            ]
        draw_photo(place)
        return users()[paper][1]("run")

    is_train = command == "jaxrepro.train"
    written = ("run",) if is_train else ()
    return Case("checkpoint", name, command, make, "run", certain, may_write=written, slow=is_train)


def _checkpoint(run: pathlib.Path) -> pathlib.Path:
    return run / "checkpoints" / str(STEP) / "state"


def _data_files(how: mutations.Damage) -> Change:
    """Damages every file of arrays of the latest checkpoint."""

    def change(run: pathlib.Path, rng: np.random.Generator) -> None:
        for path in sorted(_checkpoint(run).rglob("*")):
            if path.is_file() and "d" in (path.parent.name, path.parent.parent.name):
                mutations.damage(path, how, rng)

    return change


def _largest(how: mutations.Damage) -> Change:
    """Damages the largest file of the latest checkpoint."""

    def change(run: pathlib.Path, rng: np.random.Generator) -> None:
        files = [path for path in sorted(_checkpoint(run).rglob("*")) if path.is_file()]
        mutations.damage(max(files, key=lambda path: path.stat().st_size), how, rng)

    return change


def _named(name: str, how: mutations.Damage) -> Change:
    return lambda run, rng: mutations.damage(_checkpoint(run) / name, how, rng)


def _gone(name: str) -> Change:
    return lambda run, rng: (_checkpoint(run) / name).unlink()


def _data_gone(run: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    for path in _checkpoint(run).iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _all_gone(run: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    shutil.rmtree(run / "checkpoints")


def _none_yet(run: pathlib.Path, rng: np.random.Generator) -> None:
    _all_gone(run, rng)
    (run / "checkpoints").mkdir()


def _renamed_leaf(run: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path = _checkpoint(run) / "_METADATA"
    path.write_text(path.read_text().replace("kernel", "colonel"))


_CHECKPOINT: tuple[tuple[str, Change, bool], ...] = (
    ("all data halved", _data_files(mutations.halved), True),
    ("largest file cut off", _largest(mutations.truncated), True),
    ("largest file, bytes flipped", _largest(mutations.bytes_flipped), False),
    ("data missing", _data_gone, True),
    ("all data flipped", _data_files(mutations.bytes_flipped), False),
    ("largest file, one bit", _largest(mutations.bit_flipped), False),
    ("_METADATA halved", _named("_METADATA", mutations.halved), True),
    ("_METADATA missing", _gone("_METADATA"), True),
    ("_METADATA of noise", _named("_METADATA", mutations.random_bytes), True),
    ("leaves renamed", _renamed_leaf, True),
    ("manifest.ocdbt missing", _gone("manifest.ocdbt"), True),
    ("manifest.ocdbt flipped", _named("manifest.ocdbt", mutations.bytes_flipped), False),
    ("_sharding flipped", _named("_sharding", mutations.bytes_flipped), False),
    ("none at all", _all_gone, True),
    ("none yet", _none_yet, True),
    ("largest file emptied", _largest(mutations.emptied), True),
)


# --- Exports.


def draw_photo(place: Place) -> None:
    """Writes photo.png into the folder of a case."""
    drawn().save(place.folder / "photo.png")


_READING = "tests.bad_inputs.reading"


def _to_read(paper: str, path: str) -> Sequence[str]:
    return [f"--paper={paper}", f"--network={path}"]


def _export_cases() -> Iterator[Case]:
    names = list(users())
    for number, paper in enumerate(names):
        for name, change in _EXPORT:
            yield _of_export(f"{paper}: {name}", paper, change, paper)
        # Of an architecture that is another by one number.
        for draw in range(4):
            yield _of_export(
                f"{paper}: card value {draw}", paper, _card_value, paper, certain=False
            )
        other = names[(number + 1) % len(names)]
        yield _of_export(f"{paper}: the export of {other}", paper, lambda f, r: None, other)
        for key, value in papers()[paper].cards:
            yield _of_export(f"{paper}: {key} is {value!r}", paper, _card(key, value), paper)


def _of_export(
    name: str, paper: str, change: Change, material: str, *, certain: bool = True
) -> Case:
    command, arguments = users()[paper]

    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy(f"export:{material}", place.folder / "net"), place.rng)
        draw_photo(place)
        return arguments("net") if certain else _to_read(paper, "net")

    return Case("export", name, command if certain else _READING, make, "", certain)


def _arrays(how: mutations.Damage) -> Change:
    return lambda folder, rng: mutations.damage(sorted(folder.glob("*.safetensors"))[0], how, rng)


def _no_arrays(folder: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    sorted(folder.glob("*.safetensors"))[0].unlink()


def _card(key: str, value: object) -> Change:
    return lambda folder, rng: mutations.set_json(folder / "model.json", key, value)


def _card_value(folder: pathlib.Path, rng: np.random.Generator) -> None:
    mutations.altered_json(folder / "model.json", rng)


def _renamed(folder: pathlib.Path, rng: np.random.Generator) -> None:
    """One array under another name, with the right hash in the card."""
    import hashlib

    from safetensors.numpy import load_file, save

    del rng
    path = sorted(folder.glob("*.safetensors"))[0]
    arrays = load_file(path)
    name = sorted(arrays)[0]
    arrays[f"{name}_old"] = arrays.pop(name)
    path.write_bytes(save(arrays))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    mutations.set_json(folder / "model.json", f"files.nets.{path.stem}", digest)


_EXPORT: tuple[tuple[str, Change], ...] = (
    ("arrays cut off", _arrays(mutations.truncated)),
    ("one bit of the arrays", _arrays(mutations.bit_flipped)),
    ("arrays missing", _no_arrays),
    ("an array renamed", _renamed),
    ("card halved", lambda f, r: mutations.damage(f / "model.json", mutations.halved, r)),
)


# --- Published weights.


def _published_cases() -> Iterator[Case]:
    for paper, told in papers().items():
        for file in told.published:
            for name, how in _DAMAGE.items():
                certain = name in ("emptied", "cut off", "of noise")
                yield _published(paper, file, name, _of_file(how), file.material, certain)
            for name, wrong in file.wrong.items():
                if not isinstance(wrong, str):
                    yield _published(paper, file, name, wrong, file.material, True)
                elif wrong in makers():
                    yield _published(paper, file, name, lambda path, rng: None, wrong, True)


def _published(
    paper: str, file: Published, name: str, change: Change, material: str, certain: bool
) -> Case:
    def make(place: Place) -> Sequence[str]:
        target = place.folder / file.file
        # A checkpoint of several files is copied with all of them.
        several = target.parent != place.folder
        place.materials.copy(material, target.parent if several else target)
        change(target, place.rng)
        draw_photo(place)
        if not certain and file.is_network:
            return _to_read(paper, file.whole or file.file)
        return given_words(file.arguments)

    command = verb(paper, file.command) if certain else _READING
    words, text = file.file.partition("/")[0], f"{file.file}: {name}"
    return Case("weights", text, command, make, words, certain, may_write=("run",))


def _of_file(how: mutations.Damage) -> Change:
    return lambda path, rng: mutations.damage(path, how, rng)


_DAMAGE = {
    "cut off": mutations.truncated,
    "emptied": mutations.emptied,
    "header flipped": mutations.header_flipped,
    "bytes flipped": mutations.bytes_flipped,
    "zeroed": mutations.zeroed,
    "of noise": mutations.random_bytes,
}
