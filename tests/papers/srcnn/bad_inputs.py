"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.drawings import drawn
from tests.bad_inputs.paper import PaperInputs, Published

_FLAGS = (
    ("upscale", ("a.png",), "output"),
    ("upscale", ("a.png", "b.png", "--scale=1"), "scale"),
    ("upscale", ("a.png", "b.png", "--scale=three"), "three"),
    ("upscale", ("a.png", "b.png"), "a.png"),
    ("upscale", ("a.png", "b.png", "c.png"), "c.png"),
    ("upscale", ("a.png", "b.png", "--tile=7"), "tile"),
    ("upscale", ("a.png", "b.png", "--max_megapixels=-1"), "max_megapixels"),
    ("upscale", ("a.png", "b.png", "--overwrite", "--skip_existing"), "--overwrite"),
    ("protocols", ("--model=none", "--data=photos:test"), "none"),
    ("protocols", ("--model=none", "--data=photos:all"), "photos:all"),
    ("evaluate", ("--model=none",), "none"),
    ("evaluate", ("--model=none", "--linear_side=4"), "linear_side"),
    ("evaluate", ("--model=none", "--check=much"), "check"),
    ("colors", ("--data=photos:test", "--degradation=fog"), "fog"),
)
_OVERRIDES = (
    ("srcnn", "data.scale=1", "scale"),
    ("srcnn", "model.kernels=(9,2,5)", "kernels"),
    ("srcnn", "model.widths=(64,)", "widths"),
    ("srcnn", "model.widths=(0,4)", "widths"),
    ("srcnn", "data.source=photos:none", "photos:none"),
    ("srcnn", "data.patch=0", "patch"),
    ("srcnn", "data.stride=0", "stride"),
    ("srcnn", "optim.name=magic", "magic"),
    ("srcnn", "optim.multipliers=('nothing=1',)", "nothing"),
    ("srcnn", "optim.multipliers=('(=1',)", "multiplier"),
    ("srcnn", "loss.reduction=min", "min"),
    ("srcnn", "eval.tile=0", "tile"),
    ("srcnn", "start.weights=none.mat", "none.mat"),
)
_VARIANTS = (
    ("srcnn.py:test,arch=9-x-5", "arch"),
    ("srcnn.py:test,scale=0", "scale"),
    ("srcnn.py:test,color=sepia", "sepia"),
    ("espcn.py:test,scale=-3", "scale"),
)
_RUN_VALUES = (
    ("model.widths", "wide", "jaxrepro.export"),
    ("model.widths", [4, "x"], "jaxrepro.export"),
    ("model.widths", [8, 8], "jaxrepro.export"),
    ("optim.learning_rate", "fast", "jaxrepro.export"),
    ("optim.learning_rate", float("nan"), "jaxrepro.evaluate"),
    ("optim.multipliers", 7, "jaxrepro.export"),
)
_CARDS = (
    ("network.kernels", [9, -1, 5]),
    ("network", []),
    ("scale", 1000000000),
)


def _make_mat(path: pathlib.Path) -> None:
    """A network in the form of the authors' release."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    arrays = {
        "weights_conv1": rng.normal(0, 0.1, (9, 4)),
        "weights_conv2": rng.normal(0, 0.1, (4, 1, 2)),
        "weights_conv3": rng.normal(0, 0.1, (2, 9)),
        "biases_conv1": rng.normal(0, 0.1, (4, 1)),
        "biases_conv2": rng.normal(0, 0.1, (2, 1)),
        "biases_conv3": rng.normal(0, 0.1, (1, 1)),
    }
    with path.open("wb") as file:
        savemat(file, arrays, do_compression=True)


def _enlarged(place: Any, photo: str) -> Sequence[str]:
    return [photo, "large.png", f"--model={place.materials.path('export:srcnn')}"]


def _measured(place: Any, photo: str) -> Sequence[str]:
    folder = photo.partition("/")[0]
    return [f"--data=folder:{folder}", f"--model={place.materials.path('export:srcnn')}"]


def _trained(place: Any, photo: str) -> Sequence[str]:
    folder = photo.partition("/")[0]
    return [
        "--config=CONFIGS/srcnn.py:test",
        f"--config.data.source=folder:{folder}",
        "--workdir=run",
    ]


def _more() -> Iterator[Case]:
    command = "jaxrepro.papers.srcnn.evaluate"

    def measured(place: Place) -> Sequence[str]:
        (place.folder / "in").mkdir()
        drawn(40, 40).save(place.folder / "in" / "a.png")
        return [*_measured(place, "in/a.png"), "--scale=3"]

    def unread(place: Place) -> Sequence[str]:
        words = measured(place)
        (place.folder / "in" / "b.heic").write_bytes(b"x")
        return words

    def grey(place: Place) -> Sequence[str]:
        words = measured(place)
        drawn(40, 40).convert("L").save(place.folder / "in" / "b.png")
        return words

    def flat(place: Place) -> Sequence[str]:
        words = measured(place)
        Image.new("RGB", (40, 40), (9, 9, 9)).save(place.folder / "in" / "b.png")
        return words

    for name, make, said in (
        ("files nobody reads", unread, ("not read in", ".heic")),
        ("a grey picture among others", grey, "grey"),
        ("a picture without error", flat, "no error"),
    ):
        yield Case("data set", f"evaluate: {name}", command, make, said=said, slow=True)


BAD_INPUTS = PaperInputs(
    config="srcnn",
    use=("upscale", lambda path: ["photo.png", "large.png", f"--model={path}"]),
    choices={"scale": 3},
    flags=_FLAGS,
    overrides=_OVERRIDES,
    variants=_VARIANTS,
    run_values=_RUN_VALUES,
    cards=_CARDS,
    pictures={
        "jaxrepro.train": _trained,
        "protocols": _measured,
        "evaluate": _measured,
        "colors": _measured,
    },
    all_formats=_enlarged,
    published=(
        Published(
            "x3.mat",
            "x3.mat",
            "upscale",
            ("photo.png", "large.png", "--model=x3.mat"),
            wrong={"an HDF5 file": "vgg.h5"},
        ),
    ),
    materials={"x3.mat": _make_mat},
    more=_more,
)
