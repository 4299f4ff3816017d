"""Step time and weak-scaling efficiency from operations, bytes and published figures."""

import collections
import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

from benchmarks.chip_figures import MACHINES, Level
from jaxrepro.core.analysis.collectives import LOGS, ring_factor
from jaxrepro.core.analysis.replica_groups import largest, parse_groups


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Exchanges of one size, `times` in a step.

    num_bytes: of an all-reduce among as many devices that sends as much. waits: whether the
    computation needs the result before it can go on, so that nothing hides it. groups: the devices
    that exchange with each other, by number. divides: whether each device of a level takes its
    share of the bytes on to the next, as of a sum; each byte of an all-to-all has its own receiver.
    """

    num_bytes: float
    times: int
    waits: bool
    groups: tuple[tuple[int, ...], ...]
    divides: bool = True


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


def level_sizes(devices: Sequence[int], levels: Sequence[Level]) -> tuple[int, ...]:
    """Returns among how many an exchange of `devices` goes on each level, the innermost first.

    Devices stand side by side: with 8 on the innermost level, 0 to 7 are on one node, 8 to 15 on
    the next. Of nodes that hold unequal numbers of them it is the greatest common divisor: the
    exchange there is among so many, and the rest of it on the next level.
    """
    sizes, places = [], list(devices)
    for level in levels:
        held = collections.Counter(
            place // level.num_devices if level.num_devices else 0 for place in places
        )
        size = math.gcd(*held.values())
        sizes.append(size)
        places = [node for node, number in held.items() for _ in range(number // size)]
    return tuple(sizes)


def all_reduce_seconds(
    num_bytes: float,
    sizes: Sequence[int],
    levels: Sequence[Level],
    latency: float,
    divides: bool = True,
) -> float:
    """Returns the seconds of one all-reduce of `num_bytes` on each device.

    sizes: of `level_sizes`. On a level of n devices at b bytes a second a ring takes
    2 (n - 1) / n * bytes / b; what goes on to the next level is an n-th, since each device stands
    for its own share there, or all of it if it does not divide. latency: seconds for each level
    that is passed, whatever the size.
    """
    seconds = 0.0
    for size, level in zip(sizes, levels, strict=True):
        if size > 1:
            seconds += 2 * (size - 1) / size * num_bytes / level.bytes_per_second.value + latency
            num_bytes /= size if divides else 1
    return seconds


def exchange_seconds(
    exchange: Exchange, num_devices: int, levels: Sequence[Level], latency: float
) -> float:
    """Returns the seconds of one of the exchanges on the first `num_devices` devices.

    The groups exchange at the same time, so it is the slowest of them that counts; devices that
    are not there are left out of theirs.
    """
    return max(
        (
            all_reduce_seconds(exchange.num_bytes, sizes, levels, latency, exchange.divides)
            for sizes in _shapes(exchange.groups, num_devices, tuple(levels))
        ),
        default=0.0,
    )


@functools.lru_cache(maxsize=1024)
def _shapes(
    groups: tuple[tuple[int, ...], ...], num_devices: int, levels: tuple[Level, ...]
) -> frozenset[tuple[int, ...]]:
    present = ({device for device in group if device < num_devices} for group in groups)
    return frozenset(level_sizes(sorted(devices), levels) for devices in present if devices)


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
            exchange.times * exchange_seconds(exchange, num_devices, levels, latency)
            for exchange in exchanges
            if exchange.waits == waits
        )

    return Prediction(num_devices, operations / (peak * utilisation), total(True), total(False))


def make_prediction(
    machine_name: str, analysis: dict[str, Any], *, utilisation: float, latency: float
) -> dict[str, Any]:
    """Returns step times and efficiencies up to the devices of an analysis, as for JSON.

    The figures of fewer devices keep the examples of a device, which is weak scaling. Batch
    statistics are waited for; gradients and logs may run beside the computation.
    """
    machine = MACHINES[machine_name]
    peak = machine.peak[analysis["dtype"]]
    number = analysis["devices"]
    exchanges = exchanges_of(analysis["collectives"], number)
    counts = [2**i for i in range(number.bit_length()) if 2**i < number] + [number]
    curve = [
        predict(
            analysis["operations_of_a_device"],
            exchanges,
            count,
            peak=peak.value,
            utilisation=utilisation,
            levels=machine.levels,
            latency=latency,
        ).as_json()
        for count in counts
    ]
    return {
        "machine": machine.name,
        "device": machine.device,
        **curve[-1],
        "fits_memory": analysis["memory_of_a_device"]["total"] <= machine.memory.value,
        "figures": {
            "peak": dataclasses.asdict(peak),
            "memory": dataclasses.asdict(machine.memory),
            "levels": [dataclasses.asdict(level) for level in machine.levels],
        },
        "weak_scaling": curve,
    }


def exchanges_of(collectives: list[dict[str, Any]], num_devices: int) -> list[Exchange]:
    """Returns the `Exchange`s of an analysis' collectives, statistics apart from gradients.

    Each keeps which devices take part: the links that it goes over depend on that.
    Where the CPU's compiler merged a layer's statistics with all gradients so far, they count as
    two: the next layer waits for the statistics alone.
    """
    exchanges = []
    for one in collectives:
        groups = parse_groups(one["replica_groups"], num_devices)
        size = largest(groups)
        if size < 2 or not one["times"]:
            continue
        as_all_reduce = ring_factor(one["kind"], size) / ring_factor("all-reduce", size)
        late = {"gradients", LOGS}
        for waits in (True, False):
            num_bytes = sum(
                count for part, count in one["bytes_by_part"].items() if (part in late) != waits
            )
            if num_bytes:
                a_time = num_bytes / one["times"] * as_all_reduce
                divides = one["kind"] not in ("all-to-all", "ragged-all-to-all")
                exchanges.append(Exchange(a_time, one["times"], waits, groups, divides))
    return exchanges
