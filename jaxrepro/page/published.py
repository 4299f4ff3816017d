"""A run's results, each beside what methods without a network reach and what was published."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from jaxrepro.core.run.spread import STD, parts_by_name
from jaxrepro.core.task import PublishedCurve, PublishedFigure, References
from jaxrepro.page.numbers import number
from jaxrepro.page.records import Measured, Run

_LOW, _HIGH = "low", "high"
# Results by name in the sentence on baselines; the others are counted.
_MAX_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What a method without a network reaches, or the data themselves, in words and as a number.

    better: whether that is better than the run; None of the data, and where nobody says which
    direction is.
    """

    method: str
    value: float
    better: bool | None


@dataclasses.dataclass(frozen=True)
class Published:
    """A published figure, and whether it compares with the run's."""

    figure: PublishedFigure
    verdict: str


@dataclasses.dataclass(frozen=True)
class Result:
    """One quantity of a run with all that stands beside it; `value` is None if not measured.

    meaning, condition, direction and measured_on are words, "" where nothing is known: what the
    number is, what follows "@" in its name, which direction is better, and what the evaluator
    measured. step: the update it was measured after. interval: of "<name>_low" and "<name>_high",
    interval_meaning: of the first. Of several seeds the value is the mean: spread is their standard
    deviation, None for one seed, and seeds are the single values, ("seed 7", 31.2).
    """

    name: str
    value: float | None
    meaning: str = ""
    condition: str = ""
    direction: str = ""
    measured_on: str = ""
    step: int | None = None
    interval: tuple[float, float] | None = None
    interval_meaning: str = ""
    spread: float | None = None
    seeds: tuple[tuple[str, float], ...] = ()
    baselines: tuple[Baseline, ...] = ()
    published: tuple[Published, ...] = ()

    @property
    def below(self) -> tuple[Baseline, ...]:
        """The baselines that are better than the run."""
        return tuple(one for one in self.baselines if one.better)


def quantity(name: str) -> str:
    """Returns what a result measures, without how: the text before "@"."""
    return name.partition("@")[0]


def told(known: Mapping[str, str], name: str) -> str:
    """Returns what is `known` of a result: by its name, before "@", or before a "/"; else ""."""
    short = quantity(name)
    begins = [short[:i] for i in range(len(short) - 1, 0, -1) if short[i] == "/"]
    return next((known[key] for key in (name, short, *begins) if key in known), "")


def meaning(name: str, references: References | None) -> str:
    """Returns what the paper says that a result means, "" if it says nothing."""
    known: Mapping[str, str] = references.descriptions if references else {}
    return known.get(name, known.get(quantity(name), ""))


def condition(name: str, references: References | None) -> str:
    """Returns what follows "@" in a result's name in words, as far as the Task says them.

    "metrics/frechet@1000:resnet-digits" is "1,000 samples, network resnet-digits" where the Task
    calls the number samples.
    """
    given, _, network = name.partition("@")[2].partition(":")
    parts = []
    words = told(references.after_at, name) if references else ""
    if given and words:
        parts.append(words.format(f"{int(given):,}" if given.isdecimal() else given))
    if network:
        parts.append(f"network {network}")
    return ", ".join(parts)


def results(run: Run, references: References | None) -> list[Result]:
    """Returns every quantity once: those of the run's last evaluation, then what else there is.

    That is what `jaxrepro.evaluate` alone measured, and published figures of what nobody did. The
    references are of the run's own config: of measurements by another one they say nothing.
    """
    known = references or References()
    rows = measured_rows(run.final, run, known) if run.final else {}
    for later in run.repeated[::-1]:
        own = dataclasses.replace(known, measured_on={}) if later.by_other_config else known
        rows = {**measured_rows(later, run, own), **rows}
    order = {name: None for m in (run.final, *run.repeated[::-1]) if m for name in m.results}
    found = [rows[name] for name in order if name in rows]
    measured = {quantity(row.name) for row in found}
    for figure in known.rows:
        if quantity(figure.name) not in measured:
            text = meaning(figure.name, references)
            found.append(Result(figure.name, None, text, published=(Published(figure, ""),)))
    return found


def measured_rows(measured: Measured, run: Run, known: References) -> dict[str, Result]:
    """Returns the results of one evaluation by name, without what stands beside others."""
    parted = parts_by_name(measured.results)
    shown_beside = {
        level
        for levels_by_name in (known.levels, known.targets)
        for name, levels in levels_by_name.items()
        if name in parted
        for level in levels.values()
    }
    rows = {}
    for name, parts in parted.items():
        if name in shown_beside or _is_end_of_interval(name, parted):
            continue
        value = measured.results[name]
        direction = told(known.better, name)
        rows[name] = Result(
            name,
            value,
            meaning(name, known),
            condition(name, known),
            f"{direction} is better" if direction else "",
            told(known.measured_on, name),
            measured.step,
            _interval(name, measured.results),
            meaning(_end_name(name, _LOW), known),
            measured.results[parts[STD]] if STD in parts else None,
            tuple((seed_words(p), measured.results[x]) for p, x in parts.items() if p != STD),
            _baselines(name, value, direction, measured, run, known),
            tuple(
                Published(row, comparability(name, row, known))
                for row in known.rows
                if quantity(row.name) == quantity(name)
            ),
        )
    return rows


def _end_name(name: str, end: str) -> str:
    head, at, rest = name.partition("@")
    return f"{head}_{end}{at}{rest}"


def _is_end_of_interval(name: str, names: Mapping[str, object]) -> bool:
    head, at, rest = name.partition("@")
    for end in (_LOW, _HIGH):
        base = f"{head.removesuffix(f'_{end}')}{at}{rest}"
        if base != name and base in names:
            return all(_end_name(base, one) in names for one in (_LOW, _HIGH))
    return False


def _interval(name: str, numbers: Mapping[str, float]) -> tuple[float, float] | None:
    ends = [_end_name(name, end) for end in (_LOW, _HIGH)]
    return (numbers[ends[0]], numbers[ends[1]]) if all(end in numbers for end in ends) else None


def _baselines(
    name: str, value: float, direction: str, measured: Measured, run: Run, known: References
) -> tuple[Baseline, ...]:
    """Returns the levels and targets of a result as far as they were measured, then or earlier."""
    earlier = {series.name: series.last for series in run.evaluation} | dict(measured.results)
    found = []
    for method, level in known.levels.get(name, {}).items():
        if level in earlier:
            reached = earlier[level]
            better = None
            if direction and math.isfinite(value) and math.isfinite(reached):
                better = reached > value if direction == "higher" else reached < value
            found.append(Baseline(method, reached, better))
    for words, target in known.targets.get(name, {}).items():
        if target in earlier:
            found.append(Baseline(words, earlier[target], None))
    return tuple(found)


def seed_words(part: str) -> str:
    """Returns the part of a name that stands for a seed, "seed7", as "seed 7"."""
    return f"seed {part.removeprefix('seed')}"


def headline(rows: Sequence[Result], references: References | None) -> Result | None:
    """Returns the result that stands first: what the Task names, else the first with a meaning.

    The Task may name it without what follows "@". None where nothing was measured.
    """
    measured = [row for row in rows if row.value is not None]
    wanted = references.headline if references else ""
    if wanted:
        for row in measured:
            if wanted in (row.name, quantity(row.name)):
                return row
    return next((row for row in measured if row.meaning), measured[0] if measured else None)


def worse_than_baselines(rows: Sequence[Result], first: Result | None) -> str:
    """Returns the sentence that says which methods without a network are better, "" if none is.

    first: the result that is told of first if it is among them.
    """
    below = [row for row in rows if row.below]
    if not below:
        return ""
    below.sort(key=lambda row: first is None or row.name != first.name)
    row, others = below[0], below[1:]
    methods = " and ".join(f"{one.method} {number(one.value)}" for one in row.below)
    sentence = (
        f"Worse than without a network: {row.name} is {number(row.value or 0.0)}, that of "
        f"{methods} ({row.direction})."
    )
    if others:
        names = ", ".join(one.name for one in others[:_MAX_NAMED])
        more = f" and {len(others) - _MAX_NAMED} more" * (len(others) > _MAX_NAMED)
        sentence += f" Likewise {names}{more}."
    return sentence


def comparability(
    name: str, published: PublishedFigure | PublishedCurve, references: References | None
) -> str:
    """Returns a sentence on whether a run's result may be compared with a published one."""
    own, other = (x.partition("@")[2] for x in (name, published.name))
    if not own and not other:
        return "They compare where data and protocol agree."
    if own == other:
        words = condition(name, references) or f"@{own}"
        return f"Both: {words}. They compare where data and protocol agree as well."
    return "The protocols differ: the two do not compare."
