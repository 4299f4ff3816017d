"""The collapse guard: notices that training is breaking, names where, and goes back or stops.

Two signs count. A watched quantity, such as the largest singular value of a layer, jumps above the
median of its last measurements; or an evaluated result becomes far worse than the best so far.
What was seen and done is in `<workdir>/guard.json`.
"""

import dataclasses
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxrepro.core.checkpoints.best import BestRule, Result
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run.workdir import GUARD, METRICS, read_json, write_json
from jaxrepro.core.task import Guard, Image


class Collapse(Exception):  # noqa: N818 - a signal to the loop, not yet an error
    """Training broke; the message says where it began and how it was noticed."""

    def __init__(self, step: int, healthy_step: int, message: str):
        """Keeps the step at which it was noticed, and the last one without a sign of it."""
        super().__init__(message)
        self.step = step
        self.healthy_step = healthy_step


class CollapsedError(RuntimeError):
    """A run that the guard has stopped; the message says what happened and what to do."""


@dataclasses.dataclass(frozen=True)
class Jump:
    """A watched quantity that left the range of its last measurements.

    name: the one that grew by the largest factor at the first step with any. ratio: to the median
    of the measurements before. healthy_step: the last measurement at which nothing had grown by
    more than half of the allowed growth; 0 if there is none.
    """

    step: int
    name: str
    ratio: float
    healthy_step: int


def latest_jump(records: Sequence[Mapping[str, float]], guard: Guard) -> Jump | None:
    """Returns the jump of the last of the measurements {"step": ..., name: value, ...}, or None.

    A value is compared with the median of the `guard.window` measurements before it, once there
    are so many, from step `guard.start` on. Values that are not finite count as infinitely large.
    """
    if not records or records[-1]["step"] < guard.start:
        return None
    growth = _largest_growth(records, len(records) - 1, guard.window)
    if growth is None or growth[1] <= guard.factor:
        return None
    healthy_step = 0
    for index in reversed(range(len(records) - 1)):
        before = _largest_growth(records, index, guard.window)
        if before is not None and before[1] <= _calm(guard):
            healthy_step = int(records[index]["step"])
            break
    return Jump(int(records[-1]["step"]), *growth, healthy_step)


def _calm(guard: Guard) -> float:
    """Returns half of the growth that is allowed: what is above is suspect."""
    return 1 + (guard.factor - 1) / 2


def _largest_growth(
    records: Sequence[Mapping[str, float]], index: int, window: int
) -> tuple[str, float] | None:
    """Returns (name, ratio to the median before) of what grew most, None if that is unknown."""
    before = records[max(index - window, 0) : index]
    ratios = {
        name: _ratio(value, [r[name] for r in before if name in r])
        for name, value in records[index].items()
        if name != "step"
    }
    if len(before) < window or not ratios:
        return None
    return max(ratios.items(), key=lambda item: item[1])


def _ratio(value: float, before: Sequence[float]) -> float:
    median = statistics.median(before) if before else 0.0
    if value != value or value == float("inf"):
        return float("inf")
    return value / median if median > 0 else 1.0


class CollapseMemory:
    """The guard's memory of one run: measurements, the best result, what it has done."""

    def __init__(self, guard: Guard, workdir: Place):
        """Remembers nothing yet: see `recall`."""
        self._guard = guard
        self._workdir = workdir
        judging = bool(guard.metric) and guard.action != "off"
        self.rule = BestRule(guard.metric, "min", "guard.metric") if judging else None
        self._records: list[dict[str, float]] = []
        self._best: Result | None = None
        self._events = _read_events(workdir / GUARD)

    @property
    def num_rollbacks(self) -> int:
        """How often this run went back."""
        return sum(event["kind"] == "rollback" for event in self._events)

    @property
    def best_step(self) -> int | None:
        """The step with the best result of `guard.metric` so far."""
        return self._best.step if self._best else None

    def recall(self, step: int) -> None:
        """Takes up measurements and results up to `step` from `metrics.jsonl`; forgets others."""
        lines = read_json_lines(self._workdir / METRICS)
        lines = [line for line in lines if line["step"] <= step]
        self._records = [r for line in lines if len(r := self._watched(line)) > 1]
        self._best = self.rule.best(lines) if self.rule else None

    def observe(self, step: int, numbers: Mapping[str, float]) -> None:
        """Takes measurements of `step`; raises Collapse if a watched one jumped."""
        record = self._watched({"step": step, **numbers})
        if self._guard.action == "off" or len(record) == 1:
            return
        self._records.append(record)
        if jump := latest_jump(self._records[-(3 * self._guard.window) :], self._guard):
            raise Collapse(
                jump.step,
                jump.healthy_step,
                f"collapse at step {jump.step}, first in {jump.name}: it is {jump.ratio:.2f} times "
                f"the median of the {self._guard.window} measurements before "
                f"(allowed: {self._guard.factor:g} times)",
            )

    def judge(self, step: int, results: Mapping[str, float | Image]) -> bool:
        """Returns whether the result of `guard.metric` is the best so far, and remembers it.

        Raises Collapse if it is more than `guard.worse` times the best, and InputError if the
        evaluator that was to give it does not.
        """
        if self.rule is None:
            return False
        found = self.rule.expect(step, results)
        best = self.rule.better(self._best, found)
        if best is found:
            self._best = found
            self._save()
            return True
        worse = self._guard.worse
        if worse and best is not None and not found.value <= worse * best.value:
            raise Collapse(
                step,
                best.step,
                f"collapse at step {step}: {found.name} is {found.value:.4g}, more than {worse:g} "
                f"times the best, {best.value:.4g} at step {best.step}; {self._first_growth()}",
            )
        return False

    def report(self, step: int, kind: str, message: str) -> None:
        """Adds an event to `guard.json`."""
        self._events.append({"step": step, "kind": kind, "message": message})
        self._save()

    def _first_growth(self) -> str:
        """Returns which watched quantity grew suspiciously first since the best step, and when."""
        since = [r for r in self._records if self._best and r["step"] >= self._best.step]
        if len(since) < 2:
            return "nothing else was measured since"
        for record in since[1:]:
            ratios = {
                k: _ratio(v, [since[0][k]])
                for k, v in record.items()
                if k in since[0] and k != "step"
            }
            name = max(ratios, key=lambda k: ratios[k])
            if ratios[name] > _calm(self._guard):
                break
        return (
            f"of the watched quantities {name} grew first since: {ratios[name]:.2f} times by "
            f"step {int(record['step'])}"
        )

    def _watched(self, line: Mapping[str, float]) -> dict[str, float]:
        kept = {k: v for k, v in line.items() if re.search(self._guard.watched, k)}
        return {"step": line["step"], **kept}

    def _save(self) -> None:
        if jax.process_index() == 0:
            best = None if self._best is None else dataclasses.asdict(self._best)
            write_json(self._workdir / GUARD, {"best": best, "events": self._events})


def _read_events(path: Place) -> list[dict[str, Any]]:
    if not exists(path):
        return []
    events = read_json(path).get("events")
    if not isinstance(events, list) or not all(
        isinstance(event, dict) and "kind" in event for event in events
    ):
        raise InputError(
            f'{path} is damaged: no list "events" of what the guard did; delete it, and the guard '
            "counts its rollbacks from 0"
        )
    return events
