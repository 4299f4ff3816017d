"""Runs evaluators over a state: sharded, jitted, reduced on the host in float64."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from jaxrepro.core import mesh as mesh_lib
from jaxrepro.core.random import named_key
from jaxrepro.core.restore import restore_state
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Evaluator, Image, Task


class Evaluation:
    """The evaluators of a task, compiled once, ready to run on any state of the run."""

    def __init__(self, evaluators: Mapping[str, Evaluator], mesh: Mesh, state_shardings: Any):
        self._evaluators = evaluators
        self._rows = mesh_lib.batch_sharding(mesh)
        self._steps = {
            name: jax.jit(
                evaluator.step,
                in_shardings=(state_shardings, self._rows, mesh_lib.replicated(mesh)),
                out_shardings=self._rows,
            )
            for name, evaluator in evaluators.items()
        }

    def due(self, step: int, total_steps: int) -> list[str]:
        """Returns the names of the evaluators that are due after `step`."""
        return [k for k, e in self._evaluators.items() if e.every.due(step, total_steps)]

    def run(self, names: list[str], state: TrainState) -> dict[str, float | Image]:
        """Returns the results of the named evaluators as "evaluator/result".

        All processes must call it together; all get the same results. The key does not depend on
        the step, so that curves and sheets over a run are comparable.
        """
        results: dict[str, float | Image] = {}
        for name in names:
            key = named_key(state.key, f"eval/{name}")
            for result, value in self._run_one(name, state, key).items():
                results[f"{name}/{result}"] = value
        return results

    def _run_one(self, name: str, state: TrainState, key: jax.Array) -> Mapping[str, Any]:
        evaluator = self._evaluators[name]
        acc = evaluator.init()
        for rows in evaluator.data(jax.process_index(), jax.process_count()):
            batch = mesh_lib.put_batch(rows, dict.fromkeys(rows, self._rows))
            out = self._steps[name](state, batch, key)
            out, mask = _gather((out, batch["mask"]))
            acc = evaluator.merge(acc, {k: v[mask] for k, v in out.items()})
        return evaluator.finish(acc)


def _gather(tree: Any) -> Any:
    """Returns the global rows on every process, as numpy."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    return jax.tree.map(np.asarray, multihost_utils.process_allgather(tree, tiled=True))


def evaluate_workdir(
    task: Task, seed: int, workdir: pathlib.Path, step: int | None = None
) -> tuple[int, dict[str, float | Image]]:
    """Returns (step, results) of all evaluators on a checkpoint, the latest by default.

    Reads only: the run may still be going on. Raises InputError if there is no such checkpoint
    or it is damaged.
    """
    mesh = mesh_lib.make_mesh()
    step, state, shardings = restore_state(task, seed, workdir, step, mesh)
    evaluators = task.evaluators()
    return step, Evaluation(evaluators, mesh, shardings).run(list(evaluators), state)
