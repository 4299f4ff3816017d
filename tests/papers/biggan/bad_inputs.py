"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

import json
import pathlib
import shutil
from collections.abc import Iterator, Sequence

import numpy as np

from jaxrepro.core.files.strict_json import json_digest
from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.data_cases import damaged, data_case, drawn_json, fixed, shard, without
from tests.bad_inputs.paper import PaperInputs, Published, given_words

_FLAGS = (
    ("sample", ("--output=a.png",), "--model"),
    ("sample", ("--model=none", "--step=x", "--output=a.png"), "step"),
    ("sample", ("--model=none", "--output=a.png", "--num=0"), "num"),
    ("sample", ("--model=none", "--output=a.png"), "none"),
    ("sample", ("--model=none", "--output=a.png", "--truncation=x"), "truncation"),
    ("interpolate", ("--model=none", "--output=a.mp4"), "a.mp4"),
    ("interpolate", ("--model=none", "--output=a.png", "--path=x"), "--path=x"),
    ("truncation_sweep", ("--model=n", "--output=a.png", "--truncations=a,b"), "a,b"),
    ("standing", ("--model=n", "--output=o", "--truncations=nan"), "nan"),
    ("port", ("--input=none.npz", "--output=out"), "none.npz"),
    ("truncation_curve", ("--model=n", "--output=a.csv", "--truncations=1"), "a.csv"),
    ("neighbours", ("--model=n", "--output=a.png", "--num=0"), "--num"),
    (
        "change_classes",
        ("--model=none", "--output=o", "--config=CONFIGS/biggan_digits.py:test"),
        "none",
    ),
)
_OVERRIDES = (
    ("biggan_digits", "train.total_steps=0", "train.total_steps"),
    ("biggan_digits", "train.total_steps=-5", "train.total_steps"),
    ("biggan_digits", "train.total_steps=1.5", "train.total_steps"),
    ("biggan_digits", "train.total_steps=many", "train.total_steps"),
    ("biggan_digits", "train.total_stepz=5", "total_stepz"),
    ("biggan_digits", "train.batch_size=0", "batch_size"),
    ("biggan_digits", "train.batch_size=100000000", "batch"),
    ("biggan_digits", "train.microbatches=3", "microbatches"),
    ("biggan_digits", "train.num_d_steps=0", "num_d_steps"),
    ("biggan_digits", "optim.g.learning_rate=nan", "learning_rate"),
    ("biggan_digits", "optim.g.learning_rate=-1", "learning_rate"),
    ("biggan_digits", "optim.d.learning_rate=inf", "learning_rate"),
    ("biggan_digits", "optim.g.b1=2", "b1"),
    ("biggan_digits", "model.resolution=17", "resolution"),
    ("biggan_digits", "model.resolution=-32", "resolution"),
    ("biggan_digits", "model.ch=0", "ch"),
    ("biggan_digits", "model.ch=٣x", "ch"),
    ("biggan_digits", "model.g_attention=(7,)", "attention"),
    ("biggan_digits", "model.g_attention=abc", "attention"),
    ("biggan_digits", "model.dim_z=1", "dim_z"),
    ("biggan_digits", "model.dtype=float8", "dtype"),
    ("biggan_digits", "model.bn_groups=3", "bn_groups"),
    ("biggan_digits", "model.bn_epsilon=nan", "bn_epsilon"),
    ("biggan_digits", "model.kernel_init=☃", "kernel_init"),
    ("biggan_digits", "ema.decay=1.5", "decay"),
    ("biggan_digits", "ema.decay=nan", "decay"),
    ("biggan_digits", "ema.start=-1", "start"),
    ("biggan_digits", "eval.every=-1", "every"),
    ("biggan_digits", "eval.batch_size=0", "batch_size"),
    ("biggan_digits", "eval.num_samples=-1", "num_samples"),
    ("biggan_digits", "guard.action=explode", "explode"),
    ("biggan_digits", "guard.factor=nan", "factor"),
    ("biggan_digits", "checkpoint.keep=0", "keep"),
    ("biggan_digits", "checkpoint.every=-1", "every"),
    ("biggan_digits", "log.every=0", "every"),
    ("biggan_digits", "mesh.fsdp=3", "fsdp"),
    ("biggan_digits", "mesh.fsdp=0", "fsdp"),
    ("biggan_digits", "seed=-1", "seed"),
    ("biggan_digits", "seed=99999999999999999999", "seed"),
    ("biggan_digits", "num_seeds=0", "num_seeds"),
    ("biggan_digits", "task=vae", "vae"),
    ("biggan_digits", "data.source=", "source"),
    ("biggan_digits", "data.source=folder:missing", "missing"),
    ("biggan_digits", "data.source=array_record:über", "über"),
    ("biggan_digits", "data.channels=2", "channels"),
    ("biggan_digits", "data.crop=oval", "oval"),
    ("biggan_digits", "data.min_crop=7.5", "min_crop"),
)
_VARIANTS = (
    ("biggan_digits.py:huge", "huge"),
    ("biggan_digits.py:test,bs=many", "many"),
    ("biggan_digits.py:test,colour=red", "colour"),
    ("biggan_digits.py:test,bs=-4", "batch_size"),
)
_CONFIGS = (
    (("--config=configs/bigan.py",), ("no config '", "bigan.py'; the nearest is"), False),
    (
        ("--config=bigan_digits:test",),
        "no config 'bigan_digits'; the nearest is 'biggan_digits'",
        False,
    ),
    (
        ("--config=configs/biggan_digits.py:tset",),
        ("unknown variant 'tset'", "paper, demo, test"),
        False,
    ),
    (("--config=configs/biggan_digits.py:test", "--config.modle.ch=3"), "modle", False),
    (("--config=configs/biggan_digits.py:test", "--config.model.chh=3"), "chh", False),
    (("--config=configs/biggan_digits.py:test", "--config.model.ch=many"), ("ch", "many"), False),
    (
        ("--config=configs/biggan_digits.py:test", "--config.data.source=digist"),
        ("unknown data source 'digist'", "photos"),
        False,
    ),
    (
        ("--config=configs/biggan_digits.py:test", "--config.data.source=folder:nowhere"),
        "nowhere",
        False,
    ),
    (
        ("--config=configs/biggan_digits.py:test", "--config.model.dim_z=50"),
        ("dim_z=50", "48 or 51"),
        False,
    ),
    (
        (
            "--config=configs/biggan_digits.py:test",
            "--config.train.batch_size=7",
            "--config.train.microbatches=2",
        ),
        ("microbatches=2", "batch_size=7"),
        False,
    ),
    (("--config=configs/biggan_digits.py:test", "--cofnig.seed=1"), "cofnig", False),
    (("--config=configs/biggan_digits.py:test", "extra"), "unexpected argument 'extra'", False),
    (
        ("--config=configs/biggan_digits.py:test", "--config.train.batch_size=5000"),
        ("1437 examples", "the batch of 5000"),
        True,
    ),
    (
        ("--config=configs/biggan_digits.py:test", "--config.optim.g.multipliers=('^nothing=2',)"),
        "applies to no parameter",
        True,
    ),
)
_CARDS = (
    ("paper", 3),
    ("files", []),
    ("files.nets", {"../g": "0"}),
    ("class_names", 5),
    ("class_names", ["one"]),
    ("class_names", [1, 2]),
    ("latent", ["normal"]),
    ("generator", None),
    ("generator", {"resolution": 16}),
    ("generator.ch", "wide"),
    ("generator.architecture", "dcgan"),
    ("generator.resolution", 1000000000),
    ("generator.colour", True),
)


def _make_set(folder: pathlib.Path) -> None:
    """A prepared set of six pictures in two shards, written in this process."""
    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.data.sets.record_writer import _ShardWriter
    from jaxrepro.data.sets.records import MANIFEST, Manifest
    from jaxrepro.data.sources import open_source
    from tests.bad_inputs.materials import write_images

    images = folder.with_name("images_of_set")
    shutil.rmtree(images, ignore_errors=True)
    write_images(images)
    source = open_source(f"folder:{images}")
    folder.mkdir()
    writer = _ShardWriter(source, folder, 16, 3, False)
    shards = tuple(writer.write(n, lambda: None) for n in range(writer.num_shards))
    for path in folder.glob("*.json"):
        path.unlink()
    settings = {
        "source": source.spec,
        "split": "train",
        "channels": 3,
        "size": 16,
        "shard_size": 3,
        "num_source_images": 6,
        "class_names": list(source.class_names),
        "fingerprint": source.fingerprint(),
    }
    write_atomically(folder / MANIFEST, Manifest(settings, shards).to_json())


def _generator(ch: int = 8) -> dict[str, np.ndarray]:
    from tests import published_weights

    return published_weights.author_generator(ch=ch)


def _make_npz(path: pathlib.Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **_generator())  # pyright: ignore[reportArgumentType]


def _make_safetensors(path: pathlib.Path) -> None:
    from safetensors.numpy import save

    path.write_bytes(save(_generator()))


def _swapped(folder: pathlib.Path, rng: np.random.Generator) -> None:
    """Two shards under each other's names: of one size, and read as the other's pictures."""
    del rng
    first, second = sorted(folder.glob("*.array_record"))
    other = first.with_name("other")
    first.rename(other)
    second.rename(first)
    other.rename(second)


_M = "manifest.json"
_SETS = (
    ("shard halved", shard(mutations.halved), True, "array_record"),
    ("shard emptied", shard(mutations.emptied), True, "array_record"),
    ("shard header flipped", shard(mutations.header_flipped), False, "array_record"),
    ("shard bytes flipped", shard(mutations.bytes_flipped), False, "array_record"),
    ("shard zeroed", shard(mutations.zeroed), False, "array_record"),
    ("shard of noise", shard(mutations.random_bytes), True, "array_record"),
    ("shard missing", without("*.array_record"), True, "array_record"),
    ("shards swapped", _swapped, True, "array_record"),
    ("manifest missing", without(_M), True, _M),
    ("manifest halved", damaged(_M, mutations.halved), True, _M),
    ("manifest of noise", damaged(_M, mutations.random_bytes), True, _M),
    ("another format", fixed(_M, "format", 2), True, _M),
    ("a label outside", fixed(_M, "shards.0.labels.0", 7), True, _M),
    ("a label that is text", fixed(_M, "shards.0.labels.0", "cat"), True, _M),
    ("a label too few", fixed(_M, "shards.0.labels", [0, 0]), True, "data"),
    ("class names are a number", fixed(_M, "settings.class_names", 2), True, _M),
    ("class names are lists", fixed(_M, "settings.class_names", [[], []]), True, _M),
    ("a shard elsewhere", fixed(_M, "shards.0.name", "../../x"), True, _M),
    ("no shards", fixed(_M, "shards", []), True, _M),
    ("the size is a text", fixed(_M, "shards.0.num_bytes", "many"), True, "data"),
    ("a list", lambda folder, rng: (folder / _M).write_text("[]"), True, _M),
    *((f"manifest value {n}", drawn_json(_M), False, "data") for n in range(3)),
)
_TO_TRAIN = (
    "--config=CONFIGS/biggan_digits.py:test",
    "--config.data.source=array_record:data",
    "--config.data.channels=3",
    "--config.train.batch_size=4",
    "--workdir=run",
)


def _data() -> Iterator[Case]:
    for name, change, certain, names in _SETS:
        yield data_case(f"images: {name}", "set", _TO_TRAIN, change, names, certain)


def _more() -> Iterator[Case]:
    sample = "jaxrepro.papers.biggan.sample"

    def numbered(place: Place) -> Sequence[str]:
        net = place.materials.copy("export:biggan", place.folder / "net")
        names = sorted(map(str, range(1, 11)))
        card = json.loads((net / "model.json").read_bytes()) | {"class_names": names}
        del card["sha256"]
        card["sha256"] = json_digest(card)
        (net / "model.json").write_text(json.dumps(card))
        return ["--model=net", "--classes=0", "--num=1", "--output=sheet.png"]

    def with_seed(place: Place) -> Sequence[str]:
        words = ["--num=1", "--output=sheet.png", f"--seed={2**32}"]
        return [*words, f"--model={place.materials.path('export:biggan')}"]

    def renamed(place: Place) -> Sequence[str]:
        run = place.materials.copy("run:biggan", place.folder / "run")
        (run / "results.json").unlink()
        mutations.set_json(run / "model.json", "class_names.0", "zebra")
        config = "--config=CONFIGS/biggan_digits.py:test"
        return given_words([config, "--config.train.total_steps=3", "--workdir=run"])

    def stray(place: Place) -> Sequence[str]:
        images = place.materials.copy("images", place.folder / "up" / "images")
        shutil.copy(images / "cats" / "0.png", images / "preview.png")
        return ["--source=folder:up", "--size=8", "--output=out", "--num_workers=1"]

    def unread(place: Place) -> Sequence[str]:
        images = place.materials.copy("images", place.folder / "in")
        (images / "cats" / "more.heic").write_bytes(b"x")
        return ["--source=folder:in", "--size=8", "--output=out", "--num_workers=1"]

    yield Case("data set", "classes called by numbers", sample, numbered, "no class", slow=True)
    yield Case("flag", "sample: a seed of 33 bits", sample, with_seed, "seed", slow=True)
    yield Case(
        "run folder",
        "biggan: a class has another name",
        "jaxrepro.train",
        renamed,
        "zebra",
        may_write=("run",),
        slow=True,
    )
    prepare = "jaxrepro.prepare"
    yield Case("data set", "a level too high", prepare, stray, "preview.png", slow=True)
    yield Case(
        "data set", "files nobody reads", prepare, unread, said=("not read in", ".heic"), slow=True
    )


_PORT = ("port", ("--input=g.npz", "--output=out"))
BAD_INPUTS = PaperInputs(
    config="biggan_digits",
    use=("sample", lambda path: ["--output=sheet.png", "--num=1", f"--model={path}"]),
    flags=_FLAGS,
    overrides=_OVERRIDES,
    variants=_VARIANTS,
    configs=_CONFIGS,
    cards=_CARDS,
    published=(
        Published(
            "generator.npz",
            "g.npz",
            *_PORT,
            wrong={
                "names altered": mutations.npz_renamed,
                "objects instead of numbers": mutations.npz_of_objects,
                "all NaN": mutations.npz_of_nan,
                "all arrays flat": mutations.npz_flat,
                "of a pose network": "hourglass.npz",
            },
        ),
    ),
    materials={
        "set": _make_set,
        "generator.npz": _make_npz,
        "generator.safetensors": _make_safetensors,
    },
    data=_data,
    more=_more,
)
