"""Which microbatches fit into a memory, from few measurements of it."""

import dataclasses
from collections.abc import Callable, Sequence

# (examples of one device in a microbatch, rematerialised) -> bytes on a device.
Measure = Callable[[int, bool], int]


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to pass a batch through.

    examples: of one device in one microbatch; microbatches: how many make the batch; num_bytes: on
    one device; compiled: whether num_bytes was measured, and not predicted from other options.
    """

    examples: int
    microbatches: int
    remat: bool
    num_bytes: int
    compiled: bool


@dataclasses.dataclass(frozen=True)
class MemoryPlan:
    """All options, and the one to take: None if none fits.

    bytes_per_example: what one more example of a microbatch takes, by whether blocks are
    rematerialised; empty if there is one size alone.
    """

    options: tuple[Option, ...]
    chosen: Option | None
    bytes_per_example: dict[bool, float]

    @property
    def smallest(self) -> Option:
        """The option that needs least."""
        return min(self.options, key=lambda option: option.num_bytes)


def plan_memory(
    measure: Measure,
    microbatches: dict[int, int],
    limit: int,
    *,
    with_remat: bool,
) -> MemoryPlan:
    """Returns the plan for a memory of `limit` bytes on one device, after at most 4 measurements.

    microbatches: how many make the batch, by their examples on one device. Memory is close to
    affine in that size. So `measure` is called on two small sizes without rematerialisation and on
    the largest that should fit then; and, `with_remat`, on one size with it, four times as large,
    or, where nothing fits without it, on a small one and on the largest that should fit. From a
    single size with it the line goes to the same constant as without it. The rest is predicted.

    The choice is the largest microbatch without rematerialisation, which computes least, else
    the largest with it. Where the one that should fit turns out not to, the next smaller is
    chosen, which lies between measured sizes and may remain a prediction.
    """
    sizes = sorted(microbatches)
    samples = _samples(sizes)
    plain = {size: measure(size, False) for size in samples}
    constant = _Line(plain).constant
    lines = {False: _Line(plain)}

    def largest(line: _Line) -> int | None:
        return max((size for size in sizes if line.at(size) <= limit), default=None)

    size = largest(lines[False])
    if size is not None and size not in plain:
        plain[size] = measure(size, False)
        lines[False] = _Line(plain)
    if with_remat:
        probe = (
            samples[-1] if size is None else next((s for s in sizes if s >= 4 * size), sizes[-1])
        )
        again = {probe: measure(probe, True)}
        lines[True] = _Line(again, constant)
        largest_again = largest(lines[True])
        if size is None and largest_again is not None and largest_again not in again:
            again[largest_again] = measure(largest_again, True)
            lines[True] = _Line(again)
    options = tuple(
        Option(size, microbatches[size], remat, line.at(size), compiled=size in line.measured)
        for remat, line in lines.items()
        for size in sizes
    )
    # Never beyond what was measured. All without rematerialisation come before all with it.
    fitting = [
        option
        for option in options
        if option.num_bytes <= limit and option.examples <= max(lines[option.remat].measured)
    ]
    chosen = max(fitting, key=lambda option: (not option.remat, option.examples), default=None)
    slopes = {remat: line.slope for remat, line in lines.items()} if len(samples) > 1 else {}
    return MemoryPlan(options, chosen, slopes)


def _samples(sizes: Sequence[int]) -> list[int]:
    """Returns the two sizes to measure, or the only one: the smallest with 4 examples or more."""
    # One or two examples are a special case to compilers.
    large = [size for size in sizes if size >= 4]
    return (large if len(large) >= 2 else list(sizes[-2:]))[:2]


class _Line:
    """The line through measurements: by pieces between them, with the outer ones' slopes beyond."""

    def __init__(self, measured: dict[int, int], constant: float = 0.0):
        self.measured = dict(measured)
        points = sorted(measured.items())
        if len(points) == 1:
            points.insert(0, (0, round(constant)))
        self._points = points

    @property
    def constant(self) -> float:
        """The value at size 0."""
        return self._through(self._points[:2], 0)

    @property
    def slope(self) -> float:
        """The growth with one more, over the whole range."""
        (x0, y0), (x1, y1) = self._points[0], self._points[-1]
        return (y1 - y0) / (x1 - x0)

    def at(self, size: int) -> int:
        """Returns the value at `size`."""
        i = sum(x < size for x, _ in self._points)
        i = min(max(i, 1), len(self._points) - 1)
        return round(self._through(self._points[i - 1 : i + 1], size))

    @staticmethod
    def _through(points: Sequence[tuple[int, int]], size: int) -> float:
        (x0, y0), (x1, y1) = points
        return y0 + (y1 - y0) * (size - x0) / (x1 - x0)
