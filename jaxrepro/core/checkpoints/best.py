"""The best checkpoint of a run: by a result of its evaluations, as `metrics.jsonl` has it.

Nothing else remembers it, so that a run which is continued, or goes back, and a command that reads
the workdir all come to the same one.
"""

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run.workdir import CONFIG, METRICS, read_json
from jaxrepro.core.task import Image


@dataclasses.dataclass(frozen=True)
class Result:
    """A result `name` = `value` of the state after `step` updates."""

    step: int
    name: str
    value: float


@dataclasses.dataclass(frozen=True)
class BestRule:
    """What makes a state the best.

    metric: the name of a result, such as "validation/psnr"; what follows "@" in it may be left
    out. mode: "max" or "min". key: of the config, for messages.
    """

    metric: str
    mode: str
    key: str = "checkpoint.best_metric"

    @classmethod
    def from_settings(cls, checkpoint: Settings) -> "BestRule | None":
        """Returns the rule of best_metric and best_mode, None where there is none."""
        # Runs of earlier versions have neither.
        if "best_metric" not in list(checkpoint):
            return None
        mode = checkpoint.one_of("best_mode", ("max", "min"))
        return cls(checkpoint.best_metric, mode) if checkpoint.best_metric else None

    @property
    def evaluator(self) -> str:
        """The name of the evaluator whose result it is."""
        return self.metric.partition("/")[0]

    def check_evaluators(self, names: Collection[str]) -> None:
        """Raises InputError if no evaluator of these names has the metric."""
        if self.evaluator not in names:
            raise InputError(
                f"{self.key}={self.metric!r}: the run has no evaluation {self.evaluator!r}; the "
                f"metric is one of {', '.join(f'{name}/...' for name in sorted(names)) or 'none'}"
            )

    def result(self, step: int, results: Mapping[str, Any]) -> Result | None:
        """Returns the metric among results, None if it is not there."""
        for name, value in results.items():
            if self.metric in (name, name.partition("@")[0]) and not isinstance(value, Image):
                return Result(step, name, float(value))
        return None

    def expect(self, step: int, results: Mapping[str, Any]) -> Result:
        """Returns the metric among all results of its evaluator; InputError if it is not there."""
        found = self.result(step, results)
        if found is None:
            numbers = sorted(
                name
                for name, value in results.items()
                if name.partition("/")[0] == self.evaluator and not isinstance(value, Image)
            )
            raise InputError(
                f"{self.key}={self.metric!r} is no result of this run; there are "
                f"{', '.join(numbers) or 'none'}; correct it and give the same command again"
            )
        return found

    def better(self, one: Result | None, other: Result) -> Result | None:
        """Returns the better of two, `one` if they are equal; one that is not finite never is."""
        if not math.isfinite(other.value):
            return one
        if one is None:
            return other
        is_better = other.value > one.value if self.mode == "max" else other.value < one.value
        return other if is_better else one

    def best(self, records: Iterable[Mapping[str, Any]]) -> Result | None:
        """Returns the best of the records {"step": ..., name: value, ...}, None without any."""
        best = None
        for record in records:
            if (found := self.result(record["step"], record)) is not None:
                best = self.better(best, found)
        return best


def best_step(workdir: Place, steps: Collection[int]) -> int:
    """Returns which of the checkpoints `steps` of a run is the best by its own rule.

    Raises InputError if the run has no rule or has not measured any of them.
    """
    checkpoint = read_json(workdir / CONFIG).get("checkpoint")
    rule = BestRule.from_settings(Settings(checkpoint if isinstance(checkpoint, dict) else {}))
    there = ", ".join(map(str, sorted(steps))) or "none"
    if rule is None:
        raise InputError(
            f"{workdir} has no best checkpoint: it was trained without checkpoint.best_metric; "
            f"name one of the steps {there}"
        )
    records = [line for line in read_json_lines(workdir / METRICS) if line["step"] in steps]
    best = rule.best(records)
    if best is None:
        raise InputError(
            f"{workdir} has no best checkpoint yet: {rule.metric} was not measured at any of the "
            f"steps {there}; name one of them"
        )
    return best.step
