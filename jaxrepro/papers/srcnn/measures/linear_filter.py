"""The best linear filter: what a network has to beat to show that its non-linearity is of use.

On T91 at x3 a filter of 13 x 13 weights, fitted in seconds, is 1.00 dB better on Set5 than bicubic
interpolation.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures

# Of the network 9-1-5: what its yardstick may see as well.
SIDE = 13
# Pixels to fit on. All 5.3 million of T91 make the filter 0.005 dB better on Set5.
NUM_PIXELS = 2**19
# Rows of the matrix of neighbourhoods that are in memory at once.
_CHUNK = 2**14


@dataclasses.dataclass(frozen=True)
class LinearFilter:
    """A filter with a bias: weights float64 [side, side]."""

    weights: np.ndarray
    bias: float

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        """Returns float64 [H, W] of a plane [H, W], which is extended by its edge values."""
        from scipy.ndimage import correlate

        return correlate(plane.astype(np.float64), self.weights, mode="nearest") + self.bias


@functools.lru_cache(maxsize=8)
def linear_filter(spec: str, degradation: str, scale: int, side: int = SIDE) -> LinearFilter:
    """Returns the best filter for the luma of a set of pictures, see `fit_linear_filter`.

    The input is the enlarged picture, also where a network of the same run takes the small one.
    spec, degradation, scale: as of `degraded.degraded_pictures`.
    """
    pictures = degraded_pictures(spec, degradation, scale, "y")
    return fit_linear_filter([(p.enlarged[..., 0], p.truth[..., 0]) for p in pictures], side)


def fit_linear_filter(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], side: int, num_pixels: int = NUM_PIXELS
) -> LinearFilter:
    """Returns the filter with bias of least squared error from inputs to truths.

    pairs: (input, truth), planes [H, W] each. side: odd. Every pixel of the truths counts once, or,
    if there are more than `num_pixels`, about so many of them, drawn at random in one fixed way:
    a regular grid would meet the enlarged pictures always at the same phase.

    All sums are float64: enlarged pictures are so smooth that float32 costs 0.02 dB. Raises
    InputError for a side that is not odd, or fewer pixels than weights.
    """
    if side < 1 or side % 2 == 0:
        raise InputError(f"a filter of side {side} has no centre; choose an odd one, such as 13")
    num = side * side + 1
    total = sum(truth.size for _, truth in pairs)
    if total < num:
        raise InputError(f"{total} pixels are too few for the {num} numbers of a linear filter")
    # The truth is one more column, so that one product has all sums.
    sums = np.zeros((num + 1, num + 1))
    # Several threads wait for one another in products of this size: on a machine that does
    # something else as well they take 20 times as long as one.
    with threadpool_limits(limits=1, user_api="blas"):
        for rows in _neighborhoods(pairs, side, min(1.0, num_pixels / total)):
            sums += rows.T @ rows
        # The shortest of several best ones: constant pictures do not say which weight is which.
        solution = np.linalg.lstsq(sums[:num, :num], sums[:num, num], rcond=None)[0]
    return LinearFilter(solution[:-1].reshape(side, side), float(solution[-1]))


def _neighborhoods(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], side: int, share: float
) -> Iterator[np.ndarray]:
    """Yields float64 [N, side side + 2]: the neighbourhoods of pixels, 1, and their truths."""
    generator = np.random.default_rng(0)
    for plane, truth in pairs:
        extended = np.pad(plane, side // 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(extended, (side, side))
        chosen = np.flatnonzero(generator.random(truth.size) < share)
        for start in range(0, len(chosen), _CHUNK):
            y, x = np.divmod(chosen[start : start + _CHUNK], truth.shape[1])
            rows = np.empty((len(y), side * side + 2))
            rows[:, :-2] = windows[y, x].reshape(len(y), -1)
            rows[:, -2] = 1
            rows[:, -1] = truth[y, x]
            yield rows
