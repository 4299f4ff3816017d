"""One network under many protocols: what each does differently, and the decibels under it."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.pictures import Pictures
from jaxrepro.papers.srcnn.measures.protocol import (
    MEAN_OF_PATCHES,
    MEAN_OF_PATCHES_BY_PICTURE,
    MEAN_OF_PICTURES,
    PATCH_SIDE,
    PATCH_STRIDE,
    PATCHES,
    POOLED,
    Protocol,
    published,
)
from jaxrepro.papers.srcnn.network.borders import TileBorder, ZeroTileBorder, valid
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.degraded import degrade, degraded_patches
from jaxrepro.papers.srcnn.pairs.planes import as_grey
from jaxrepro.papers.srcnn.trained import Trained

# A patch of one colour has no error and no PSNR; this one counts as 68.13 dB.
ERROR_FLOOR = 0.01


# (label, what it is, fields of the protocol) of each way to average over patches.
_POOLED = ("pooled", "one error over the centres of all patches", {"averaging": POOLED})
_PICTURES = ("pictures", "one error a picture", {"averaging": MEAN_OF_PICTURES})
_PATCHES = (
    "patches",
    "one PSNR a patch, mean of all patches",
    {"averaging": MEAN_OF_PATCHES, "error_floor": ERROR_FLOOR},
)
_PATCHES_BY_PICTURE = (
    "patches by picture",
    "one PSNR a patch, mean in each picture, then of pictures",
    {"averaging": MEAN_OF_PATCHES_BY_PICTURE, "error_floor": ERROR_FLOOR},
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One protocol: its name in the table, and what differs from the published one."""

    name: str
    difference: str
    protocol: Protocol


def protocol_rows(scale: int, margin: int) -> tuple[Row, ...]:
    """Returns the rows of the table, the published protocol first.

    The article's tasks are among them at its scale, 3.

    margin: what the network's valid convolutions take from every side.
    """
    reference = published(scale)

    def row(name: str, difference: str, **changes: Any) -> Row:
        changed = dataclasses.replace(reference, metric="PSNR", **changes)
        return Row(name, difference, changed)

    return (
        row("published", "the authors' code; all published numbers"),
        row("output not rounded", "compared as floating numbers", output_rounding="none"),
        row("float64", "instead of float32", precision="float64"),
        row("one error", "squared errors of all pictures pooled", averaging=POOLED),
        row("shave 0", "edges counted", shave=0),
        row(
            "valid",
            f"no padding, the centre compared ({margin} pixels lost)",
            padding="valid",
            shave=0,
        ),
        row("zero padding", "zeros beyond the edges instead of their values", padding="zero"),
        row("zero padding, shave 0", "the same with the edges counted", padding="zero", shave=0),
        row("8-bit low resolution", "stored before it is enlarged", low_rounding="8 bits"),
        row(
            "pillow-bicubic",
            "Pillow resizes, on 8 bits",
            degradation="pillow-bicubic",
            low_rounding="8 bits",
        ),
        row("opencv-cubic", "OpenCV resizes: no antialiasing", degradation="opencv-cubic"),
        row("gauss-bicubic", "the paper's text: blur, sub-sample", degradation="gauss-bicubic"),
        row("full-range luma", "0..255 instead of 16..235: Pillow, OpenCV, JPEG", luma="full"),
        *(
            row(
                f"published on patches: {label}",
                f"{text}; not rounded",
                padding="valid",
                output_rounding="none",
                region=PATCHES,
                shave=0,
                **averaging,
            )
            for label, text, averaging in (_POOLED, _PATCHES)
        ),
        *(
            row(
                f"{degradation}: {label}",
                text,
                degradation=degradation,
                luma="full",
                low_rounding="8 bits",
                padding="valid",
                output_rounding="none",
                region=PATCHES,
                shave=0,
                **averaging,
            )
            for degradation in (("article-literal", "article-intended") if scale == 3 else ())
            for label, text, averaging in (_POOLED, _PICTURES, _PATCHES, _PATCHES_BY_PICTURE)
        ),
        row("grey in 16..235", "grey files as if stored in colour", grey="16..235"),
        row("grey in 0..255", "grey pictures stored in colour as if grey files", grey="0..255"),
    )


_BATCH = 128
# What decides the planes that are compared; the other fields only say how.
_PREPARED_BY = ("degradation", "luma", "grey", "low_rounding", "precision", "padding", "region")

Compared = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a protocol gives: PSNR in dB of the network's input and of its output, and their number.

    num: pictures, or patches where those are measured. num_exact: of them, those of which the input
    or the output has no error, see `Protocol.psnr`.
    """

    input_psnr: float
    model_psnr: float
    num: int
    num_exact: int = 0


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
    results = []
    for i, protocol in enumerate(protocols):
        before, after = (protocol.psnr(errors[i], sizes[i]) for errors in (inputs, outputs))
        number = sum(map(len, inputs[i]))
        exact = max(before.num_exact, after.num_exact)
        results.append(Measured(before.mean, after.mean, number, exact))
    return results


def _compared(networks: "_Networks", pixels: np.ndarray, name: str, by: Protocol) -> Compared:
    """Returns (input, output, truth) [N, H, W, 1] of one picture, or of its patches."""
    chosen = DEGRADATIONS[by.degradation]
    pixels = as_grey(pixels, by.grey)
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
