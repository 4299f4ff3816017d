"""Rules that decide whether a claim holds, from intervals over seeds.

Every rule asks whether a quantity lies in a region. The quantity has an interval: that of the mean
over seeds at 95 % confidence (Student's t), or a point where chance has no part. The rule holds
where the interval lies inside the region, does not hold where it lies outside, and is undecided
where it does both.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

CONFIDENCE = 0.95
# More parts of a claim than this are not all told.
_MANY = 3

REPRODUCED = "reproduced"
HOLDS = "holds here"
DOES_NOT_HOLD = "does not hold"
UNDECIDED = "undecided"
OBSERVED = "observed once"
PARITY = "parity"
OPEN = "open"
# From the best to the least that can be said.
STATUSES = (REPRODUCED, HOLDS, DOES_NOT_HOLD, UNDECIDED, OBSERVED, PARITY, OPEN)


@dataclasses.dataclass(frozen=True)
class Values:
    """What was measured of one quantity: by seed, or one number without chance under None."""

    by_seed: Mapping[int | None, float]

    @property
    def mean(self) -> float:
        """Over the seeds, in float64."""
        return float(np.mean(list(self.by_seed.values()), dtype=np.float64))

    @property
    def std(self) -> float | None:
        """The sample standard deviation (divisor k - 1), None of one value."""
        values = list(self.by_seed.values())
        return float(np.std(values, ddof=1, dtype=np.float64)) if len(values) > 1 else None

    @property
    def once(self) -> bool:
        """Whether it is of one seed only, though chance has a part in it."""
        return len(self.by_seed) == 1 and None not in self.by_seed


class Measured(Protocol):
    """The measured arms of a claim."""

    def values(self, arm: str, result: str) -> Values | None:
        """Returns what was measured, None if nothing was."""
        ...


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A status of STATUSES, and a sentence with the numbers that gave it.

    against: whether what was observed once is not as claimed.
    """

    status: str
    because: str
    against: bool = False


class Rule(Protocol):
    """When a claim holds."""

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns the (arm, result) pairs that it is about."""
        ...

    def in_words(self) -> str:
        """Returns the rule as a sentence."""
        ...

    def judge(self, measured: Measured) -> Verdict:
        """Returns what the measured arms say; OPEN where one is missing."""
        ...


@dataclasses.dataclass(frozen=True)
class Near:
    """The mean is within `tolerance` of a published value."""

    arm: str
    result: str
    value: float
    tolerance: float

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns the one pair."""
        return ((self.arm, self.result),)

    def in_words(self) -> str:
        """Returns the rule as a sentence."""
        return f"{self.result} of {self.arm} is within {self.tolerance:g} of {self.value:.10g}"

    def judge(self, measured: Measured) -> Verdict:
        """Returns REPRODUCED where it holds."""
        low, high = self.value - self.tolerance, self.value + self.tolerance
        return _of_one(measured, self.arm, self.result, low, high, holds=REPRODUCED)


@dataclasses.dataclass(frozen=True)
class Between:
    """The mean lies between `low` and `high`; either may be infinite."""

    arm: str
    result: str
    low: float = -math.inf
    high: float = math.inf

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns the one pair."""
        return ((self.arm, self.result),)

    def in_words(self) -> str:
        """Returns the rule as a sentence."""
        if self.high == math.inf:
            return f"{self.result} of {self.arm} is at least {self.low:g}"
        if self.low == -math.inf:
            return f"{self.result} of {self.arm} is at most {self.high:g}"
        return f"{self.result} of {self.arm} is between {self.low:g} and {self.high:g}"

    def judge(self, measured: Measured) -> Verdict:
        """Returns HOLDS where it holds."""
        return _of_one(measured, self.arm, self.result, self.low, self.high, holds=HOLDS)


@dataclasses.dataclass(frozen=True)
class Order:
    """One arm's mean is higher than another's, by more than `by`.

    The interval is that of the differences seed by seed where both arms have the same seeds, and
    Welch's otherwise.
    """

    higher: str
    lower: str
    result: str
    by: float = 0.0

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns both pairs."""
        return (self.higher, self.result), (self.lower, self.result)

    def in_words(self) -> str:
        """Returns the rule as a sentence."""
        more = f" by more than {self.by:g}" if self.by else ""
        return f"{self.result} is higher for {self.higher} than for {self.lower}{more}"

    def judge(self, measured: Measured) -> Verdict:
        """Returns HOLDS where it holds."""
        first, second = (measured.values(arm, self.result) for arm, _ in self.needs())
        if first is None or second is None:
            return _missing(measured, self)
        name = f"{self.higher} minus {self.lower}, {self.result}"
        low, high = difference_interval(first, second)
        # More, not as much: a difference of nothing is no order.
        least = math.nextafter(self.by, math.inf)
        return _placed(name, low, high, least, math.inf, HOLDS, first.once or second.once)


@dataclasses.dataclass(frozen=True)
class Flag:
    """A check that the arm's own command makes: the result is 1 where it passed, else 0."""

    arm: str
    result: str

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns the one pair."""
        return ((self.arm, self.result),)

    def in_words(self) -> str:
        """Returns the rule as a sentence."""
        return f"the check {self.result} of {self.arm} passes"

    def judge(self, measured: Measured) -> Verdict:
        """Returns HOLDS where it passed."""
        return _of_one(measured, self.arm, self.result, 1.0, 1.0, holds=HOLDS)


@dataclasses.dataclass(frozen=True, init=False)
class All:
    """Every one of several rules holds."""

    rules: tuple[Rule, ...]

    def __init__(self, *rules: Rule):
        parts = [rule.rules if isinstance(rule, All) else (rule,) for rule in rules]
        object.__setattr__(self, "rules", tuple(rule for part in parts for rule in part))

    def needs(self) -> tuple[tuple[str, str], ...]:
        """Returns the pairs of all."""
        return tuple(dict.fromkeys(pair for rule in self.rules for pair in rule.needs()))

    def in_words(self) -> str:
        """Returns the rules as one sentence: what they say alike once, of many the first two."""
        groups: dict[object, list[Rule]] = {}
        for rule in self.rules:
            groups.setdefault(_alike(rule), []).append(rule)
        words = [_in_words(group) for group in groups.values()]
        if len(words) > _MANY:
            words[2:] = [f"and so on, {len(self.rules)} parts in all"]
        return "; ".join(words)

    def judge(self, measured: Measured) -> Verdict:
        """Returns the least of the verdicts: one that fails, else what is missing or undecided."""
        verdicts = [rule.judge(measured) for rule in self.rules]
        for status in (DOES_NOT_HOLD, OPEN, UNDECIDED, OBSERVED, HOLDS, REPRODUCED):
            found = [verdict for verdict in verdicts if verdict.status == status]
            if found:
                against = [verdict for verdict in found if verdict.against]
                shown = "; ".join(dict.fromkeys(verdict.because for verdict in found))
                if len(found) > _MANY:
                    agreeing, everything = len(found) - len(against), len(verdicts)
                    share = "all" if agreeing == everything else f"{agreeing} of"
                    shown = f"{share} {everything} parts"
                    shown += " as claimed in one seed" if status == OBSERVED else ""
                    shown = "; ".join([shown, *(verdict.because for verdict in against)])
                return Verdict(status, shown, bool(against))
        raise ValueError("no rules given")


def _alike(rule: Rule) -> object:
    """Returns what rules have to share to be said in one sentence."""
    if isinstance(rule, Near):
        return Near, rule.result, rule.tolerance
    if isinstance(rule, Order):
        return Order, rule.higher, rule.lower, rule.by
    return rule


def _in_words(rules: Sequence[Rule]) -> str:
    first = rules[0]
    if len(rules) > 1 and isinstance(first, Near):
        near = [rule for rule in rules if isinstance(rule, Near)]
        arms, values = (rule.arm for rule in near), (f"{rule.value:.10g}" for rule in near)
        return (
            f"{first.result} of {', '.join(arms)} is within {first.tolerance:g} of "
            f"{', '.join(values)}"
        )
    if len(rules) > 1 and isinstance(first, Order):
        results = ", ".join(rule.result for rule in rules if isinstance(rule, Order))
        return dataclasses.replace(first, result=results).in_words()
    return first.in_words()


def mean_interval(values: Values) -> tuple[float, float]:
    """Returns the interval of the mean; a point for one value."""
    return _around(values.mean, values.std, len(values.by_seed))


def difference_interval(first: Values, second: Values) -> tuple[float, float]:
    """Returns the interval of the difference of two means: paired by seed, else Welch's."""
    if first.by_seed.keys() == second.by_seed.keys():
        return mean_interval(Values({s: x - second.by_seed[s] for s, x in first.by_seed.items()}))
    difference = first.mean - second.mean
    parts = [(v.std or 0.0) ** 2 / len(v.by_seed) for v in (first, second)]
    error = math.sqrt(sum(parts))
    if not error:
        return difference, difference
    sizes = [len(v.by_seed) for v in (first, second)]
    freedom = sum(parts) ** 2 / sum(p**2 / (n - 1) for p, n in zip(parts, sizes) if n > 1)
    half = _quantile(freedom) * error
    return difference - half, difference + half


def _around(mean: float, std: float | None, number: int) -> tuple[float, float]:
    half = _quantile(number - 1) * std / math.sqrt(number) if std else 0.0
    return mean - half, mean + half


def _quantile(freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))


def _of_one(
    measured: Measured, arm: str, result: str, least: float, most: float, *, holds: str
) -> Verdict:
    values = measured.values(arm, result)
    if values is None:
        return Verdict(OPEN, f"{arm} was not measured")
    low, high = mean_interval(values)
    return _placed(f"{arm}, {result}", low, high, least, most, holds, values.once)


def _placed(
    name: str, low: float, high: float, least: float, most: float, holds: str, once: bool
) -> Verdict:
    """Returns the verdict on a quantity whose interval is [low, high], for [least, most]."""
    inside, outside = least <= low and high <= most, high < least or low > most
    shown = f"{name}: {low:.4g}" + (f" to {high:.4g}" if high > low else "")
    if once:
        says = "as claimed" if inside else "not as claimed"
        return Verdict(OBSERVED, f"{shown}, one seed, {says}", not inside)
    status = holds if inside else DOES_NOT_HOLD if outside else UNDECIDED
    return Verdict(status, shown)


def _missing(measured: Measured, rule: Rule) -> Verdict:
    absent = [arm for arm, result in rule.needs() if measured.values(arm, result) is None]
    return Verdict(OPEN, f"{', '.join(dict.fromkeys(absent))} not measured")
