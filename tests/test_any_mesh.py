"""Updates of every kind of state on one device, and with batch and state split over eight."""

import itertools
import pathlib

import jax
import numpy as np
import pytest
from orbax.checkpoint import type_handlers

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.update.compilation import compile_step, lay_out
from jaxrepro.papers import make_task
from tests.contracts import on_meshes
from tests.differences import largest_difference, relative_difference
from tests.runs import leaves_of
from tests.test_task_contract import check_after_two_updates, load

CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"
# A config for each kind of state, from the papers. With rules that are gradient descent, whose
# state holds the gradient itself: Adam divides it by its size, so that rounding becomes whole
# steps. With an epsilon of 1 it hardly does.
CASES = on_meshes()
# Largest relative differences of leaves, see `largest_difference`, and of losses. Found: less than
# 2e-4 and 2e-6.
LEAVES, SCALARS = 1e-3, 1e-4


def make(name):
    config = load(CONFIGS / f"{name}.py", "test")
    config.update_from_flattened_dict({**CASES[name], "mesh.fsdp_min_mb": 0.0})
    return make_task(Settings(config))


class OnMesh:
    """A task laid over a mesh, as the loop does it."""

    def __init__(self, task, mesh):
        self.abstract, self._rows = lay_out(
            task, mesh, jax.eval_shape(task.init, jax.random.key(0))
        )
        self._update = compile_step(task, mesh, self.abstract, self._rows, print)

    def lay_over(self, state):
        return mesh_lib.lay_over(state, jax.tree.map(lambda x: x.sharding, self.abstract))

    def advance(self, state, batch):
        """Returns (the next state, its leaves, the scalars)."""
        state, scalars = self._update(state, mesh_lib.put_batch(batch, self._rows))
        return state, leaves_of(state), {k: float(v) for k, v in scalars.items()}


def in_parts(state):
    """Returns the paths of leaves that no device has whole."""
    flat = jax.tree_util.tree_leaves_with_path(state)
    return {leaf_path(p) for p, x in flat if x.sharding.shard_shape(x.shape) != x.shape}


def first_batches(task, process=0, num_processes=1):
    data = task.train_data(0, process, num_processes)
    batches = list(itertools.islice(data, 2))
    data.close()
    return batches


@pytest.fixture
def in_slices(whole_parts):
    """Checkpoints are saved as runs save them."""
    whole = type_handlers.get_type_handler(jax.Array)
    type_handlers.register_type_handler(jax.Array, whole_parts, override=True)
    yield
    type_handlers.register_type_handler(jax.Array, whole, override=True)


@pytest.mark.parametrize("name", CASES)
def test_an_update_is_the_same_on_one_device_and_in_parts_on_eight(name, tmp_path, request):
    # One is enough, as every slice is a program.
    if name == max(CASES):
        request.getfixturevalue("in_slices")
    task = make(name)
    batches = first_batches(task)
    init = jax.jit(task.init)
    one = OnMesh(task, mesh_lib.make_mesh(devices=jax.devices()[:1]))
    eight = OnMesh(task, mesh_lib.make_mesh(fsdp=4))

    state = one.lay_over(init(jax.random.key(0)))
    start = leaves_of(state)
    expected = []
    for batch in batches:
        state, *found = one.advance(state, batch)
        expected.append(found)
    check_after_two_updates(start, *expected[-1])

    state = eight.lay_over(init(jax.random.key(0)))
    check_parts(state)
    state, *first = eight.advance(state, batches[0])
    check_parts(state)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state, wait=True)
        _, *second = eight.advance(state, batches[1])
        moved = checkpoints.restore(1, one.abstract)
    for path, leaf in leaves_of(moved).items():
        np.testing.assert_array_equal(leaf, first[0][path], err_msg=path)
    _, *continued = one.advance(moved, batches[1])
    for (leaves, scalars), wanted in ((first, 0), (second, 1), (continued, 1)):
        difference, path = largest_difference(leaves, expected[wanted][0])
        assert difference < LEAVES, path
        for key, value in expected[wanted][1].items():
            assert relative_difference(scalars[key], value) < SCALARS, key
    check_that_one_per_cent_is_seen(expected[1][0])


def check_parts(state):
    """Parameters, their gradients' moments, averages and frozen networks: all are split."""
    parts = in_parts(state)
    for net in (f"nets/{name}" for name in state.nets):
        assert any(path.startswith(net) for path in parts), net
    for path in parts:
        if "/params/" in path and path.startswith("nets/"):
            own = path.split("/params/")
            others = [p for p in parts if p.startswith(f"{own[0]}/opt_state") and own[1] in p]
            assert others, path
    for name in state.ema:
        assert any(path.startswith(f"ema/{name}/params") for path in parts)


def check_that_one_per_cent_is_seen(leaves):
    """An error of one per cent in the gradient of any kernel would have failed."""
    kernels = [p for p in leaves if ("/mu/" in p or "/trace/" in p) and p.endswith("kernel")]
    assert kernels
    for path in kernels:
        wrong = {**leaves, path: leaves[path] * np.float32(1.01)}
        difference, found = largest_difference(wrong, leaves)
        assert found == path
        assert difference > 5 * LEAVES


@pytest.mark.parametrize("name", CASES)
def test_processes_read_the_rows_of_one(name):
    task = make(name)
    whole = first_batches(task)
    halves = [first_batches(task, process, 2) for process in range(2)]
    for i, batch in enumerate(whole):
        for key, spec in task.batch_spec.items():
            rows = np.concatenate([half[i][key] for half in halves], axis=spec.batch_axis)
            np.testing.assert_array_equal(rows, batch[key])
