"""One network on one set of pictures under many protocols."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pictures import Pictures
from jaxrepro.papers.srcnn.borders import TileBorder, ZeroTileBorder, valid
from jaxrepro.papers.srcnn.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.degraded import degrade, degraded_patches
from jaxrepro.papers.srcnn.protocol import PATCH_SIDE, PATCH_STRIDE, PATCHES, Protocol
from jaxrepro.papers.srcnn.tiles import TiledNetwork
from jaxrepro.papers.srcnn.trained import Trained

_BATCH = 128
# What decides the planes that are compared; the other fields only say how.
_PREPARED_BY = ("degradation", "luma", "low_rounding", "precision", "padding", "region")

Compared = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a protocol gives: PSNR in dB of the network's input and of its output, and their number.

    num: pictures, or patches where those are measured.
    """

    input_psnr: float
    model_psnr: float
    num: int


def measure(
    trained: Trained,
    pictures: Pictures,
    protocols: Sequence[Protocol],
    on_picture: Callable[[str], None] = lambda name: None,
) -> list[Measured]:
    """Returns the PSNR under each protocol, in their order.

    One picture is in memory at a time. on_picture: called with the name of each.

    Raises InputError for a network of more than luma or that enlarges by itself: its input
    has no PSNR; and for pictures that are too small.
    """
    if trained.module.factor != 1 or trained.color != "y":
        raise InputError(
            f"{trained.origin} takes color={trained.color} and makes {trained.module.factor} "
            "pixels of one; the protocols compare networks of enlarged luma (factor 1, color=y)"
        )
    networks = _Networks(trained)
    inputs: list[list[np.ndarray]] = [[] for _ in protocols]
    outputs: list[list[np.ndarray]] = [[] for _ in protocols]
    sizes: list[list[int]] = [[] for _ in protocols]
    for number, name in enumerate(pictures.names):
        on_picture(name)
        pixels = pictures.read(number)
        prepared: dict[tuple[str, ...], Compared] = {}
        for index, protocol in enumerate(protocols):
            key = tuple(getattr(protocol, field) for field in _PREPARED_BY)
            try:
                if key not in prepared:
                    prepared[key] = _compared(networks, pixels, name, protocol)
                before, after, truth = prepared[key]
                inputs[index].append(protocol.errors(before, truth))
                outputs[index].append(protocol.errors(after, truth))
                sizes[index].append(protocol.num_compared(truth))
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
    return [
        Measured(
            protocol.psnr(inputs[i], sizes[i]),
            protocol.psnr(outputs[i], sizes[i]),
            sum(map(len, inputs[i])),
        )
        for i, protocol in enumerate(protocols)
    ]


def _compared(networks: "_Networks", pixels: np.ndarray, name: str, by: Protocol) -> Compared:
    """Returns (input, output, truth) [N, H, W, 1] of one picture, or of its patches."""
    chosen = DEGRADATIONS[by.degradation]
    how: dict[str, Any] = {
        "luma": by.luma,
        "low_rounding": by.low_rounding,
        "dtype": np.dtype(by.precision),
    }
    if by.region == PATCHES:
        before, truth = degraded_patches(
            pixels, name, chosen, by.scale, PATCH_SIDE, PATCH_STRIDE, **how
        )
        return networks.centre(before), networks.on_patches(before), networks.centre(truth)
    picture = degrade(pixels, name, chosen, by.scale, "y", **how)
    after = networks.on_picture(picture.enlarged, by)
    compared = picture.enlarged[None], after[None], picture.truth[None]
    if by.padding == "valid":
        # Replicated values reach no further than what valid convolutions lose.
        before, after, truth = map(networks.centre, compared)
        return before, after, truth
    return compared


class _Networks:
    """The network with each padding, compiled once."""

    def __init__(self, trained: Trained):
        self._margin = trained.module.margin
        borders = {"replicate": TileBorder, "zero": ZeroTileBorder}
        self._tiled = {
            padding: TiledNetwork(trained.module, trained.variables, border=border)
            for padding, border in borders.items()
        }
        self._variables = trained.variables
        # Tables run networks outside of the loop and the evaluators, which compile otherwise.
        self._valid = jax.jit(functools.partial(trained.module.apply, border=valid))

    def centre(self, planes: np.ndarray) -> np.ndarray:
        """Returns what valid convolutions leave of planes [N, H, W, C]; raises InputError."""
        margin = self._margin
        if min(planes.shape[1:3]) <= 2 * margin:
            raise InputError(
                f"{planes.shape[2]}x{planes.shape[1]} pixels are too few: the network's valid "
                f"convolutions take {margin} from every side"
            )
        return planes[:, margin : planes.shape[1] - margin, margin : planes.shape[2] - margin]

    def on_picture(self, planes: np.ndarray, by: Protocol) -> np.ndarray:
        """Returns the output [H, W, 1] of planes [H, W, 1], as large as they."""
        with _precision(planes):
            return self._tiled["zero" if by.padding == "zero" else "replicate"](planes)

    def on_patches(self, patches: np.ndarray) -> np.ndarray:
        """Returns the outputs [N, side - 2 margin, side - 2 margin, 1] of patches."""
        margin = self._margin
        side = patches.shape[1] - 2 * margin
        results = [np.empty((0, side, side, 1), patches.dtype)]
        for first in range(0, len(patches), _BATCH):
            batch = patches[first : first + _BATCH]
            # One compiled program serves all: the last batch is filled up.
            filled = np.pad(batch, ((0, _BATCH - len(batch)), (0, 0), (0, 0), (0, 0)))
            with _precision(filled):
                out = np.asarray(self._valid(self._variables, filled))
            results.append(out[: len(batch)])
        return np.concatenate(results)


def _precision(planes: np.ndarray) -> contextlib.AbstractContextManager[Any]:
    """Returns the scope in which JAX computes in the type of `planes`."""
    return jax.enable_x64(True) if planes.dtype == np.float64 else contextlib.nullcontext()
