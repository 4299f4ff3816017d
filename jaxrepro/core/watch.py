"""What the loop does about a Task's monitor: measures, listens to the guard, goes back."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from jaxrepro.core import mesh as mesh_lib
from jaxrepro.core.checkpoint import Checkpoints
from jaxrepro.core.collapse import Collapse, CollapsedError, CollapseMemory
from jaxrepro.core.random import named_key
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Image, IsMonitored, Scalars, Task


class Watch:
    """The monitor and the guard of one run; does nothing for a Task without a monitor."""

    def __init__(
        self,
        task: Task,
        key: jax.Array,
        workdir: pathlib.Path,
        checkpoints: Checkpoints,
        mesh: Mesh,
        shardings: Any,
    ):
        """Takes up what `guard.json` remembers.

        key: the root key of the run; shardings: of the state.
        """
        self._monitor = task.monitor() if isinstance(task, IsMonitored) else None
        self._workdir, self._checkpoints = workdir, checkpoints
        self._key, self._shardings = key, shardings
        if self._monitor:
            self._memory = CollapseMemory(self._monitor.guard, workdir)
            self._checkpoints.protect(self._memory.best_step)
            self._measure = jax.jit(
                self._monitor.measure,
                in_shardings=(shardings,),
                out_shardings=mesh_lib.replicated(mesh),
            )

    def recall(self, step: int) -> None:
        """Prepares to go on after `step`: what was measured later is forgotten."""
        if self._monitor:
            self._memory.recall(step)

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
        return self._monitor is not None and self._memory.judges(names)

    def judge(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Shows the guard results of `step`; keeps the checkpoint if they are the best so far.

        Raises Collapse if they are far worse than the best.
        """
        if self._monitor and self._memory.judge(step, results):
            self._checkpoints.protect(step)

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
