"""Axes of plots: their range, and the ticks on them."""

import dataclasses
import math

import numpy as np

# Across there is room for few labels, upwards for more.
_TICKS_ACROSS, _TICKS_UP = 6, 8
# Fewer decades have labels at 2 and 5 too; more have only some labelled.
_FEW_DECADES, _MANY_DECADES = 2, 6
# Decades below which the ticks are those of a linear axis.
_NARROW = 0.8
# So that the highest and the lowest point do not lie on the frame.
_ROOM = 0.04
_MINUS = "\N{MINUS SIGN}"


@dataclasses.dataclass(frozen=True)
class Tick:
    """A mark at `place`; text: its label, "" for a mark without one."""

    place: float
    text: str


@dataclasses.dataclass(frozen=True)
class Axis:
    """A range from `low` to `high`, above `low`; logarithmic ones are positive."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    logarithmic: bool = False

    @property
    def places(self) -> np.ndarray:
        """Where the ticks are, float64 [T]."""
        return np.asarray([tick.place for tick in self.ticks])

    def share(self, values: np.ndarray) -> np.ndarray:
        """Returns how far along the axis `values` lie, 0 to 1; NaN for what has no place on it."""
        low, high, x = self.low, self.high, np.asarray(values, np.float64)
        if self.logarithmic:
            low, high = math.log10(low), math.log10(high)
            x = np.log10(np.where(x > 0, x, np.nan))
        return (x - low) / (high - low)


def linear_axis(values: np.ndarray, *, whole: bool = False) -> Axis:
    """Returns an axis that holds the finite `values`, [N], with ticks at round numbers.

    whole: of whole numbers, such as updates: the ticks are too, and it ends where they do.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if low == high:
        # One value alone would get an axis of fractions around it.
        room = 1.0 if whole else abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    elif not whole:
        room = _ROOM * (high - low)
        low, high = low - room, high + room
    return _with_round_ticks(low, high, _TICKS_ACROSS if whole else _TICKS_UP, whole=whole)


def log_axis(values: np.ndarray) -> Axis:
    """Returns a logarithmic axis that holds the positive finite `values`, at least one of [N].

    Every decade has a mark, and its multiples from 2 to 9 smaller ones; the decades are labelled,
    at 2 and 5 too where there are few.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = float(positive.min()), float(positive.max())
    room = (high / low) ** _ROOM if high > low else 1.5
    low, high = low / room, high * room
    decades = math.log10(high / low)
    if decades < _NARROW:
        return dataclasses.replace(_with_round_ticks(low, high, _TICKS_UP), logarithmic=True)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1,) if decades > _FEW_DECADES else (1, 2, 5)
    every = max(1, math.ceil(len(exponents) / _MANY_DECADES))
    ticks = []
    for exponent in exponents:
        for digit in range(1, 10):
            place = digit * 10.0**exponent
            if low <= place <= high:
                labelled = digit in digits and exponent % every == 0
                ticks.append(Tick(place, _decimal(place) if labelled else ""))
    return Axis(low, high, tuple(ticks), logarithmic=True)


def _with_round_ticks(low: float, high: float, num: int, *, whole: bool = False) -> Axis:
    step = _round_step((high - low) / (num - 1))
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [Tick(k * step, _fixed(k * step, digits)) for k in range(first, last + 1)]
    return Axis(low, high, tuple(ticks))


def _round_step(step: float) -> float:
    """Returns 1, 2 or 5 times a power of ten, the smallest that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= step * (1 - 1e-9))


def _fixed(value: float, digits: int) -> str:
    """Returns a number with so many decimals; very large and very small ones in powers of ten."""
    if value and not 1e-5 <= abs(value) < 1e9:
        return _in_powers(f"{value:.3g}")
    text = f"{value:,.{digits}f}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", _MINUS)


def _decimal(value: float) -> str:
    """Returns 1, 2 or 5 times a power of ten as briefly as it can be read."""
    if value * 1.001 > 1e-4 and value < 1e6:
        return f"{value:,.0f}" if value >= 1 else f"{value:.4f}".rstrip("0")
    return _in_powers(f"{value:.0e}")


def _in_powers(text: str) -> str:
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", _MINUS)
