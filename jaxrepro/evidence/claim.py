"""Claims as data: what a paper says, the arms that measure it, and the rule that decides."""

import dataclasses
import re
from collections.abc import Mapping

from jaxrepro.core.errors import InputError
from jaxrepro.evidence.rules import Rule

# How we know what was published: read in the paper, quoted by somebody else, or remembered.
QUOTED = ("read", "second hand", "memory")
_NAME = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")

# Where a number stands in JSON: a pointer (RFC 6901; -1 is the last entry of a list) to a number or
# to a list of the seeds' values; or one pointer a seed.
Pointers = str | tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Result:
    """One measured quantity of a claim.

    name: as in a run's `results.json`, or as the arms' pointers call it. title: of its column, the
    name by default. digits: behind the point. better: "more" or "less".
    """

    name: str
    title: str = ""
    digits: int = 2
    unit: str = ""
    better: str = "more"

    @property
    def heading(self) -> str:
        """The title of its column, with the unit."""
        return (self.title or self.name) + (f", {self.unit}" if self.unit else "")


@dataclasses.dataclass(frozen=True)
class Kept:
    """Numbers in a record of another shape that was kept from before.

    file: in the folder of results. values: by the result's name, where its number stands. command:
    a pointer to the command that measured it, "" where the record does not say it.
    """

    file: str
    values: Mapping[str, Pointers]
    command: str = ""


@dataclasses.dataclass(frozen=True)
class Arm:
    """One thing that is measured, at the same budget as the claim's other arms.

    Attributes:
      label: unique in its claim.
      run: a config that is trained, such as "configs/srcnn.py:demo"; the results are the run's.
      verb: or a command that writes JSON to its --output, such as "jaxrepro.papers.srcnn.evaluate".
      flags: of either. {data} in them is the folder that --data names, {runs} that of the claim's
        runs, where another arm's run has the name of its label.
      values: of a verb, where in its JSON each result stands; of a run, what it calls a result that
        has another name here. file: the JSON, where a verb writes a folder; arms of one command
        share what it writes.
      kept: or an older record. folders: or runs that are there, one a seed or one of several.
      published: the published value of a result, by its name.
      seeded: whether chance has a part in it; not, for instance, where published weights are used.
      minutes: what it costs on two CPU cores, for the order of arms.
    """

    label: str
    run: str = ""
    verb: str = ""
    flags: tuple[str, ...] = ()
    values: Mapping[str, Pointers] = dataclasses.field(default_factory=dict)
    file: str = ""
    kept: Kept | None = None
    folders: tuple[str, ...] = ()
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seeded: bool = True
    minutes: float = 0.0

    @property
    def needs_data(self) -> bool:
        """Whether its command reads the folder of data that a user names."""
        return any("{data}" in flag for flag in self.flags)


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim, with all that is needed to measure it and to say what came out.

    Attributes:
      name: "paper/words_of_the_claim".
      says: the claim in one sentence. source: where it stands. quoted: one of QUOTED.
      arms, results: what is measured. rule: when it holds, fixed before the arms run.
      protocol: on what and how it is measured. data: what the arms need, "" for bundled data.
      parity: tests that show the code right where no arm can run here, as pytest names them.
      without: what is lacking for the real measurement. note: what a reader has to know besides.
    """

    name: str
    says: str
    source: str
    arms: tuple[Arm, ...] = ()
    results: tuple[Result, ...] = ()
    rule: Rule | None = None
    quoted: str = "read"
    protocol: str = ""
    data: str = ""
    parity: tuple[str, ...] = ()
    without: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Raises InputError for a claim that contradicts itself; it is named."""
        if not _NAME.fullmatch(self.name):
            raise InputError(f"claim {self.name!r}: a name is like ricap/lower_error")
        labels, names = [arm.label for arm in self.arms], [r.name for r in self.results]
        problems = [
            (len(set(labels)) < len(labels), "two arms have one label"),
            (self.quoted not in QUOTED, f"quoted={self.quoted!r}; allowed: {', '.join(QUOTED)}"),
            (bool(self.arms) != (self.rule is not None), "arms and a rule belong together"),
            (not self.arms and not self.without, "without arms it must say what is lacking"),
        ]
        for arm in self.arms:
            ways = sum(map(bool, (arm.run, arm.verb, arm.folders))) + (arm.kept is not None)
            problems.append((not ways, f"arm {arm.label!r} has no run, verb, record or folders"))
            lost = bool(arm.verb) > bool(arm.values) or (arm.kept is not None and bool(arm.values))
            problems.append((lost, f"arm {arm.label!r}: a verb and values belong together"))
            unknown = [*arm.published, *arm.values, *(arm.kept.values if arm.kept else ())]
            strange = [name for name in unknown if name not in names]
            problems.append((bool(strange), f"arm {arm.label!r} has {strange}, no results of it"))
        for label, name in self.rule.needs() if self.rule else ():
            problems.append((label not in labels, f"the rule is about an arm {label!r}"))
            problems.append((name not in names, f"the rule is about a result {name!r}"))
        for wrong, message in problems:
            if wrong:
                raise InputError(f"claim {self.name}: {message}")

    @property
    def paper(self) -> str:
        """The first part of the name."""
        return self.name.partition("/")[0]

    @property
    def minutes(self) -> float:
        """What all arms cost on two CPU cores; those of one command cost it once."""
        return sum({(arm.run, arm.verb, arm.flags): arm.minutes for arm in self.arms}.values())

    @property
    def can_run(self) -> bool:
        """Whether an arm of it is measured by a command of ours."""
        return any(arm.run or arm.verb for arm in self.arms)

    @property
    def plotted(self) -> tuple[str, ...]:
        """The names of the results that the rule is about."""
        pairs = self.rule.needs() if self.rule else ()
        return tuple(dict.fromkeys(name for _, name in pairs))

    @property
    def with_published(self) -> tuple[str, ...]:
        """The names of the results of which an arm has a published value."""
        names = [result.name for result in self.results]
        return tuple(name for name in names if any(name in arm.published for arm in self.arms))

    def arm(self, label: str) -> Arm:
        """Returns the arm of that label."""
        return next(arm for arm in self.arms if arm.label == label)

    def result(self, name: str) -> Result:
        """Returns the result of that name."""
        return next(result for result in self.results if result.name == name)
