"""A run's results beside published ones, with the protocol of both."""

import dataclasses
from collections.abc import Mapping

from jaxrepro.core.run.spread import STD, parts_by_name
from jaxrepro.core.task import PublishedCurve, PublishedFigure, References
from jaxrepro.page.records import Measured, Run


@dataclasses.dataclass(frozen=True)
class Result:
    """One number of a run, with what it is and how it was measured.

    Of several seeds it is the mean: spread is their standard deviation, None for one seed, and
    seeds are the single values, ("seed 7", 31.2).
    """

    name: str
    value: float
    meaning: str
    protocol: str
    spread: float | None = None
    seeds: tuple[tuple[str, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A published figure and the run's results for the same quantity.

    verdicts: for each result, how far the two compare.
    """

    published: PublishedFigure
    own: tuple[Result, ...]
    verdicts: tuple[str, ...]


def quantity(name: str) -> str:
    """Returns what a result measures, without how: the text before "@"."""
    return name.partition("@")[0]


def results(measured: Measured, run: Run, references: References | None) -> list[Result]:
    """Returns the numbers of one evaluation, those of several seeds as one."""
    numbers = measured.results
    return [
        Result(
            name,
            numbers[name],
            meaning(name, references),
            protocol(name, run, measured.step),
            numbers[parts[STD]] if STD in parts else None,
            tuple((seed_words(p), numbers[full]) for p, full in parts.items() if p != STD),
        )
        for name, parts in parts_by_name(numbers).items()
    ]


def seed_words(part: str) -> str:
    """Returns the part of a name that stands for a seed, "seed7", as "seed 7"."""
    return f"seed {part.removeprefix('seed')}"


def meaning(name: str, references: References | None) -> str:
    """Returns what the paper says that a result means, "" if it says nothing."""
    known: Mapping[str, str] = references.descriptions if references else {}
    return known.get(name, known.get(quantity(name), ""))


def protocol(name: str, run: Run, step: int | None = None) -> str:
    """Returns how a run's result was measured, as far as its name and the config say it.

    "metrics/frechet@1000:resnet-digits" is "1,000 samples, network resnet-digits, ...".
    """
    samples, _, network = name.partition("@")[2].partition(":")
    parts = []
    if samples:
        parts.append(f"{int(samples):,} samples" if samples.isdecimal() else samples)
    if network:
        parts.append(f"network {network}")
    if source := run.config.get("data.source"):
        parts.append(f"data {source}")
    if resolution := run.config.get("model.resolution"):
        parts.append(f"{resolution} pixels")
    if step is not None:
        parts.append(f"after {step:,} updates")
    return ", ".join(parts)


def comparisons(run: Run, references: References) -> list[Comparison]:
    """Returns every published figure with what the run measured of the same quantity last."""
    latest: dict[str, Result] = {}
    for measured in [run.final, *run.repeated]:
        if measured is not None:
            latest |= {result.name: result for result in results(measured, run, references)}
    found = []
    for row in references.rows:
        own = tuple(r for r in latest.values() if quantity(r.name) == quantity(row.name))
        found.append(Comparison(row, own, tuple(comparability(r.name, row) for r in own)))
    return found


def comparability(name: str, published: PublishedFigure | PublishedCurve) -> str:
    """Returns a sentence on whether a run's result may be compared with a published one."""
    own, other = (x.partition("@")[2] for x in (name, published.name))
    if not own and not other:
        return "They compare where data and protocol agree."
    if own == other:
        return "The same number of samples; they compare where data and network agree as well."
    return "The protocols differ: the two do not compare."
