"""Runs evaluators over a state: sharded, jitted, reduced on the host in float64."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding

from jaxrepro.core.checkpoints.best import best_step
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import on_whole_state, state_shardings, with_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.random import evaluation_key
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Evaluator, Image, Task, UsesVariables


class Evaluation:
    """The evaluators of a task, compiled once, ready to run on any state of the run."""

    def __init__(self, evaluators: Mapping[str, Evaluator], mesh: Mesh, state_shardings: Any):
        self._evaluators = evaluators
        self._mesh = mesh
        self._rows = mesh_lib.batch_sharding(mesh)
        replicated = mesh_lib.replicated(mesh)
        # Arguments of a step after (state, batch, key): none, or the evaluator's own variables.
        self._variables = {
            name: (_everywhere(evaluator.load_variables(), replicated),)
            if isinstance(evaluator, UsesVariables)
            else ()
            for name, evaluator in evaluators.items()
        }
        self._steps = {
            name: jax.jit(
                on_whole_state(evaluator.step, mesh),
                in_shardings=(
                    *(state_shardings, self._rows, replicated),
                    *(replicated for _ in self._variables[name]),
                ),
                out_shardings=self._rows,
            )
            for name, evaluator in evaluators.items()
        }

    def due(self, step: int, total_steps: int) -> list[str]:
        """Returns the names of the evaluators that are due after `step`."""
        return [k for k, e in self._evaluators.items() if e.every.due(step, total_steps)]

    def missing(self, step: int, total_steps: int, known: Collection[str]) -> list[str]:
        """Returns the names of the evaluators due after `step` that are not among the `known`.

        known: names of the numbers that were measured at `step`. An evaluator that makes pictures
        alone has none and is always named. All processes must call it together; what the first
        one knows counts.
        """
        due = self.due(step, total_steps)
        wanted = [not any(key.startswith(f"{name}/") for key in known) for name in due]
        if due and jax.process_count() > 1:
            wanted = multihost_utils.broadcast_one_to_all(np.asarray(wanted))
        return [name for name, is_wanted in zip(due, wanted) if is_wanted]

    def run(
        self, names: list[str], state: TrainState, between_batches: Callable[[], None] | None = None
    ) -> dict[str, float | Image]:
        """Returns the results of the named evaluators as "evaluator/result".

        between_batches: called before each batch; what it raises ends the evaluation.

        All processes must call it together; all get the same results. The key does not depend on
        the step, so that curves and sheets over a run are comparable.
        """
        results: dict[str, float | Image] = {}
        for name in names:
            key = evaluation_key(state.key, name)
            for result, value in self._run_one(name, state, key, between_batches).items():
                results[f"{name}/{result}"] = value
        return results

    def _run_one(
        self,
        name: str,
        state: TrainState,
        key: jax.Array,
        between_batches: Callable[[], None] | None,
    ) -> Mapping[str, Any]:
        evaluator = self._evaluators[name]
        acc = evaluator.init()
        for rows in evaluator.data(jax.process_index(), jax.process_count()):
            if between_batches is not None:
                between_batches()
            # No more examples in a batch: its first may decide what is drawn for all of it.
            rows = mesh_lib.padded(rows, self._mesh)
            batch = mesh_lib.put_batch(rows, dict.fromkeys(rows, self._rows))
            out = self._steps[name](state, batch, key, *self._variables[name])
            out, mask = _gather((out, batch["mask"]))
            acc = evaluator.merge(acc, {k: v[mask] for k, v in out.items()})
        return evaluator.finish(acc)


def _everywhere(tree: Any, replicated: NamedSharding) -> Any:
    return mesh_lib.lay_over(tree, jax.tree.map(lambda _: replicated, tree))


def _gather(tree: Any) -> Any:
    """Returns the global rows on every process, as numpy."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    return jax.tree.map(np.asarray, multihost_utils.process_allgather(tree, tiled=True))


def evaluate_workdir(
    task: Task, seed: int, workdir: Place, steps: str = "latest", fsdp: int = 1
) -> Iterator[tuple[int, dict[str, float | Image]]]:
    """Yields (step, results) of all evaluators on checkpoints, compiled once for all of them.

    steps: "latest", "best", "all", or numbers such as "500,1000". fsdp: over how many devices large
    leaves of the state are split, that of the run; where it does not divide the devices here, each
    keeps the whole state, which is printed. Reads only: the run may still be going on. Raises
    InputError if there is no such checkpoint, it is damaged, or it is not of the task's networks.
    """
    if jax.device_count() % fsdp:
        print(
            f"mesh.fsdp={fsdp} of the run does not divide the number of devices here, "
            f"{jax.device_count()}: each keeps the whole state"
        )
        fsdp = 1
    mesh = mesh_lib.make_mesh(fsdp)
    abstract = jax.eval_shape(task.init, jax.random.key(seed))
    shardings = state_shardings(abstract, task.partition(), mesh)
    with Checkpoints(workdir, read_only=True) as checkpoints:
        if not checkpoints.steps:
            raise InputError(f"no checkpoint in {workdir} yet")
        best = [best_step(workdir, checkpoints.steps)] if steps == "best" else None
        chosen = best or _chosen_steps(steps, checkpoints.steps)
        for step in chosen:
            checkpoints.check_shapes(step, abstract)
        evaluators = task.evaluators()
        evaluation = Evaluation(evaluators, mesh, shardings)
        for step in chosen:
            state = checkpoints.restore(step, with_shardings(abstract, shardings))
            yield step, evaluation.run(list(evaluators), state)


def _chosen_steps(steps: str, saved: list[int]) -> list[int]:
    if steps == "latest":
        return saved[-1:]
    if steps == "all":
        return saved
    try:
        return [int(word) for word in steps.split(",")]
    except ValueError as error:
        raise InputError(
            f"steps {steps!r} given; allowed are latest, best, all, or numbers such as 500,1000"
        ) from error
