"""A trained network, ready to use: from a run, an export or the authors' files."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.checkpoints.export import is_export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.run.workdir import read_model_card
from jaxrepro.core.state import Variables
from jaxrepro.papers.srcnn.network.networks import network_from_card
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.planes import COLORS
from jaxrepro.papers.srcnn.port import from_mat

NET = "model"


@dataclasses.dataclass(frozen=True)
class Trained:
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


def load_trained(path: Place, scale: int | None = None) -> Trained:
    """Returns the network in `path`: a workdir, an export, or a .mat file of the authors.

    In a store (gs://, s3://) it is a workdir.

    scale: what is wanted; None takes what the network was trained for. A .mat file does not say
    its scale, so that has to be given. Reading runs no code.

    Raises InputError if there is no network, or it is for another scale.
    """
    if not isinstance(path, pathlib.Path):
        return _of_scale(_from_workdir(path), scale)
    if not path.exists():
        raise InputError(f"no weights {path}; give the workdir of a run, an export or a .mat file")
    if path.suffix == ".mat":
        if scale is None:
            raise InputError(f"{path} does not say its scale; give it, such as --scale=3")
        module, variables = from_mat(path)
        return Trained(module, variables, scale, "y", "matlab-bicubic", str(path))
    if not path.is_dir():
        raise InputError(
            f"{path} is no network; give the workdir of a run, an export or a .mat file"
        )
    return _of_scale(_from_export(path) if is_export(path) else _from_workdir(path), scale)


def _of_scale(trained: Trained, scale: int | None) -> Trained:
    if scale is not None and scale != trained.scale:
        raise InputError(f"{trained.origin} enlarges by {trained.scale}, not by {scale}")
    return trained


def _from_export(folder: pathlib.Path) -> Trained:
    export = read_export(folder)
    origin = f"export {folder}"
    without_variables = _from_card(export.card, origin)
    if NET not in export.nets:
        raise InputError(f"{folder} has no network {NET!r}")
    return _with_variables(without_variables, export.nets[NET])


def _from_workdir(workdir: Place) -> Trained:
    # Here, so that exports are read where Orbax is not installed.
    from jaxrepro.core.checkpoints.restore import on_first_device, open_checkpoint

    without_variables = _from_card(read_model_card(workdir), str(workdir))
    shapes = on_first_device(_shapes(without_variables.module))
    with open_checkpoint(workdir, None) as (checkpoints, step):
        part = checkpoints.restore_part(step, {"nets": {NET: {"params": shapes["params"]}}})
    at_step = dataclasses.replace(without_variables, origin=f"step {step} of {workdir}")
    return _with_variables(at_step, part["nets"][NET])


def _from_card(card: Mapping[str, Any], origin: str) -> Trained:
    """Returns what a model card says, without variables; it may be of any file."""
    if card.get("paper") != "srcnn":
        raise InputError(f"{origin} is of {card.get('paper', 'another paper')}, not of srcnn")
    module = network_from_card(card.get("network", {}))
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


def _with_variables(trained: Trained, variables: Variables) -> Trained:
    if jax.tree.map(jnp.shape, dict(variables)) != jax.tree.map(jnp.shape, _shapes(trained.module)):
        raise InputError(f"{trained.origin}: the arrays are not those of its model card")
    return dataclasses.replace(trained, variables=variables)


def _shapes(module: Any) -> Any:
    side = 2 * module.margin + 1
    x = jnp.zeros((1, side, side, module.channels))
    return jax.eval_shape(lambda: dict(module.init(jax.random.key(0), x)))
