"""Networks: checkpoints, exports, and published weights in every format that is read."""

import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.materials import CONFIGS, STEP

_PAPERS = ("biggan", "srcnn", "pyranet", "scfegan")
Change = Callable[[pathlib.Path, np.random.Generator], object]


def cases() -> Iterator[Case]:
    """Yields the cases of networks."""
    yield from _checkpoint_cases()
    yield from _export_cases()
    yield from _published_cases()


# --- Checkpoints.


def _checkpoint_cases() -> Iterator[Case]:
    # Reading for an export touches no more than is needed; each paper's own code is asked too.
    for number, (name, change, certain) in enumerate(_CHECKPOINT):
        paper = _PAPERS[number % len(_PAPERS)]
        yield _of_run(f"{paper}: {name}", paper, "jaxrepro.export", change, certain=certain)
    for paper in _PAPERS:
        change = _data_files(mutations.halved)
        yield _of_run(f"{paper}: all data halved, to use it", paper, _USERS[paper][0], change)
    for name, change, certain in _CHECKPOINT[:4]:
        yield _of_run(
            f"srcnn: {name}, to continue", "srcnn", "jaxrepro.train", change, certain=certain
        )


def _of_run(name: str, paper: str, command: str, change: Change, *, certain: bool = True) -> Case:
    def make(place: Place) -> Sequence[str]:
        run = place.materials.copy(f"run:{paper}", place.folder / "run")
        change(run, place.rng)
        if command == "jaxrepro.export":
            return ["--workdir=run", "--output=out"]
        if command == "jaxrepro.train":
            (run / "results.json").unlink()
            return [
                f"--config={CONFIGS}/srcnn.py:test",
                "--config.train.total_steps=3",
                "--workdir=run",
            ]
        _prepare_user(place, paper)
        return _USERS[paper][1]("run")

    written = ("run",) if command == "jaxrepro.train" else ()
    return Case("checkpoint", name, command, make, "run", certain, may_write=written)


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


def _prepare_user(place: Place, paper: str) -> None:
    if paper != "biggan":
        from tests.bad_inputs.picture_cases import drawn

        drawn().save(place.folder / "photo.png")


_READING = "tests.bad_inputs.reading"


def _to_read(paper: str) -> Callable[[str], Sequence[str]]:
    return lambda path: [f"--paper={paper}", f"--network={path}"]


def _with_model(*arguments: str) -> Callable[[str], Sequence[str]]:
    return lambda path: [*arguments, f"--model={path}"]


_USERS: dict[str, tuple[str, Callable[[str], Sequence[str]]]] = {
    "biggan": ("jaxrepro.papers.biggan.sample", _with_model("--output=sheet.png", "--num=1")),
    "srcnn": ("jaxrepro.papers.srcnn.upscale", _with_model("photo.png", "large.png")),
    "pyranet": ("jaxrepro.papers.pyranet.predict", _with_model("photo.png", "--output=out")),
    "scfegan": (
        "jaxrepro.papers.scfegan.edit",
        _with_model("--image=photo.png", "--mask=photo.png", "--output=edited.png"),
    ),
}


def _export_cases() -> Iterator[Case]:
    for paper in _PAPERS:
        for name, change in _EXPORT:
            yield _of_export(f"{paper}: {name}", paper, change, paper)
        # Of an architecture that is another by one number.
        for number in range(4):
            yield _of_export(
                f"{paper}: card value {number}", paper, _card_value, paper, certain=False
            )
        other = _PAPERS[(_PAPERS.index(paper) + 1) % len(_PAPERS)]
        yield _of_export(f"{paper}: the export of {other}", paper, lambda f, r: None, other)
    for paper, key, value in _CARDS:
        change = _card(key, value)
        yield _of_export(f"{paper}: {key} is {value!r}", paper, change, paper)


def _of_export(
    name: str, paper: str, change: Change, material: str, *, certain: bool = True
) -> Case:
    command, arguments = _USERS[paper] if certain else (_READING, _to_read(paper))

    def make(place: Place) -> Sequence[str]:
        change(place.materials.copy(f"export:{material}", place.folder / "net"), place.rng)
        _prepare_user(place, paper)
        return arguments("net")

    return Case("export", name, command, make, "", certain)


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
_CARDS: tuple[tuple[str, str, object], ...] = (
    ("biggan", "paper", 3),
    ("biggan", "files", []),
    ("biggan", "files.nets", {"../g": "0"}),
    ("biggan", "class_names", 5),
    ("biggan", "class_names", ["one"]),
    ("biggan", "class_names", [1, 2]),
    ("biggan", "latent", ["normal"]),
    ("biggan", "generator", None),
    ("biggan", "generator", {"resolution": 16}),
    ("biggan", "generator.ch", "wide"),
    ("biggan", "generator.architecture", "dcgan"),
    ("biggan", "generator.resolution", 10**9),
    ("biggan", "generator.colour", True),
    ("srcnn", "network.kernels", [9, -1, 5]),
    ("srcnn", "network", []),
    ("srcnn", "scale", 10**9),
    ("pyranet", "joint_set", {"name": "cats"}),
    ("pyranet", "size", 63),
    ("pyranet", "size", 2**40),
    ("pyranet", "network.num_stacks", 10**6),
    ("pyranet", "padding", {"enlarged": float("nan"), "moved_down": 0}),
    ("scfegan", "resolution", "large"),
    ("scfegan", "generator", {"width": 0}),
    ("scfegan", "channel_order", ["rgb"]),
)


# --- Published weights.


def _published_cases() -> Iterator[Case]:
    for material, file, using, given in _PUBLISHED:
        for name, how in _DAMAGE.items():
            command, arguments = using, given
            damage = _of_file(how)
            certain = name in ("emptied", "cut off", "of noise")
            paper = _READERS.get(command)
            if not certain:
                command = _READING
                path = "tf/SC-FEGAN.ckpt" if material == "bundle" else file
                arguments = _to_read(paper)(path) if paper else _TRAIN_FACES
            yield _published(f"{file}: {name}", material, file, command, arguments, damage, certain)
    for material, file, command, arguments, name, change in _RENAMED:
        yield _published(f"{file}: {name}", material, file, command, arguments, change, True)


def _published(
    name: str,
    material: str,
    file: str,
    command: str,
    arguments: Sequence[str],
    change: Change,
    certain: bool,
) -> Case:
    def make(place: Place) -> Sequence[str]:
        target = place.folder / file
        if material == "bundle":
            place.materials.copy(material, target.parent)
        else:
            place.materials.copy(material, target)
        change(target, place.rng)
        _prepare_user(place, "")
        return arguments

    words = file.partition("/")[0]
    return Case("weights", name, command, make, words, certain, may_write=("run",))


def _of_file(how: mutations.Damage) -> Change:
    return lambda path, rng: mutations.damage(path, how, rng)


def _rename_in_npz(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    with np.load(path) as archive:
        arrays = {f"{name}_old": archive[name] for name in archive.files}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _objects_in_npz(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    with path.open("wb") as file:
        np.savez(file, x=np.array([{"a": 1}], object))


def _nan_in_npz(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    with np.load(path) as archive:
        arrays = {name: np.full_like(archive[name], np.nan) for name in archive.files}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _flat_in_npz(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    with np.load(path) as archive:
        arrays = {name: archive[name].reshape(-1) for name in archive.files}
    with path.open("wb") as file:
        np.savez(file, **arrays)


_DAMAGE = {
    "cut off": mutations.truncated,
    "emptied": mutations.emptied,
    "header flipped": mutations.header_flipped,
    "bytes flipped": mutations.bytes_flipped,
    "zeroed": mutations.zeroed,
    "of noise": mutations.random_bytes,
}
_PORT = ("jaxrepro.papers.biggan.port", ("--input=g.npz", "--output=out"))
_POSE = (
    "jaxrepro.papers.pyranet.predict",
    ("photo.png", "--output=out", "--model=hg.safetensors"),
)
_TRAIN_FACES = (
    f"--config={CONFIGS}/scfegan.py:test",
    "--config.features.weights=vgg.h5",
    "--config.features.width=64",
    "--workdir=run",
)
_CONVERT = ("jaxrepro.papers.scfegan.convert", ("--model=tf/SC-FEGAN.ckpt", "--output=out"))
_UPSCALE = ("jaxrepro.papers.srcnn.upscale", ("photo.png", "large.png", "--model=x3.mat"))
_PUBLISHED: tuple[tuple[str, str, str, Sequence[str]], ...] = (
    ("npz:generator", "g.npz", *_PORT),
    ("safetensors:hourglass", "hg.safetensors", *_POSE),
    ("mat", "x3.mat", *_UPSCALE),
    ("bundle", "tf/SC-FEGAN.ckpt.index", *_CONVERT),
    ("bundle", "tf/SC-FEGAN.ckpt.data-00000-of-00001", *_CONVERT),
    ("vgg", "vgg.h5", "jaxrepro.train", _TRAIN_FACES),
)
_READERS = {command: paper for paper, (command, _) in _USERS.items()} | {
    _PORT[0]: "biggan",
    _CONVERT[0]: "scfegan",
}
_RENAMED: tuple[tuple[str, str, str, Sequence[str], str, Change], ...] = (
    ("npz:generator", "g.npz", *_PORT, "names altered", _rename_in_npz),
    ("npz:generator", "g.npz", *_PORT, "objects instead of numbers", _objects_in_npz),
    ("npz:generator", "g.npz", *_PORT, "all NaN", _nan_in_npz),
    ("npz:generator", "g.npz", *_PORT, "all arrays flat", _flat_in_npz),
    ("npz:hourglass", "g.npz", *_PORT, "of a pose network", lambda p, r: None),
    ("safetensors:generator", "hg.safetensors", *_POSE, "of a generator", lambda p, r: None),
    ("vgg", "x3.mat", *_UPSCALE, "an HDF5 file", lambda p, r: None),
    ("mat", "vgg.h5", "jaxrepro.train", _TRAIN_FACES, "a MATLAB file", lambda p, r: None),
)
