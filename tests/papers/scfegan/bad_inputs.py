"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.data_cases import damaged, data_case, drawn_json, fixed, shard
from tests.bad_inputs.drawings import drawn
from tests.bad_inputs.paper import PaperInputs, Published

_FLAGS = (
    ("prepare", ("--source=folder:none", "--output=out"), "none"),
    ("prepare", ("--source=photos:test", "--size=0", "--output=out"), "size"),
    ("prepare", ("--source=photos:test", "--held_out_every=1", "--output=o"), "held"),
    ("prepare", ("--source=photos:test", "--output=o", "--labels=none"), "none"),
    ("prepare", ("--source=photos:test", "--output=o", "--edge_weights=n"), "n"),
    ("edit", ("--image=a.png", "--mask=b.png"), "--output"),
    ("edit", ("--image=a", "--mask=b", "--output=c", "--model=n"), "a"),
    ("edit", ("--image=a", "--mask=b", "--output=c", "--model=n", "--crop=1,2"), "crop"),
    ("edit", ("--image=a", "--mask=b", "--output=c", "--model=n", "--eyes=1"), "eyes"),
    ("evaluate", ("--model=none", "--source=photo_crops", "--num=1"), "num"),
    ("evaluate", ("--model=none", "--source=photo_crops"), "none"),
    ("convert", ("--model=none", "--output=out"), "none"),
    ("convert", ("--model=none", "--output=o", "--deconv_gate=x"), "deconv_gate"),
    ("calibrate", ("--config=CONFIGS/biggan_digits.py:test",), "scfegan"),
    ("calibrate", ("--config=CONFIGS/scfegan.py:test", "--steps=1"), "steps"),
    ("studio.__main__", ("--model=none", "--port=70000"), "port"),
    ("studio.__main__", ("--model=none", "--port=0"), "none"),
    ("studio.__main__", ("--model=none", "--host=no.such.host.invalid"), "no.such"),
)
_OVERRIDES = (
    ("scfegan", "data.source=faces:none", "none"),
    ("scfegan", "data.size=33", "size"),
    ("scfegan", "loss.style=nan", "style"),
    ("scfegan", "loss.perceptual=-1", "perceptual"),
    ("scfegan", "features.weights=none.h5", "width"),
    ("scfegan", "model.norm=batch", "batch"),
)
_VARIANTS = (
    ("scfegan.py:test,gate=open", "open"),
    ("scfegan.py:test,style=2", "style"),
)
_CARDS = (
    ("resolution", "large"),
    ("generator", {"width": 0}),
    ("channel_order", ["rgb"]),
)


def _make_faces(folder: pathlib.Path) -> None:
    """Prepared faces of 64 pixels: four pictures in one shard, written in this process."""
    from array_record.python import array_record_module  # pyright: ignore

    from jaxrepro.data.sets.intact_files import file_sha256
    from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe, derive_maps
    from jaxrepro.papers.scfegan.faces.map_records import FaceManifest, MapShard, encode_maps
    from tests.papers.scfegan.drawn_faces import face

    folder.mkdir()
    recipe = MapRecipe(64, aligned=True)
    path = folder / "maps-0.array_record"
    writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")
    keys = []
    for number in range(4):
        writer.write(encode_maps(derive_maps(face(64, shift=number)[0], None, recipe)))
        keys.append(f"key{number}")
    writer.close()
    settings = {"size": 64, "aligned": True, "num_sketches": recipe.num_sketches}
    settings["held_out_every"] = 2
    written = MapShard(path.name, path.stat().st_size, file_sha256(path), tuple(keys))
    pictures = tuple((f"{n}.png", key) for n, key in enumerate(keys))
    manifest = FaceManifest(settings, pictures, (), (written,))
    (folder / "manifest.json").write_bytes(manifest.to_json())


def _make_bundle(folder: pathlib.Path) -> None:
    """The authors' generator, narrower, as TensorFlow checkpoints."""
    from tests.core.arrays.tensorflow_files import write_bundle
    from tests.papers.scfegan.published_generator import published_arrays

    folder.mkdir()
    write_bundle(folder / "SC-FEGAN.ckpt", published_arrays(1))


def _make_vgg(path: pathlib.Path) -> None:
    """Weights of VGG-16 as Keras saves them, in HDF5."""
    import h5py

    from tests.nn.vgg.vgg16_arrays import keras_arrays

    with h5py.File(path, "w") as file:
        for name, array in keras_arrays().items():
            file[name] = array


_M = "manifest.json"
_FACES = (
    ("shard halved", shard(mutations.halved), True, "array_record"),
    ("shard bytes flipped", shard(mutations.bytes_flipped), False, "array_record"),
    ("shard zeroed", shard(mutations.zeroed), False, "array_record"),
    ("manifest halved", damaged(_M, mutations.halved), True, _M),
    ("another size", fixed(_M, "settings.size", 32), True, _M),
    ("sketches are a text", fixed(_M, "settings.num_sketches", "two"), True, _M),
    ("no pictures", fixed(_M, "pictures", []), True, _M),
    *((f"manifest value {n}", drawn_json(_M), False, "data") for n in range(3)),
)
_TO_TRAIN = (
    "--config=CONFIGS/scfegan.py:test",
    "--config.data.source=faces:data",
    "--config.data.size=64",
    "--config.train.batch_size=2",
    "--workdir=run",
)


def _data() -> Iterator[Case]:
    for name, change, certain, names in _FACES:
        yield data_case(f"faces: {name}", "faces", _TO_TRAIN, change, names, certain)


def _edited(place: Any, photo: str) -> Sequence[str]:
    return _edit(place, photo, "mask.png", "mask.png")


def _as_mask(place: Any, photo: str) -> Sequence[str]:
    return _edit(place, "image.png", photo, "image.png")


def _edit(place: Any, image: str, mask: str, good: str) -> Sequence[str]:
    drawn().save(place.folder / good)
    model = place.materials.path("export:scfegan")
    return [f"--image={image}", f"--mask={mask}", "--output=out.png", f"--model={model}"]


def _more() -> Iterator[Case]:
    edit = "jaxrepro.papers.scfegan.edit"

    def opaque(place: Place) -> Sequence[str]:
        drawn().save(place.folder / "photo.png")
        mask = Image.new("L", (24, 24))
        mask.paste(255, (8, 8, 12, 12))
        Image.merge("RGBA", [mask] * 3 + [Image.new("L", (24, 24), 255)]).save("mask.png")
        model = place.materials.path("export:scfegan")
        return ["--image=photo.png", "--mask=mask.png", "--output=out.png", f"--model={model}"]

    def black_on_white(place: Place) -> Sequence[str]:
        words = opaque(place)
        mask = Image.new("L", (24, 24), 255)
        mask.paste(0, (8, 8, 10, 10))
        mask.save("mask.png")
        return words

    def with_seed(place: Place) -> Sequence[str]:
        return [*opaque(place), f"--seed={2**32}"]

    yield Case(
        "picture", "edit: an opaque mask", edit, opaque, said="erases 3 %", certain=False, slow=True
    )
    yield Case(
        "picture", "edit: a mask the other way", edit, black_on_white, said="warning: ", slow=True
    )
    yield Case("flag", "edit: a seed of 33 bits", edit, with_seed, "seed", slow=True)


_TRAIN_FACES = (
    "--config=CONFIGS/scfegan.py:test",
    "--config.features.weights=vgg.h5",
    "--config.features.width=64",
    "--workdir=run",
)
_CONVERT = ("convert", ("--model=tf/SC-FEGAN.ckpt", "--output=out"), "tf/SC-FEGAN.ckpt")
BAD_INPUTS = PaperInputs(
    config="scfegan",
    use=(
        "edit",
        lambda path: [
            *("--image=photo.png", "--mask=photo.png", "--output=edited.png", f"--model={path}")
        ],
    ),
    flags=_FLAGS,
    overrides=_OVERRIDES,
    variants=_VARIANTS,
    cards=_CARDS,
    pictures={"edit": _edited, "edit, the mask": _as_mask},
    published=(
        Published("bundle", "tf/SC-FEGAN.ckpt.index", *_CONVERT),
        Published("bundle", "tf/SC-FEGAN.ckpt.data-00000-of-00001", *_CONVERT),
        Published(
            "vgg.h5",
            "vgg.h5",
            "jaxrepro.train",
            _TRAIN_FACES,
            is_network=False,
            wrong={"a MATLAB file": "x3.mat"},
        ),
    ),
    materials={"faces": _make_faces, "bundle": _make_bundle, "vgg.h5": _make_vgg},
    data=_data,
    more=_more,
)
