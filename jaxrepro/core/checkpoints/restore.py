"""The state of a run, or parts of it, read from its workdir for looking at."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
from jax.sharding import Mesh

from jaxrepro.core.checkpoints.best import best_step
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.devices.partition import state_shardings, with_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Task


def restore_state(
    task: Task, seed: int, workdir: Place, step: int | str | None, mesh: Mesh
) -> tuple[int, TrainState, Any]:
    """Returns (step, state, its shardings) of a checkpoint, see `open_checkpoint`.

    Reads only: the run may still be going on. Raises InputError if there is no such checkpoint
    or it is damaged.
    """
    abstract = jax.eval_shape(task.init, jax.random.key(seed))
    shardings = state_shardings(abstract, task.partition(), mesh)
    with open_checkpoint(workdir, step) as (checkpoints, step):
        return step, checkpoints.restore(step, with_shardings(abstract, shardings)), shardings


@contextlib.contextmanager
def open_checkpoint(workdir: Place, step: int | str | None) -> Iterator[tuple[Checkpoints, int]]:
    """Yields (the checkpoints of a run, to be read only, the step to read).

    step: a number, "best" by the run's own rule, or None for the latest. Raises InputError if
    there is none yet.
    """
    with Checkpoints(workdir, read_only=True) as checkpoints:
        if not checkpoints.steps:
            raise InputError(f"no checkpoint in {workdir} yet")
        if step is None:
            step = checkpoints.steps[-1]
        elif isinstance(step, str):
            step = best_step(workdir, checkpoints.steps)
        yield checkpoints, step


def on_first_device(shapes: Any) -> Any:
    """Returns a tree of shapes and dtypes as `Checkpoints.restore_part` takes it: on one device."""
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), shapes)
