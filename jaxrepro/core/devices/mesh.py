"""Device meshes and batches on them. The only place that builds a mesh."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxrepro.core.errors import InputError
from jaxrepro.core.task import BatchSpec, HostBatch

# Axes along which a batch is split. Parameters may be split along "fsdp" too.
BATCH_AXES = ("data", "fsdp")


def make_mesh(fsdp: int = 1, devices: Sequence[Any] | None = None) -> Mesh:
    """Returns a mesh of all devices with axes ("data", "fsdp").

    The axes are Auto: with the Explicit axes that `jax.make_mesh` makes by default, a Dense
    layer whose kernel is split along the batch's axis fails to type-check.

    fsdp: size of the "fsdp" axis; 1 replicates parameters (plain data parallelism).
    devices: all devices of all processes when None. Those of a process stand
    side by side, in the order of the processes, so that row i of a batch is the same example
    however many there are.
    Raises InputError if `fsdp` does not divide the number of devices.
    """
    if devices is None:
        devices = jax.devices()
    if fsdp < 1 or len(devices) % fsdp:
        raise InputError(
            f"mesh.fsdp={fsdp} does not divide the {len(devices)} devices; "
            f"choose one of {[n for n in range(1, len(devices) + 1) if len(devices) % n == 0]}"
        )
    # Not jax.make_mesh, which follows the wiring of a TPU: its order may mix the processes.
    grid = np.array(in_process_order(devices)).reshape(-1, fsdp)
    return Mesh(grid, BATCH_AXES, axis_types=(AxisType.Auto, AxisType.Auto))


def in_process_order(devices: Sequence[Any]) -> list[Any]:
    """Returns `devices` by process, those of a process in the order in which they are given."""
    return sorted(devices, key=lambda device: device.process_index)


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding that keeps a whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, batch_axis: int = 0) -> NamedSharding:
    """Returns the sharding that splits axis `batch_axis` over all devices."""
    return NamedSharding(mesh, PartitionSpec(*[None] * batch_axis, BATCH_AXES))


def split_examples(tree: Any, batch_axis: int = 0) -> Any:
    """Returns `tree` with axis `batch_axis` of its arrays split over all devices, as a batch's is.

    For what a training step draws by itself: nothing else tells the compiler to split it, and what
    depends on no batch would be computed whole by every device. Values do not change. Where no mesh
    is set, as in a step compiled for one device, it does nothing.
    """
    if jax.sharding.get_abstract_mesh().empty:
        return tree
    spec = PartitionSpec(*[None] * batch_axis, BATCH_AXES)
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, spec), tree)


def num_example_parts() -> int:
    """Returns over how many devices a step's examples are split; 1 where no mesh is set."""
    mesh = jax.sharding.get_abstract_mesh()
    return 1 if mesh.empty else mesh.size


def check_batch(mesh: Mesh, specs: Mapping[str, BatchSpec]) -> None:
    """Raises InputError where a batch axis does not divide evenly over the devices."""
    for name, spec in specs.items():
        if (size := spec.shape[spec.batch_axis]) % mesh.size:
            raise InputError(
                f"a microbatch of {size} examples ({name}) does not divide over {mesh.size} "
                f"devices; choose train.batch_size and train.microbatches so that their quotient "
                f"is a multiple of {mesh.size}, such as {math.ceil(size / mesh.size) * mesh.size}"
            )


def lay_over(tree: Any, shardings: Any) -> Any:
    """Returns `tree`, which every process has whole and equal, as global arrays.

    shardings: a tree of the same structure.
    """
    if jax.process_count() == 1:
        return jax.device_put(tree, shardings)
    return jax.tree.map(_lay_over, tree, shardings)


def _lay_over(x: jax.typing.ArrayLike, sharding: NamedSharding) -> jax.Array:
    if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        data = _lay_over(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
    rows = np.asarray(x)
    return jax.make_array_from_callback(rows.shape, sharding, lambda index: rows[index])


def put_batch(batch: HostBatch, shardings: Mapping[str, NamedSharding]) -> dict[str, jax.Array]:
    """Returns global arrays made of every process's rows.

    batch: this process's rows; shardings: of the same names, as `batch_sharding` makes them.
    """
    return {
        name: jax.make_array_from_process_local_data(shardings[name], np.asarray(rows))
        for name, rows in batch.items()
    }


def padded(batch: HostBatch, mesh: Mesh) -> dict[str, np.ndarray]:
    """Returns this process's rows with as many more as it takes to divide over its devices.

    batch: rows [B_local, ...] that are looked at one by one, and "mask" bool [B_local]. Those that
    are added repeat the last and have mask False. All processes have equally many devices.
    """
    missing = -len(batch["mask"]) % len(mesh.local_devices)
    if not missing:
        return dict(batch)
    rows = {name: np.concatenate([x, np.repeat(x[-1:], missing, 0)]) for name, x in batch.items()}
    return rows | {"mask": np.concatenate([batch["mask"], np.zeros(missing, bool)])}
