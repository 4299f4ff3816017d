"""A trained network, ready to use: from a run, an export or the authors' files."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.inference import trained
from jaxrepro.core.state import Variables
from jaxrepro.papers.srcnn.network.borders import replicate
from jaxrepro.papers.srcnn.network.networks import network_from_card
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.planes import COLORS
from jaxrepro.papers.srcnn.port import from_mat

NET = "model"
# Of the planes in forms that hold no sizes by name.
_EXPORTED_SIDE = 128


@dataclasses.dataclass(frozen=True)
class Trained(trained.Trained):
    """A network with its variables.

    Attributes:
      module: has `margin`, `factor`, `channels`; `apply(variables, x, border)`.
      variables: as `module.apply` takes them.
      scale: that it was trained for.
      color: a key of `planes.COLORS`.
      degradation: a key of `degradation.DEGRADATIONS`.
      origin: where it is from, for messages.
    """

    module: Any
    variables: Variables
    scale: int
    color: str
    degradation: str
    origin: str

    def shapes(self) -> Any:
        """Returns the shapes of the variables."""
        side = 2 * self.module.margin + 1
        x = jnp.zeros((1, side, side, self.module.channels))
        return jax.eval_shape(lambda: dict(self.module.init(jax.random.key(0), x)))

    def inference_function(self) -> InferenceFunction:
        """Returns the enlarged planes of whole pictures, as `Enlarger` gives and takes them."""
        shape = f"batch, height, width, {self.module.channels}"
        factor = self.scale // self.module.factor
        enlarged = f", enlarged {factor} times by bicubic interpolation" if factor > 1 else ""
        planes = f"{self.color} in [0, 1]{enlarged}"
        side = _EXPORTED_SIDE
        return InferenceFunction(
            lambda variables, x: self.module.apply(variables, x, replicate),
            self.variables,
            (Input("planes", shape, "float32", 1, planes),),
            "enlarged",
            f"{shape} with {self.module.factor} times the height and width, not clipped",
            {"batch": 1, "height": side, "width": side},
        )


def load_trained(
    path: str | os.PathLike[str], scale: int | None = None, *, step: int | str | None = None
) -> Trained:
    """Returns the network in `path`: a run, an export, or a .mat file of the authors.

    scale: what is wanted; None takes what the network was trained for. A .mat file does not say
    its scale, so that has to be given. step: of the run; the latest by default. Reading runs no
    code.

    Raises InputError if there is no network, or it is for another scale.
    """

    def read_mat(file: pathlib.Path) -> Trained:
        if scale is None:
            raise InputError(f"{file} does not say its scale; give it, such as --scale=3")
        return Trained(*from_mat(file), scale, "y", "matlab-bicubic", str(file))

    mat = trained.Published("a .mat file of the authors", is_mat, read_mat)
    found = trained.load(path, "srcnn", NET, _from_card, [mat], step)
    if scale is not None and scale != found.scale:
        raise InputError(f"{found.origin} enlarges by {found.scale}, not by {scale}")
    return found


def is_mat(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a file of the authors."""
    path = pathlib.Path(path)
    return path.suffix == ".mat" and path.is_file()


def _from_card(card: Mapping[str, Any], origin: str) -> Trained:
    """Returns what a model card says, without variables; it may be of any file."""
    module = network_from_card(card.get("network"))
    scale, color, degradation = (card.get(key) for key in ("scale", "color", "degradation"))
    if type(scale) is not int or scale < 2 or module.factor not in (1, scale):
        raise InputError(
            f"{origin}: its model card has scale={scale!r} for a network that enlarges by "
            f"{module.factor}"
        )
    if color not in tuple(COLORS) or len(COLORS[color]) != module.channels:
        raise InputError(
            f"{origin}: its model card has color={color!r} for a network of {module.channels} "
            f"channels; it can be {', '.join(COLORS)}"
        )
    if degradation not in tuple(DEGRADATIONS):
        raise InputError(
            f"{origin}: its model card has degradation={degradation!r}; it can be "
            f"{', '.join(DEGRADATIONS)}"
        )
    return Trained(module, {}, scale, color, degradation, origin)
