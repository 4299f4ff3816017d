"""Whether a picture has the lines of a sketch in its hole: precision, recall and F-score."""

import dataclasses
from collections.abc import Sequence

import chex
import numpy as np

from jaxrepro.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class LineCounts:
    """Pixels of lines in a region, and how many of them have a partner; counts can be added.

    Attributes:
      drawn: of the picture's lines. drawn_matched: those near a line of the sketch.
      asked: of the sketch's lines. asked_matched: those near a line of the picture.
    """

    drawn: int = 0
    drawn_matched: int = 0
    asked: int = 0
    asked_matched: int = 0

    def __add__(self, other: "LineCounts") -> "LineCounts":
        parts = (dataclasses.astuple(x) for x in (self, other))
        return LineCounts(*(a + b for a, b in zip(*parts)))

    @property
    def precision(self) -> float:
        """Share of the picture's lines that the sketch asks for; 0 without any."""
        return self.drawn_matched / self.drawn if self.drawn else 0.0

    @property
    def recall(self) -> float:
        """Share of the sketch's lines that the picture has; 0 without any."""
        return self.asked_matched / self.asked if self.asked else 0.0

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def line_fidelity(
    lines: Sequence[np.ndarray],
    sketches: Sequence[np.ndarray],
    holes: Sequence[np.ndarray],
    tolerance: float,
    *,
    shift: int = 0,
) -> LineCounts:
    """Returns how the lines of pictures and of sketches meet inside holes, over all pictures.

    lines, sketches, holes: {0, 1} [H, W, 1] each. A pixel of a line counts where it is in the hole,
    and is matched if the other has one at most `tolerance` pixels away, measured straight, wherever
    that one is: a line just outside the hole is no error. Several pixels may have one partner. Long
    lines count more than short ones. The lines are to come of the detector that made the sketches.

    shift: each picture stands against the sketch of the picture so many places after it, the last
    ones against the first; see `chance_fidelity`.

    Raises:
      InputError: the tolerance is negative.
    """
    if tolerance < 0:
        raise InputError(f"a tolerance of {tolerance} pixels given; it must be 0 or more")
    counts = LineCounts()
    for i, (own, hole) in enumerate(zip(lines, holes, strict=True)):
        sketch = sketches[(i + shift) % len(sketches)]
        chex.assert_equal_shape([own, sketch, hole])
        drawn, asked, inside = (np.asarray(x)[..., 0] != 0 for x in (own, sketch, hole))
        counts += LineCounts(
            drawn=int((drawn & inside).sum()),
            drawn_matched=int((drawn & inside & _within(asked, tolerance)).sum()),
            asked=int((asked & inside).sum()),
            asked_matched=int((asked & inside & _within(drawn, tolerance)).sum()),
        )
    return counts


def chance_fidelity(
    lines: Sequence[np.ndarray],
    sketches: Sequence[np.ndarray],
    holes: Sequence[np.ndarray],
    tolerance: float,
    num_others: int = 4,
) -> LineCounts:
    """Returns the counts against the sketches of other pictures: what is met by accident.

    Every picture's lines, in its own hole, stand against the sketches of the next `num_others`
    pictures, fewer where there are fewer. Aligned faces have lines at like places, so this is more
    than nothing. Sketches must be of whole pictures, not cut to their holes.

    Raises:
      InputError: there are fewer than two pictures, or `num_others` is below 1.
    """
    if len(lines) < 2 or num_others < 1:
        raise InputError(
            f"{len(lines)} pictures and num_others={num_others} given; the level of chance needs "
            "two pictures or more, and one other or more"
        )
    shifts = range(1, min(num_others, len(lines) - 1) + 1)
    counts = (line_fidelity(lines, sketches, holes, tolerance, shift=shift) for shift in shifts)
    return sum(counts, start=LineCounts())


def _within(lines: np.ndarray, tolerance: float) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    if not lines.any():
        return np.zeros_like(lines)
    return np.asarray(distance_transform_edt(~lines)) <= tolerance
