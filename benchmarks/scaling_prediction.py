"""Step time and weak-scaling efficiency from operations, bytes and published figures."""

import dataclasses
import math
from collections.abc import Sequence

from benchmarks.chip_figures import Level


@dataclasses.dataclass(frozen=True)
class Exchange:
    """All-reduces of one size: num_bytes each, `times` in a step.

    waits: whether the computation needs the result before it can go on, so that nothing hides it.
    """

    num_bytes: float
    times: int
    waits: bool


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Seconds of a step on some devices: of computation, of exchanges that nothing hides and of
    those that may run beside it.

    Efficiency is that of weak scaling: the time without exchanges over the time with them, for as
    many examples on a device.
    """

    num_devices: int
    computation: float
    waited_for: float
    hidden: float

    @property
    def without_overlap(self) -> float:
        """Everything one after the other."""
        return self.computation + self.waited_for + self.hidden

    @property
    def with_overlap(self) -> float:
        """What may be hidden runs beside the computation."""
        return self.waited_for + max(self.computation, self.hidden)

    def as_json(self) -> dict[str, float]:
        """Returns milliseconds and efficiencies."""
        return {
            "devices": self.num_devices,
            "computation_ms": self.computation * 1e3,
            "exchanges_waited_for_ms": self.waited_for * 1e3,
            "exchanges_that_may_overlap_ms": self.hidden * 1e3,
            "step_ms_without_overlap": self.without_overlap * 1e3,
            "step_ms_with_overlap": self.with_overlap * 1e3,
            "efficiency_without_overlap": self.computation / self.without_overlap,
            "efficiency_with_overlap": self.computation / self.with_overlap,
        }


def all_reduce_seconds(
    num_bytes: float, num_devices: int, levels: Sequence[Level], latency: float
) -> float:
    """Returns the seconds of one all-reduce of `num_bytes` on each device.

    On a level of n devices at b bytes a second a ring takes 2 (n - 1) / n * bytes / b; what goes
    on to the next level is an n-th, since each device stands for its own share there. latency:
    seconds for each level that is passed, whatever the size.
    """
    seconds, left = 0.0, num_devices
    for level in levels:
        size = math.gcd(left, level.num_devices) if level.num_devices else left
        if size > 1:
            seconds += 2 * (size - 1) / size * num_bytes / level.bytes_per_second.value + latency
            num_bytes /= size
            left //= size
    return seconds


def predict(
    operations: float,
    exchanges: Sequence[Exchange],
    num_devices: int,
    *,
    peak: float,
    utilisation: float,
    levels: Sequence[Level],
    latency: float,
) -> Prediction:
    """Returns the prediction for one step.

    operations: of one device; peak: operations a second of a device; utilisation: the share of it
    that the computation is assumed to reach.
    """

    def total(waits: bool) -> float:
        return sum(
            exchange.times * all_reduce_seconds(exchange.num_bytes, num_devices, levels, latency)
            for exchange in exchanges
            if exchange.waits == waits
        )

    return Prediction(num_devices, operations / (peak * utilisation), total(True), total(False))
