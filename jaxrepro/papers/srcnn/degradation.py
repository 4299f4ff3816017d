"""How a high-resolution picture is made into the network's input, under names.

A decibel belongs to one of them: the article's 35.25 dB and the paper's 32.39 dB are of different
tasks.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxrepro.data.resize import resize


@dataclasses.dataclass(frozen=True)
class Degradation:
    """One way to lose resolution.

    Attributes:
      name: for configs and records.
      shrink: (planes [H, W, C], scale) -> [H / scale, W / scale, C], H and W being multiples.
      enlarge: (planes [H, W, C], (H', W')) -> [H', W', C].
    """

    name: str
    shrink: Callable[[np.ndarray, int], np.ndarray]
    enlarge: Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def _shrink_bicubic(planes: np.ndarray, scale: int) -> np.ndarray:
    return resize(planes, (planes.shape[0] // scale, planes.shape[1] // scale))


# What the authors' code does, for training and for evaluation; nothing is rounded between.
MATLAB_BICUBIC = Degradation("matlab-bicubic", _shrink_bicubic, resize)

DEGRADATIONS = {one.name: one for one in (MATLAB_BICUBIC,)}
