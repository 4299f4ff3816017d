"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.data_cases import Change, damaged, data_case, drawn_json, fixed
from tests.bad_inputs.paper import PaperInputs, Published, papers

_FLAGS = (
    ("predict", ("--model=none", "--output=out"), "picture"),
    ("predict", ("a.png", "--model=none", "--output=out"), "none"),
    ("predict", ("a.png", "--output=out"), "network"),
    ("predict", ("a.png", "--model=n", "--output=o", "--windows=all"), "windows"),
    ("predict", ("a.png", "--model=n", "--output=o", "--shift"), "--shift"),
    ("evaluate", ("--model=none",), "none"),
    ("evaluate", ("--model=n", "--people=figures", "--export=a.xml"), "a.xml"),
    ("variance", ("--output=out", "--num_seeds=0"), "num_seeds"),
    ("variance", ("--output=out", "--init=cold"), "cold"),
    ("classifier_table", ("--workdirs=none",), "none"),
)
_OVERRIDES = (
    ("hourglass", "data.size=65", "size"),
    ("hourglass", "data.source=mpii:none.h5", "none.h5"),
    ("hourglass", "data.split=9-1", "9-1"),
    ("hourglass", "data.max_scale=nan", "max_scale"),
    ("hourglass", "model.num_stacks=0", "num_stacks"),
    ("pyranet", "model.num_stacks=0", "num_stacks"),
    ("hourglass", "train.batch_size=-3", "batch_size"),
    ("prm_cifar", "model.depth=17", "depth"),
    ("prm_cifar", "model.width=nan", "width"),
    ("prm_cifar", "data.source=folder:cifar", "cifar"),
)
_VARIANTS = (
    ("pyranet.py:test,block=Z", "block"),
    ("pyranet.py:test,stacks=two", "stacks"),
    ("prm_cifar.py:test,net=alexnet", "alexnet"),
    ("prm_cifar.py:test,depth=-1", "depth"),
)
_CARDS = (
    ("joint_set", {"name": "cats"}),
    ("size", 63),
    ("size", 1099511627776),
    ("network.num_stacks", 1000000),
    ("padding", {"enlarged": float("nan"), "moved_down": 0}),
)


def _make_people(folder: pathlib.Path) -> None:
    """Annotations of people in every form, beside their pictures in `images`."""
    from scipy.io import savemat

    from tests.data.pose import pose_files

    folder.mkdir()
    for name in ("a", "b", "c"):
        pose_files.write_picture(folder / "images" / f"{name}.jpg")
    pose_files.write_release(folder / "release.mat")
    pose_files.write_h5(folder / "train.h5")
    pose_files.write_json(folder / "coco.json", pose_files.coco())
    joints = np.random.default_rng(0).uniform(3, 25, (3, 14, 2))
    (folder / "lsp").mkdir()
    savemat(folder / "lsp" / "joints.mat", {"joints": joints})
    for number in (1, 2):
        pose_files.write_picture(folder / "lsp" / "images" / f"im{number:04}.jpg")
    row = {
        "joint_self": [[3.0 + i, 4.0 + i, 1.0] for i in range(16)],
        "img_paths": "a.jpg",
        "objpos": [20.0, 15.0],
        "scale_provided": 0.5,
        "isValidation": 0.0,
        "annolist_index": 1.0,
        "people_index": 1.0,
    }
    pose_files.write_json(folder / "mpii.json", [row])


def _hourglass() -> dict[str, np.ndarray]:
    from tests import pytorch_hourglass

    return pytorch_hourglass.state_dict(16, 1, 1, 16)


def _make_safetensors(path: pathlib.Path) -> None:
    from safetensors.numpy import save

    path.write_bytes(save(_hourglass()))


def _make_npz(path: pathlib.Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **_hourglass())  # pyright: ignore[reportArgumentType]


def _mpii(key: str, value: object) -> tuple[str, Change]:
    return "mpii.json", fixed("mpii.json", f"0.{key}", value)


def _coco(key: str, value: object) -> tuple[str, Change]:
    return "coco.json", fixed("coco.json", key, value)


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


def _one_gone(folder: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    name = json.loads((folder / "coco.json").read_bytes())["images"][0]["file_name"]
    (folder / "images" / name).rename(folder / "images" / "other_name.jpg")
    mutations.set_json(folder / "coco.json", "images.0.file_name", "gone.jpg")


def _without_box(folder: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    content = json.loads((folder / "coco.json").read_bytes())
    del content["annotations"][0]["bbox"]
    (folder / "coco.json").write_text(json.dumps(content))


def _resized(folder: pathlib.Path, rng: np.random.Generator) -> None:
    """The file tells of the pictures before they were made smaller."""
    del rng
    mutations.set_json(folder / "coco.json", "images.0.width", 999)
    mutations.set_json(folder / "coco.json", "images.0.height", 777)


_OTHER_PICTURES = {
    "sizes of other pictures": (_resized, ("999", "777")),
    "a side without a partner": (
        fixed("coco.json", "categories.0.keypoints.1", "L big toe"),
        "L big toe",
    ),
    "no box": (_without_box, ("annotation 1", "bbox")),
    "an id that is text": (fixed("coco.json", "annotations.0.image_id", "x"), "annotation 1"),
    "a box beside its picture": (
        fixed("coco.json", "annotations.0.bbox", [5000, 5000, 9, 9]),
        "annotation 1",
    ),
}
_DAMAGE = {
    "halved": mutations.halved,
    "emptied": mutations.emptied,
    "header flipped": mutations.header_flipped,
    "bytes flipped": mutations.bytes_flipped,
    "zeroed": mutations.zeroed,
}


def _to_train(file: str) -> Sequence[str]:
    kind = file.partition("/")[0]
    kind = {"lsp": "lsp", "coco.json": "coco"}.get(kind, "mpii")
    place = "data/lsp" if kind == "lsp" else f"data/{file}"
    images = () if kind == "lsp" else ("--config.data.images=data/images",)
    return (
        "--config=CONFIGS/hourglass.py:test",
        f"--config.data.source={kind}:{place}",
        "--config.data.split=all",
        "--config.data.validation_split=all",
        *images,
        "--config.train.batch_size=1",
        "--workdir=run",
    )


def _data() -> Iterator[Case]:
    for file in ("release.mat", "train.h5", "coco.json", "mpii.json", "lsp/joints.mat"):
        for name, how in _DAMAGE.items():
            names, change = file.partition("/")[0], damaged(file, how)
            words = _to_train(file)
            yield data_case(f"{file}: {name}", "people", words, change, names, name == "emptied")
    for file in ("coco.json", "mpii.json"):
        for number in range(3):
            change = drawn_json(file)
            yield data_case(
                f"{file}: value {number}", "people", _to_train(file), change, file, False
            )
    for name, (file, change) in _ANNOTATIONS.items():
        yield data_case(f"{file}: {name}", "people", _to_train(file), change, file, True)
    words = (*_to_train("coco.json"), "--config.data.augmentation=hourglass")
    for name, (change, names) in _OTHER_PICTURES.items():
        yield data_case(f"coco.json: {name}", "people", words, change, names, True)
    # What is left is used, and said.
    yield data_case(
        "coco.json: a picture is gone",
        "people",
        _to_train("coco.json"),
        _one_gone,
        "have no picture",
        False,
        said=("of", "people have no picture", "gone.jpg"),
    )


def _more() -> Iterator[Case]:
    def make(place: Place) -> Sequence[str]:
        other = next(name for name in papers() if name != "pyranet")
        place.materials.copy(f"run:{other}", place.folder / "run")
        return ["--workdirs=run"]

    command = "jaxrepro.papers.pyranet.classifier_table"
    yield Case("run folder", "classifier_table: of another paper", command, make, "run")


def _predicted(place: Any, photo: str) -> Sequence[str]:
    return [photo, "--output=out", f"--model={place.materials.path('export:pyranet')}"]


BAD_INPUTS = PaperInputs(
    config="hourglass",
    use=("predict", lambda path: ["photo.png", "--output=out", f"--model={path}"]),
    flags=_FLAGS,
    overrides=_OVERRIDES,
    variants=_VARIANTS,
    cards=_CARDS,
    pictures={"predict": _predicted},
    published=(
        Published(
            "hourglass.safetensors",
            "hg.safetensors",
            "predict",
            ("photo.png", "--output=out", "--model=hg.safetensors"),
            wrong={"of a generator": "generator.safetensors"},
        ),
    ),
    materials={
        "people": _make_people,
        "hourglass.safetensors": _make_safetensors,
        "hourglass.npz": _make_npz,
    },
    data=_data,
    more=_more,
)
