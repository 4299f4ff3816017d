"""What the loop watches: it keeps the best checkpoint, measures a monitored state, goes back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from jaxrepro.core.checkpoints.best import BestRule, Result
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import on_whole_state
from jaxrepro.core.files.places import Place
from jaxrepro.core.guard.collapse import Collapse, CollapsedError, CollapseMemory
from jaxrepro.core.random import named_key
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run.workdir import METRICS
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Image, IsMonitored, Scalars, Task


class Watch:
    """The best checkpoint by the run's rule, and for a Task that has them its monitor and guard.

    The checkpoints that the rule and the guard hold to be the best are both protected.
    """

    def __init__(
        self,
        task: Task,
        key: jax.Array,
        workdir: Place,
        checkpoints: Checkpoints,
        mesh: Mesh,
        shardings: Any,
        evaluators: Collection[str],
        rule: BestRule | None,
    ):
        """Takes up what `guard.json` remembers.

        key: the root key of the run; shardings: of the state; evaluators: names of the task's;
        rule: of the best checkpoint.
        Raises InputError if the guard or the rule go by what no evaluator measures.
        """
        self._rule, self._best = rule, None
        rules = [rule]
        self._monitor = task.monitor() if isinstance(task, IsMonitored) else None
        self._workdir, self._checkpoints = workdir, checkpoints
        self._key, self._shardings = key, shardings
        if self._monitor:
            self._memory = CollapseMemory(self._monitor.guard, workdir)
            rules.append(self._memory.rule)
            self._measure = jax.jit(
                on_whole_state(self._monitor.measure, mesh),
                in_shardings=(shardings,),
                out_shardings=mesh_lib.replicated(mesh),
            )

        self._rules = [one for one in rules if one is not None]
        for one in self._rules:
            one.check_evaluators(evaluators)

    def recall(self, step: int) -> None:
        """Prepares to go on after `step`: what was measured later is forgotten."""
        if self._rule:
            lines = read_json_lines(self._workdir / METRICS)
            saved = {other for other in self._checkpoints.steps if other <= step}
            self._best = self._rule.best(line for line in lines if line["step"] in saved)
            self._checkpoints.protect("best", self._best.step if self._best else None)
        if self._monitor:
            self._memory.recall(step)
            self._checkpoints.protect("guard", self._memory.best_step)

    def due(self, step: int, total_steps: int) -> bool:
        """Returns whether the state is measured after `step`."""
        return self._monitor is not None and self._monitor.every.due(step, total_steps)

    def measure(self, step: int, total_steps: int, state: TrainState) -> Scalars:
        """Returns the scalars of the state after `step`, {} where none are due; does not wait."""
        return self._measure(state) if self.due(step, total_steps) else {}

    def observe(self, step: int, numbers: Mapping[str, float]) -> None:
        """Shows the guard what was logged for `step`; raises Collapse if it sees one."""
        if self._monitor:
            self._memory.observe(step, numbers)

    def judges(self, names: Sequence[str]) -> bool:
        """Returns whether one of these evaluations decides about the best checkpoint."""
        return any(rule.evaluator in names for rule in self._rules)

    def judge(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Keeps the checkpoint of `step` if its results are the best so far.

        Raises Collapse if they are far worse than the guard's best, and InputError if they lack
        what decides.
        """
        names = {name.partition("/")[0] for name in results}
        if self._rule and self._rule.evaluator in names:
            found = self._rule.expect(step, results)
            self._best = self._rule.better(self._best, found)
            if self._best is found:
                self._checkpoints.protect("best", step)
        rule = self._memory.rule if self._monitor else None
        if rule and rule.evaluator in names and self._memory.judge(step, results):
            self._checkpoints.protect("guard", step)

    def best_after(self, step: int, results: Mapping[str, float | Image]) -> Result | None:
        """Returns the best result by the run's rule once `step`, the last, was measured as well."""
        if self._rule:
            self._best = self._rule.better(self._best, self._rule.expect(step, results))
        return self._best

    @property
    def rolls_back(self) -> bool:
        """Whether a collapse is answered by going back."""
        return self._monitor is not None and self._monitor.guard.action == "rollback"

    def answer(self, collapse: Collapse) -> int:
        """Returns the step to go on from, whose checkpoint is then the latest.

        It is the one with the best result, or without results the last that the guard knows to be
        healthy. Raises CollapsedError if the guard is to stop, has gone back often enough, or no
        checkpoint was kept from before.
        """
        assert self._monitor is not None
        guard, memory = self._monitor.guard, self._memory
        target = self._target(collapse)
        memory.report(collapse.step, "collapse", str(collapse))
        if target is None:
            raise CollapsedError(
                f"{collapse}; no checkpoint from before is kept: start again with a smaller "
                "checkpoint.every or lower learning rates"
            )
        advice = (
            f"the best checkpoint before is that of step {target}: continue from it with "
            f"--resume={target}, or go on with --config.guard.action=off"
        )
        if guard.action != "rollback":
            raise CollapsedError(f"{collapse}; {advice}")
        if memory.num_rollbacks >= guard.max_rollbacks:
            raise CollapsedError(
                f"{collapse}; the run went back {memory.num_rollbacks} times already "
                f"(guard.max_rollbacks); {advice}"
            )
        self._checkpoints.wait()
        self._checkpoints.set_aside_after(target)
        memory.report(
            collapse.step, "rollback", f"continued from step {target} with other random numbers"
        )
        return target

    def _target(self, collapse: Collapse) -> int | None:
        saved = [step for step in self._checkpoints.steps if step < collapse.step]
        best = self._memory.best_step
        if best in saved:
            return best
        healthy = [step for step in saved if step <= collapse.healthy_step]
        return max(healthy) if healthy else min(saved, default=None)

    def reseeded(self, state: TrainState) -> TrainState:
        """Returns `state` with the random numbers of this attempt: the same until a rollback."""
        if not self._monitor or not (times := self._memory.num_rollbacks):
            return state
        key = named_key(self._key, f"rollback/{times}")
        key = mesh_lib.lay_over(key, self._shardings.key)
        return TrainState(state.step, key, state.nets, state.ema)
