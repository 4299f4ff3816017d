"""Trained networks measured on sets of pictures."""

import collections
import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from jaxrepro.core.files.places import Place, place
from jaxrepro.data.sets.pictures import Pictures
from jaxrepro.papers.srcnn.measures.color_quality import luma_measures, true_pictures
from jaxrepro.papers.srcnn.measures.linear_filter import linear_filter
from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures
from jaxrepro.papers.srcnn.tables.published import (
    Released,
    bicubic_figure,
    network_figures,
    released,
)
from jaxrepro.papers.srcnn.tables.score_table import Scores, ScoreTable
from jaxrepro.papers.srcnn.trained import Trained, load_trained

_TILE = 128
# The measures of each picture, by name.
Rows = list[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Model:
    """A trained network and where it is from.

    sha256: of the file, or of the arrays of a run or an export, see `arrays_digest`. release: the
    file of the authors' release that it is, None for any other.
    """

    name: str
    path: Place
    trained: Trained
    sha256: str
    release: Released | None

    def as_json(self) -> dict[str, Any]:
        """Returns what identifies it."""
        return {
            "name": self.name,
            "path": str(self.path),
            "origin": self.trained.origin,
            "sha256": self.sha256,
            "released": dataclasses.asdict(self.release) if self.release else None,
            "network": dict(network_card(self.trained.module)),
            "scale": self.trained.scale,
            "degradation": self.trained.degradation,
        }


def load_models(
    files: Iterable[tuple[str | os.PathLike[str], int | None]], step: int | str | None = None
) -> list[Model]:
    """Returns the networks in `files`, (path, scale) as of `load_model`; step: of all of them.

    Those that would have one name at one scale are called by their paths.
    """
    models = [load_model(path, scale, step) for path, scale in files]
    uses = collections.Counter((model.name, model.trained.scale) for model in models)
    return [
        dataclasses.replace(model, name=str(model.path))
        if uses[model.name, model.trained.scale] > 1
        else model
        for model in models
    ]


def load_model(
    path: str | os.PathLike[str], scale: int | None, step: int | str | None = None
) -> Model:
    """Returns the network in `path`; arguments and errors as of `trained.load_trained`.

    A file such as "9-1-5(ImageNet)/x3.mat" has the name of its folder.
    """
    trained = load_trained(path, scale, step=step)
    path = place(os.path.expanduser(path))
    if path.suffix == ".mat":
        content = path.read_bytes()
        in_release = path.stem == f"x{trained.scale}" and path.parent.name
        name = path.parent.name if in_release else path.stem
        digest = hashlib.sha256(content).hexdigest()
        return Model(name, path, trained, digest, released(content))
    return Model(path.resolve().name, path, trained, arrays_digest(trained.variables), None)


def arrays_digest(tree: Any) -> str:
    """Returns the SHA-256 over the names, shapes and bytes of all arrays, in the order of names."""
    digest = hashlib.sha256()
    leaves = [(jax.tree_util.keystr(path), x) for path, x in jax.tree.leaves_with_path(tree)]
    for name, leaf in sorted(leaves, key=lambda pair: pair[0]):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def measure(
    models: Sequence[Model], sets: Sequence[Pictures], linear: str | None, linear_side: int
) -> list[ScoreTable]:
    """Returns a table for every set, scale and degradation, with bicubic interpolation first.

    All of luma, also for networks of three planes. linear: pictures on which the best linear filter
    is fitted, None to leave it out.
    """
    return [
        _table(pictures, *setting, members, linear, linear_side)
        for pictures in sets
        for setting, members in _by_setting(models)
    ]


def _table(
    pictures: Pictures,
    degradation: str,
    scale: int,
    models: Sequence[Model],
    linear: str | None,
    linear_side: int,
) -> ScoreTable:
    prepared = degraded_pictures(pictures.spec, degradation, scale, "y")

    def measured(method: Callable[[np.ndarray], np.ndarray]) -> Rows:
        return [
            published_measures(method(one.enlarged[..., 0]), one.truth[..., 0], scale, one.name)
            for one in prepared
        ]

    figure = bicubic_figure(pictures.label, scale, degradation)
    bicubic = _scores("bicubic", measured(lambda plane: plane))
    columns = [dataclasses.replace(bicubic, figures=(figure,) if figure else (), same=True)]
    if linear is not None:
        fitted = linear_filter(linear, degradation, scale, linear_side)
        columns.append(_scores(f"linear {linear_side}x{linear_side}", measured(fitted)))
    for model in models:
        print(f"measuring {model.path} on {pictures.label}", file=sys.stderr)
        scores = _scores(model.name, _network_rows(model, pictures.spec))
        columns.append(_with_figures(scores, model, pictures.label))
    kinds = {picture.name: picture.kind for picture in prepared}
    return ScoreTable(pictures.label, pictures.spec, scale, degradation, kinds, tuple(columns))


def _scores(name: str, rows: Rows) -> Scores:
    return Scores(name, tuple(row["psnr"] for row in rows), tuple(row["ssim"] for row in rows))


def _network_rows(model: Model, spec: str) -> Rows:
    trained, module = model.trained, model.trained.module
    color, scale = trained.color, trained.scale
    network = TiledNetwork(module, trained.variables, _TILE // module.factor)
    prepared = degraded_pictures(spec, trained.degradation, scale, color)
    outputs = (network(picture.input(module.factor)) for picture in prepared)
    if color == "y":
        return [
            published_measures(planes[..., 0], one.truth[..., 0], scale, one.name)
            for planes, one in zip(outputs, prepared, strict=True)
        ]
    return [
        luma_measures(planes, truth, color, scale, one.name)
        for planes, truth, one in zip(outputs, true_pictures(spec, scale), prepared, strict=True)
    ]


def _by_setting(models: Sequence[Model]) -> Iterator[tuple[tuple[str, int], list[Model]]]:
    settings = [(model.trained.degradation, model.trained.scale) for model in models]
    for setting in sorted(set(settings)):
        yield setting, [model for model, own in zip(models, settings) if own == setting]


def _with_figures(scores: Scores, model: Model, label: str) -> Scores:
    trained = model.trained
    card = network_card(trained.module)
    figures = network_figures(card, label, trained.scale, trained.degradation)
    if model.release is None:
        return dataclasses.replace(scores, figures=figures)
    # The authors' own weights have a figure of their own, or none.
    own = tuple(
        figure
        for figure in figures
        if figure.training == model.release.training and trained.scale == model.release.scale
    )
    return dataclasses.replace(scores, figures=own, same=True)
