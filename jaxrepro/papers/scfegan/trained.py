"""A trained generator, ready to use: from a run, an export or the authors' checkpoint."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.arrays.tensorflow_bundle import checkpoint_prefix, read_bundle
from jaxrepro.core.checkpoints.export import Export
from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.inference import trained
from jaxrepro.core.state import Variables
from jaxrepro.papers.scfegan import port
from jaxrepro.papers.scfegan.examples.drops import NOISE_PROBABILITY
from jaxrepro.papers.scfegan.network.conditions import GENERATOR_CHANNELS, generator_input
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.network.networks import generator_card, generator_from_card

PAPER = "scfegan"
# The generator's name among the networks of a run or an export.
NET = "g"
CHANNEL_ORDERS = ("rgb", "bgr")
_PUBLISHED_RESOLUTION = 512
_LARGEST_RESOLUTION = 4096


@dataclasses.dataclass(frozen=True)
class Trained(trained.Trained):
    """A generator with its variables.

    module: `apply(variables, conditions)` completes pictures; variables: of the moving average by
    default. resolution: pixels a side that it was trained for. channel_order: of image, colour and
    result, "rgb" or "bgr". origin: where it is from, for messages.
    """

    module: Generator
    variables: Variables
    resolution: int
    channel_order: str
    origin: str

    def shapes(self) -> Any:
        """Returns the shapes of the variables."""
        side = 2**self.module.halvings
        x = jnp.zeros((1, side, side, GENERATOR_CHANNELS))
        return jax.eval_shape(lambda: dict(self.module.init(jax.random.key(0), x)))

    def inference_function(self) -> InferenceFunction:
        """Returns the generator's whole pictures from a user's conditions."""
        side = 2**self.module.halvings
        shape, order = f"batch, {side}*height, {side}*width, ", self.channel_order.upper()
        inputs = (
            Input("image", f"{shape}3", "uint8", 256, f"the picture, {order}"),
            Input("mask", f"{shape}1", "uint8", 2, "1 where it is erased"),
            Input("sketch", f"{shape}1", "uint8", 2, "1 where a line is drawn"),
            Input("color", f"{shape}3", "uint8", 256, f"colours to follow, {order}"),
            Input("strokes", f"{shape}1", "uint8", 2, "1 where `color` counts"),
            Input("noise", f"{shape}1", "uint8", 2, f"1 with probability {NOISE_PROBABILITY}"),
        )
        names = [one.name for one in inputs]

        def generated(variables: Variables, *arrays: jax.Array) -> Any:
            conditions = dict(zip(names, arrays, strict=True))
            return self.module.apply(variables, generator_input(conditions))

        sizes = {"batch": 1, **dict.fromkeys(("height", "width"), self.resolution // side)}
        meaning = f"{shape}3 in [-1, 1], {order}: keep what lies inside of the mask"
        return InferenceFunction(generated, self.variables, inputs, "generated", meaning, sizes)

    def to_export(self) -> Export:
        """Returns it as an export."""
        card = model_card(self.module, self.resolution, self.channel_order)
        return Export({**card, "provenance": {"from": self.origin}}, {NET: self.variables})


def model_card(module: Generator, resolution: int, channel_order: str = "rgb") -> dict[str, Any]:
    """Returns, as JSON, what rebuilds a generator and says how to use it."""
    return {
        "paper": PAPER,
        "generator": generator_card(module),
        "resolution": resolution,
        "channel_order": channel_order,
    }


def load_trained(
    path: str | os.PathLike[str],
    *,
    step: int | str | None = None,
    average: bool | None = None,
    deconv_gate: str | None = None,
) -> Trained:
    """Returns the generator in `path`: of a run, an export or the authors' TensorFlow checkpoint.

    path: of a checkpoint, the beginning of its files' names, or their folder. step: of the run; the
    latest by default. average: of the run, the moving average, which is the default, or the
    generator as the last update left it. deconv_gate: of the checkpoint, see
    `port.generator_from_tf`; as released by default. Raises InputError if there is no generator of
    this paper. Reading runs no code.
    """

    def read_checkpoint(prefix: pathlib.Path) -> Trained:
        try:
            arrays = read_bundle(prefix)
            module, variables = port.generator_from_tf(arrays, deconv_gate=deconv_gate or "self")
        except InputError as error:
            raise InputError(f"{prefix}: {error}") from error
        origin = f"TensorFlow files {prefix}"
        return Trained(module, variables, _PUBLISHED_RESOLUTION, port.CHANNEL_ORDER, origin)

    checkpoint = trained.Published(
        "the authors' TensorFlow checkpoint", is_checkpoint, read_checkpoint
    )
    found = trained.load(path, PAPER, NET, _from_card, [checkpoint], step, average)
    if deconv_gate is not None and found.card:
        raise InputError(
            f"deconv_gate={deconv_gate} is chosen of the authors' checkpoint, and {found.origin} "
            "is none"
        )
    return found


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like the authors' checkpoint."""
    return checkpoint_prefix(pathlib.Path(path)) is not None


def _from_card(card: Mapping[str, Any], origin: str) -> Trained:
    """Returns what a model card says, without variables; it may be of any file."""
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
