"""Training patches: squares of degraded pictures, and what the network should make of them."""

import dataclasses
import functools
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices
from jaxrepro.data.sets.pictures import Pictures
from jaxrepro.papers.srcnn.pairs.degradation import Degradation
from jaxrepro.papers.srcnn.pairs.degraded import degrade, patch_places
from jaxrepro.papers.srcnn.pairs.planes import grey_note, kind_of, to_planes


@dataclasses.dataclass(frozen=True)
class PatchSpec:
    """Which squares are cut.

    side, stride: in pixels of the network's input. margin: what its valid convolutions take from
    each side. factor: output pixels per input pixel; 1 where the input is enlarged beforehand.
    """

    side: int
    stride: int
    margin: int
    factor: int

    @property
    def target_side(self) -> int:
        """Side of the network's output in high-resolution pixels."""
        return (self.side - 2 * self.margin) * self.factor


@functools.lru_cache(maxsize=1)
def training_patches(
    pictures: Pictures, degradation: Degradation, spec: PatchSpec, *, scale: int, color: str
) -> "Patches":
    """Returns `Patches` of the same arguments, one object for all seeds of a run."""
    return Patches(pictures, degradation, spec, scale=scale, color=color)


class Patches:
    """Random access to all patches of a set of pictures, kept in memory as whole planes.

    Item i is {"image": float32 [side, side, C], "target": float32 [target, target, C]}, both in
    [0, 1]. Whole pictures are degraded and then cut, in the order of the authors' code; if the
    degradation is `patchwise`, patches are cut and then degraded.
    """

    def __init__(
        self,
        pictures: Pictures,
        degradation: Degradation,
        spec: PatchSpec,
        *,
        scale: int,
        color: str,
    ):
        """Raises InputError if a picture cannot be read or no picture holds a patch."""
        if degradation.keeps_resolution and spec.factor > 1:
            raise InputError(
                f"data.degradation={degradation.name} keeps the resolution: a network that "
                "enlarges has no input; take model.name=srcnn or another degradation"
            )
        self._description = f"{pictures!r}, {degradation.name}, x{scale}, {color}, {spec}"
        self._spec, self._degradation, self._scale = spec, degradation, scale
        self._inputs, self._truths, places = [], [], []
        kinds = {}
        for number, name in enumerate(pictures.names):
            pixels = pictures.read(number)
            kinds[name] = kind_of(pixels)
            if degradation.patchwise:
                planes = truth = to_planes(pixels, color, degradation.luma)
                # In high-resolution pixels: the squares that are cut first.
                side, stride = spec.side * spec.factor, spec.stride * spec.factor
            else:
                picture = degrade(pixels, name, degradation, scale, color)
                planes, truth = picture.input(spec.factor), picture.truth
                side, stride = spec.side, spec.stride
            self._inputs.append(planes)
            self._truths.append(truth)
            found = patch_places(planes, side, stride, leave_last=degradation.patchwise)
            places.append(np.insert(found, 0, number, axis=1))
        if color == "y" and (note := grey_note(kinds, degradation.luma)):
            notices.tell(f"training on {pictures.spec}: {note}")
        self._places = np.concatenate(places).astype(np.int32)
        if not len(self._places):
            raise InputError(
                f"no picture of {pictures.spec} is as large as a patch of {spec.side} pixels; "
                "use larger pictures or a smaller data.patch"
            )

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Patches({self._description})"

    def __getitem__(self, index: int) -> dict[str, Any]:
        number, top, left = self._places[index]
        side, margin, factor = self._spec.side, self._spec.margin, self._spec.factor
        target = self._spec.target_side
        if self._degradation.patchwise:
            truth = _square(self._truths[number], top, left, side * factor)
            image = self._degrade(truth)
            top = left = 0
        else:
            truth = self._truths[number]
            image = _square(self._inputs[number], top, left, side)
        return {
            "image": image,
            "target": _square(truth, (top + margin) * factor, (left + margin) * factor, target),
        }

    def _degrade(self, truth: np.ndarray) -> np.ndarray:
        low = self._degradation.shrink(truth, self._scale)
        return low if self._spec.factor > 1 else self._degradation.enlarge(low, truth.shape[:2])


def _square(planes: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    return planes[top : top + side, left : left + side]
