"""A trained generator, ready to use: from a run, an export or the authors' checkpoint."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.checkpoints.export import Export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.run.workdir import read_model_card
from jaxrepro.core.state import Variables
from jaxrepro.papers.scfegan import port
from jaxrepro.papers.scfegan.network.conditions import GENERATOR_CHANNELS
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.network.networks import generator_card, generator_from_card

PAPER = "scfegan"
# The generator's name among the networks of a run or an export.
NET = "g"
CHANNEL_ORDERS = ("rgb", "bgr")
_PUBLISHED_RESOLUTION = 512
_LARGEST_RESOLUTION = 4096


@dataclasses.dataclass(frozen=True)
class Trained:
    """A generator with its variables.

    module: `apply(variables, conditions)` completes pictures; variables: of the moving average.
    resolution: pixels a side that it was trained for. channel_order: of image, colour and result,
    "rgb" or "bgr". origin: where it is from, for messages.
    """

    module: Generator
    variables: Variables
    resolution: int
    channel_order: str
    origin: str

    @property
    def card(self) -> dict[str, Any]:
        """The model card: what `load_trained` needs beside the variables."""
        return model_card(self.module, self.resolution, self.channel_order)

    def to_export(self) -> Export:
        """Returns it as an export."""
        return Export({**self.card, "provenance": {"from": self.origin}}, {NET: self.variables})


def model_card(module: Generator, resolution: int, channel_order: str = "rgb") -> dict[str, Any]:
    """Returns, as JSON, what rebuilds a generator and says how to use it."""
    return {
        "paper": PAPER,
        "generator": generator_card(module),
        "resolution": resolution,
        "channel_order": channel_order,
    }


def load_trained(
    *,
    workdir: Place | None = None,
    export: pathlib.Path | None = None,
    checkpoint: pathlib.Path | None = None,
    step: int | str | None = None,
) -> Trained:
    """Returns the generator of a run's checkpoint (its moving average), an export or the authors'.

    checkpoint: the TensorFlow files of the authors' release, by the beginning of their names.
    step: of the run; the latest by default. Raises InputError unless one of the three is given
    and is what it should be. Reading runs no code.
    """
    if sum(place is not None for place in (workdir, export, checkpoint)) != 1:
        raise InputError("give one of the workdir of a run, an export and a TensorFlow checkpoint")
    if step is not None and workdir is None:
        raise InputError(f"step {step} given without the workdir of a run")
    if workdir is not None:
        return _from_workdir(workdir, step)
    if export is not None:
        return _from_export(export)
    assert checkpoint is not None
    return from_checkpoint(checkpoint)


def from_checkpoint(prefix: pathlib.Path, deconv_gate: str = "self") -> Trained:
    """Returns the authors' generator of their TensorFlow checkpoint.

    deconv_gate: see `port.generator_from_tf`. Raises InputError for any other checkpoint.
    """
    from jaxrepro.core.arrays.tensorflow_bundle import read_bundle

    try:
        module, variables = port.generator_from_tf(read_bundle(prefix), deconv_gate=deconv_gate)
    except InputError as error:
        raise InputError(f"{prefix}: {error}") from error
    return Trained(
        module, variables, _PUBLISHED_RESOLUTION, port.CHANNEL_ORDER, f"TensorFlow files {prefix}"
    )


def _from_export(folder: pathlib.Path) -> Trained:
    content = read_export(folder)
    origin = f"export {folder}"
    trained = _from_card(content.card, origin)
    if NET not in content.nets:
        raise InputError(f"{folder} has no network {NET!r}: it holds no generator")
    variables = content.nets[NET]
    if jax.tree.map(jnp.shape, dict(variables)) != jax.tree.map(jnp.shape, _shapes(trained)):
        raise InputError(f"{origin}: the arrays are not those of its model card")
    return dataclasses.replace(trained, variables=variables)


def _from_workdir(workdir: Place, step: int | str | None) -> Trained:
    # Here, so that exports are read where Orbax is not installed.
    from jaxrepro.core.checkpoints.restore import on_first_device, open_checkpoint

    trained = _from_card(read_model_card(workdir), str(workdir))
    shapes = on_first_device(_shapes(trained))
    with open_checkpoint(workdir, step) as (checkpoints, step):
        part = checkpoints.restore_part(step, {"ema": {NET: shapes}})
    return dataclasses.replace(
        trained, variables=part["ema"][NET], origin=f"step {step} of {workdir}"
    )


def _from_card(card: Mapping[str, Any], origin: str) -> Trained:
    """Returns what a model card says, without variables; it may be of any file."""
    if card.get("paper") != PAPER:
        raise InputError(f"{origin} is of {card.get('paper', 'another paper')}, not of {PAPER}")
    module = generator_from_card(card.get("generator"))
    resolution, order = card.get("resolution"), card.get("channel_order")
    side = 2**module.halvings
    if type(resolution) is not int or not 0 < resolution <= _LARGEST_RESOLUTION:
        raise InputError(f"{origin}: its model card has resolution={resolution!r}")
    if resolution % side:
        raise InputError(
            f"{origin}: its model card has resolution={resolution} for a generator whose pictures "
            f"have a multiple of {side} pixels a side"
        )
    if order not in CHANNEL_ORDERS:
        raise InputError(
            f"{origin}: its model card has channel_order={order!r}; it can be "
            f"{', '.join(CHANNEL_ORDERS)}"
        )
    return Trained(module, {}, resolution, order, origin)


def _shapes(trained: Trained) -> Any:
    side = 2**trained.module.halvings
    x = jnp.zeros((1, side, side, GENERATOR_CHANNELS))
    return jax.eval_shape(lambda: dict(trained.module.init(jax.random.key(0), x)))
