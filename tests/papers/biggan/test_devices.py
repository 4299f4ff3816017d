"""BigGAN's compiled update on eight devices: who computes what, and what they exchange."""

import pathlib

import jax
import pytest

from jaxrepro.core import mesh as mesh_lib
from jaxrepro.core.collectives import bytes_by_part, find_collectives
from jaxrepro.core.compilation import compile_step, lay_out
from jaxrepro.core.config import Settings, make_task
from jaxrepro.core.flops import count_operations
from jaxrepro.core.hlo import parse_program
from jaxrepro.core.hlo_contractions import count_contractions
from tests.test_task_contract import load

CONFIGS = pathlib.Path(__file__).resolve().parents[3] / "configs"


@pytest.fixture(scope="module")
def task():
    config = load(CONFIGS / "biggan_digits.py", "test")
    config.train.update(batch_size=16, num_d_steps=1, microbatches=1)
    return make_task(Settings(config))


@pytest.fixture(scope="module")
def state_and_program(task):
    mesh = mesh_lib.make_mesh()
    state, rows = lay_out(task, mesh, jax.random.key(0))
    return state, parse_program(compile_step(task, mesh, state, rows, print).as_text() or "")


def test_every_part_of_the_update_is_shared_out(task, state_and_program):
    """The generator's update too, which starts from drawn numbers and sees no batch."""
    state, program = state_and_program
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    whole = count_operations(task.train_step, state, batch).contractions
    assert 0.7 < 8 * count_contractions(program) / whole < 1.5


def test_gradients_are_exchanged_once_and_moments_in_one_exchange(task, state_and_program):
    state, program = state_and_program
    collectives = find_collectives(program)
    assert {(one.kind, one.group_size) for one in collectives} == {("all-reduce", 8)}
    parts = bytes_by_part(collectives)
    params = [net.params for net in state.nets.values()]
    assert parts["gradients"] == sum(4 * leaf.size for leaf in jax.tree.leaves(params))
    # D's update passes through G forward; G's own, forward and back. Twice a norm's channels each.
    channels = sum(leaf.size for leaf in jax.tree.leaves(state.nets["g"].stats["batch_stats"])) // 2
    assert parts["batch statistics"] == 3 * 2 * 4 * channels
    norms = len(jax.tree.leaves(state.nets["g"].stats["batch_stats"])) // 2
    assert sum(one.times for one in collectives) <= 3 * norms + 2
    assert set(parts) == {"gradients", "batch statistics", "losses and logs"}
