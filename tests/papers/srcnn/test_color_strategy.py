"""What each strategy of colour trains, and when."""

import chex
import jax
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from tests.papers.srcnn.tiny_color import tiny_config, write_pictures

# Places of the planes that count in the first update.
FIRST = {
    "y": (0,),
    "ycbcr": (0, 1, 2),
    "y-first": (0,),
    "cbcr-first": (1, 2),
    "rgb": (0, 1, 2),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("colored"))


def last_layer(state):
    """Returns the last layer's weights and bias, one row per plane."""
    layer = jax.device_get(state.nets["model"].params["reconstruction"])
    kernel = layer["kernel"].reshape(-1, layer["kernel"].shape[-1])
    return np.concatenate([kernel, layer["bias"][None]]).T


def first_batch(task):
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    return batch


@pytest.mark.parametrize("color", FIRST)
def test_only_the_chosen_planes_are_trained_first_and_then_all(pictures, color):
    task = make_task(Settings(tiny_config(pictures, color)))
    batch = first_batch(task)
    state = jax.jit(task.init)(jax.random.key(0))
    chex.clear_trace_counter()
    step = jax.jit(chex.assert_max_traces(task.train_step, n=1))
    output = jax.jit(task.module.apply)({"params": state.nets["model"].params}, batch["image"])
    errors = np.mean((np.float64(output) - batch["target"]) ** 2, axis=(0, 1, 2))
    after_one, logs = step(state, batch)
    after_two, _ = step(after_one, batch)

    chosen = list(FIRST[color])
    others = [plane for plane in range(len(errors)) if plane not in chosen]
    before, one, two = (last_layer(s) for s in (state, after_one, after_two))
    np.testing.assert_allclose(logs["loss/mean_squared_error"], np.mean(errors[chosen]), rtol=1e-5)
    np.testing.assert_array_equal(one[others], before[others])
    assert np.all(one[chosen, -1] != before[chosen, -1])
    assert np.all(two[:, -1] != one[:, -1])


def test_the_summed_loss_counts_the_chosen_planes_alone(pictures):
    moves = {}
    for reduction in ("mean", "sum"):
        config = tiny_config(pictures, "cbcr-first", **{"loss.reduction": reduction})
        config.optim.learning_rate = 1e-4
        task = make_task(Settings(config))
        state = jax.jit(task.init)(jax.random.key(0))
        after, _ = jax.jit(task.train_step)(state, first_batch(task))
        moves[reduction] = last_layer(after)[1:, -1] - last_layer(state)[1:, -1]
    # Half the sum over 2 planes of 9 x 9 pixels, instead of their mean.
    np.testing.assert_allclose(moves["sum"], moves["mean"] * (2 * 9 * 9 / 2), rtol=1e-3)


@pytest.mark.parametrize(
    ("color", "changes", "message"),
    [
        ("hsv", {}, "data.color is 'hsv'; allowed: 'y', 'ycbcr', 'y-first'"),
        ("y", {"loss.first_steps": 1}, "loss.first_steps=1 given; data.color=y-first and"),
        ("y-first", {"loss.first_steps": 0}, "loss.first_steps=0 given"),
        ("cbcr-first", {"loss.first_steps": 2}, "leave no update for all planes"),
        ("rgb-from-y", {}, r"begins with a network of luma.*--config.start.weights=PATH"),
    ],
)
def test_what_does_not_go_together_is_said(pictures, color, changes, message):
    with pytest.raises(InputError, match=message):
        make_task(Settings(tiny_config(pictures, color, **changes)))
