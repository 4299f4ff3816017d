"""Training patches: squares of degraded pictures, and what the network should make of them."""

import dataclasses
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pictures import Pictures
from jaxrepro.papers.srcnn.degradation import Degradation
from jaxrepro.papers.srcnn.planes import crop_to_multiple, to_planes


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


class Patches:
    """Random access to all patches of a set of pictures, kept in memory as whole planes.

    Item i is {"image": float32 [side, side, C], "target": float32 [target, target, C]}, both in
    [0, 1]. Whole pictures are degraded and then cut, in the order of the authors' code.
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
        self._description = f"{pictures!r}, {degradation.name}, x{scale}, {color}, {spec}"
        self._spec = spec
        self._inputs, self._truths, places = [], [], []
        for number, name in enumerate(pictures.names):
            truth = crop_to_multiple(to_planes(pictures.read(number), color), scale, name)
            low = degradation.shrink(truth, scale)
            planes = low if spec.factor > 1 else degradation.enlarge(low, truth.shape[:2])
            self._inputs.append(planes)
            self._truths.append(truth)
            tops, lefts = (
                np.arange(0, size - spec.side + 1, spec.stride) for size in planes.shape[:2]
            )
            places += [(number, top, left) for top in tops for left in lefts]
        if not places:
            raise InputError(
                f"no picture of {pictures.spec} is as large as a patch of {spec.side} pixels; "
                "use larger pictures or a smaller data.patch"
            )
        self._places = np.array(places, np.int32)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Patches({self._description})"

    def __getitem__(self, index: int) -> dict[str, Any]:
        number, top, left = self._places[index]
        side, margin, factor = self._spec.side, self._spec.margin, self._spec.factor
        first_row, first_column = (top + margin) * factor, (left + margin) * factor
        target = self._spec.target_side
        return {
            "image": self._inputs[number][top : top + side, left : left + side],
            "target": self._truths[number][
                first_row : first_row + target, first_column : first_column + target
            ],
        }
