"""How a training step becomes a program: shapes, shardings, one compilation."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding

from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import state_shardings, with_shardings
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Scalars, Task
from jaxrepro.core.update.step import gathered_net


def lay_out(task: Task, mesh: Mesh, shapes: Any) -> tuple[Any, dict[str, NamedSharding]]:
    """Returns (the shapes of the state with their shardings, the shardings of a batch).

    shapes: those of task.init(key). Raises InputError if a batch does not divide over the devices.
    """
    specs = task.batch_spec
    mesh_lib.check_batch(mesh, specs)
    batch_shardings = {k: mesh_lib.batch_sharding(mesh, s.batch_axis) for k, s in specs.items()}
    shardings = state_shardings(shapes, task.partition(), mesh)
    return with_shardings(shapes, shardings), batch_shardings


def compile_step(
    task: Task,
    mesh: Mesh,
    abstract_state: Any,
    batch_shardings: Mapping[str, NamedSharding],
    say: Callable[[str], None],
    compiler_options: Mapping[str, Any] | None = None,
) -> jax.stages.Compiled:
    """Returns the compiled update: (state, batch) -> (state, scalars), the state donated.

    say: takes a line with what was compiled in what time.
    """
    batch = {
        name: jax.ShapeDtypeStruct(spec.shape, spec.dtype, sharding=batch_shardings[name])
        for name, spec in task.batch_spec.items()
    }
    shardings = jax.tree.map(lambda x: x.sharding, abstract_state)

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        nets = {name: gathered_net(net) for name, net in state.nets.items()}
        return task.train_step(TrainState(state.step, state.key, nets, state.ema), batch)

    began = time.perf_counter()
    # The mesh is set for what the step lays out itself: see `mesh.split_examples`, `gathered_net`.
    with jax.set_mesh(mesh):
        lowered = jax.jit(
            update,
            in_shardings=(shardings, dict(batch_shardings)),
            out_shardings=(shardings, mesh_lib.replicated(mesh)),
            donate_argnums=0,
            # What is only overwritten gives its memory to the new state too.
            keep_unused=True,
        ).lower(abstract_state, batch)
    compiled = lowered.compile(dict(compiler_options or {}))
    say(
        f"compiled the training step for {mesh.size} x {jax.devices()[0].device_kind} in "
        f"{time.perf_counter() - began:.1f} s"
    )
    return compiled
