"""What a training step needs in memory, from XLA's analysis of the compiled program."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxrepro.core.analysis.flops import OperationCount, count_operations
from jaxrepro.core.devices import platform
from jaxrepro.core.devices.mesh import make_mesh
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import Task
from jaxrepro.core.update.compilation import compile_step, lay_out

_UNITS = {"": 1, "b": 1}
_UNITS |= {f"{prefix}b": 1000**i for i, prefix in enumerate("kmgt", start=1)}
_UNITS |= {f"{prefix}ib": 1024**i for i, prefix in enumerate("kmgt", start=1)}
# XLA:CPU drops the barriers between a block and its second computation before it plans memory,
# and then plans for both at once. Accelerators keep them; a program that is not run may as well.
_KEEP_BARRIERS = {"xla_disable_hlo_passes": "cse_barrier_expander"}


# More than any device has; beyond it a number is a slip, and floats end in infinity.
_MOST_BYTES = 2**50


def parse_bytes(text: str) -> int:
    """Returns the bytes that "16GB" (10^9 each), "16GiB" (2^30 each) or "80e9" names.

    Raises InputError for anything else, for nothing or less and for more than 2^50 bytes.
    """
    match = re.fullmatch(r"\s*(\d+\.?\d*(?:e\d+)?)\s*([a-z]*)\s*", text, re.IGNORECASE)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or not 1 <= float(match[1]) * unit <= _MOST_BYTES:
        raise InputError(
            f"memory {text!r} is not understood; write 16GB (16e9 bytes), 16GiB (16 x 2^30 bytes), "
            "80e9, or another number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB"
        )
    return int(float(match[1]) * unit)


@dataclasses.dataclass(frozen=True)
class StepMemory:
    """Bytes on one device while a compiled step runs, as XLA assigned them.

    arguments: the state and the batch; outputs: the new state and what is logged; aliased: of the
    outputs, what takes the arguments' place; temporaries: activations, gradients and the rest;
    code: the program.
    """

    arguments: int
    outputs: int
    aliased: int
    temporaries: int
    code: int

    @property
    def total(self) -> int:
        """All of them together."""
        return self.arguments + self.outputs - self.aliased + self.temporaries + self.code


@dataclasses.dataclass(frozen=True)
class StepLayout:
    """What a step is analysed for.

    num_devices: how many; fsdp: over how many of them large leaves are split; seed: of the run.
    """

    num_devices: int
    fsdp: int
    seed: int

    def mesh(self) -> Any:
        """Returns the mesh; InputError if there are not that many devices."""
        if self.num_devices > jax.device_count():
            raise InputError(
                f"{self.num_devices} devices asked for and {jax.device_count()} are here; plan for "
                "at most these, or on the CPU, with JAX_PLATFORMS=cpu, for any number"
            )
        return make_mesh(self.fsdp, jax.devices()[: self.num_devices])


def compile_for_analysis(
    task: Task,
    layout: StepLayout,
    say: Callable[[str], None],
    options: Mapping[str, Any] | None = None,
) -> jax.stages.Compiled:
    """Returns the task's compiled training step, to be read and not run.

    The program has the form that accelerators run, loops and all, on CPU too. The task must not
    have been traced otherwise before. options: further ones of the compiler.
    """
    mesh = layout.mesh()
    with platform.traced_for_accelerators():
        state, batch_shardings = lay_out(task, mesh, _shapes(task, layout))
        kept = _KEEP_BARRIERS if jax.default_backend() == "cpu" else {}
        return compile_step(task, mesh, state, batch_shardings, say, {**kept, **(options or {})})


def _shapes(task: Task, layout: StepLayout) -> Any:
    return jax.eval_shape(task.init, jax.random.key(layout.seed))


def step_memory(task: Task, layout: StepLayout, say: Callable[[str], None]) -> StepMemory:
    """Returns the memory of the task's training step, of `compile_for_analysis`."""
    return memory_of(compile_for_analysis(task, layout, say))


def memory_of(compiled: jax.stages.Compiled) -> StepMemory:
    """Returns what XLA says of the memory of a compiled step."""
    analysis: Any = compiled.memory_analysis()
    if analysis is None:
        raise InputError(f"XLA has no memory analysis for {jax.default_backend()}")
    return StepMemory(
        arguments=analysis.argument_size_in_bytes,
        outputs=analysis.output_size_in_bytes,
        aliased=analysis.alias_size_in_bytes,
        temporaries=analysis.temp_size_in_bytes,
        code=analysis.generated_code_size_in_bytes,
    )


def step_operations(task: Task) -> OperationCount:
    """Returns the operations of the training step over all devices, as accelerators run it."""
    with platform.traced_for_accelerators():
        state = jax.eval_shape(task.init, jax.random.key(0))
        batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
        return count_operations(task.train_step, state, batch)


def state_bytes(task: Task, layout: StepLayout) -> dict[str, int]:
    """Returns what the parts of the state take on one device: parameters, statistics, optimiser
    state and moving averages, of all networks together."""
    state, _ = lay_out(task, layout.mesh(), _shapes(task, layout))
    totals = {"params": 0, "stats": 0, "opt_state": 0, "ema": 0}
    for path, leaf in jax.tree_util.tree_leaves_with_path((state.nets, state.ema)):
        words = leaf_path(path).split("/")
        part = words[2] if words[0] == "0" else "ema"
        shape = leaf.sharding.shard_shape(leaf.shape)
        totals[part] += math.prod(shape) * leaf.dtype.itemsize
    return totals
