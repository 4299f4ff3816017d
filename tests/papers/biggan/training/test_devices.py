"""BigGAN's compiled update on eight devices: who computes what, and what they exchange."""

import pathlib

import jax
import pytest

from jaxrepro.core.analysis.collectives import bytes_by_part, find_collectives
from jaxrepro.core.analysis.hlo import parse_program
from jaxrepro.core.analysis.hlo_contractions import count_contractions
from jaxrepro.core.analysis.step_memory import StepLayout, compile_for_analysis, step_operations
from jaxrepro.core.config import Settings
from jaxrepro.papers import make_task
from tests.test_task_contract import load

CONFIGS = pathlib.Path(__file__).resolve().parents[4] / "configs"


@pytest.fixture(scope="module")
def task():
    config = load(CONFIGS / "biggan_digits.py", "test")
    config.train.batch_size = 16
    return make_task(Settings(config))


@pytest.fixture(scope="module")
def state_and_program(task):
    # Not run, and in the form that accelerators run: on CPU some kernels' gradients are larger.
    options = {"xla_backend_optimization_level": 0}
    compiled = compile_for_analysis(task, StepLayout(8, 1, 0), print, options)
    state = jax.eval_shape(task.init, jax.random.key(0))
    return state, parse_program(compiled.as_text() or "")


def test_every_part_of_the_update_is_shared_out(task, state_and_program):
    """The generator's update too, which starts from drawn numbers and sees no batch."""
    _, program = state_and_program
    whole = step_operations(task).contractions
    assert 0.7 < 8 * count_contractions(program) / whole < 1.5


def test_gradients_are_exchanged_once_and_moments_in_one_exchange(state_and_program):
    state, program = state_and_program
    collectives = find_collectives(program)
    assert {(one.kind, one.group_size) for one in collectives} == {("all-reduce", 8)}
    parts = bytes_by_part(collectives)
    params = [net.params for net in state.nets.values()]
    # And one number: that of the singular value by which D's embedded rows are divided.
    assert parts["gradients"] == sum(4 * leaf.size for leaf in jax.tree.leaves(params)) + 4
    # D's update passes through G forward; G's own, forward and back. Twice a norm's channels each.
    channels = sum(leaf.size for leaf in jax.tree.leaves(state.nets["g"].stats["batch_stats"])) // 2
    assert parts["batch statistics"] == 3 * 2 * 4 * channels
    norms = len(jax.tree.leaves(state.nets["g"].stats["batch_stats"])) // 2
    assert sum(one.times for one in collectives) <= 3 * norms + 2
    assert set(parts) == {"gradients", "batch statistics", "losses and logs"}
