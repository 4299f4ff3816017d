import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrepro.core import step as step_lib
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import Net, TrainState


def quadratic(params, carry, x):
    loss = jnp.mean((x @ params["w"]) ** 2)
    return loss, (carry + 1, {"loss": loss})


def test_microbatches_equal_one_batch():
    params = {"w": jax.random.normal(jax.random.key(0), (3,))}
    x = jax.random.normal(jax.random.key(1), (8, 3))
    whole, carry, logs = step_lib.microbatched_grads(quadratic, params, 0, x[None])
    parts, carry_parts, logs_parts = step_lib.microbatched_grads(
        quadratic, params, 0, x.reshape(4, 2, 3)
    )
    chex.assert_trees_all_close((whole, logs), (parts, logs_parts), rtol=1e-5)
    assert (int(carry), int(carry_parts)) == (1, 4)


@pytest.mark.parametrize("length", [1, 4])
def test_sequential_has_no_loop_on_cpu(length):
    def body(carry, x):
        return carry + x, {"before": carry}

    xs = jnp.arange(1.0, length + 1)
    program = jax.jit(lambda xs: step_lib.sequential(body, 0.0, xs)).lower(xs)
    assert "while" not in program.as_text()
    chex.assert_trees_all_close(step_lib.sequential(body, 0.0, xs), jax.lax.scan(body, 0.0, xs))


def test_apply_gradients_updates_all_three_parts():
    optimizer = optax.sgd(0.5, momentum=0.9)
    params = {"w": jnp.ones(2)}
    net = Net(params, {"batch_stats": jnp.zeros(1)}, optimizer.init(params))
    new = step_lib.apply_gradients(net, {"w": jnp.ones(2)}, {"batch_stats": jnp.ones(1)}, optimizer)
    np.testing.assert_allclose(new.params["w"], 0.5)
    np.testing.assert_allclose(new.stats["batch_stats"], 1.0)
    chex.assert_trees_all_equal_structs(net, new)


@chex.all_variants
def _ema(self):
    ema = self.variant(lambda *a: step_lib.ema_update(*a, decay=0.9, start=3))
    old, new = {"w": jnp.zeros(2)}, {"w": jnp.ones(2)}
    np.testing.assert_allclose(ema(old, new, jnp.asarray(1))["w"], 1.0)
    np.testing.assert_allclose(ema(old, new, jnp.asarray(3))["w"], 0.1, rtol=1e-6)


class EmaTest(chex.TestCase):
    test_copies_before_start_and_averages_after = _ema


def test_ema_covers_every_leaf_and_keeps_dtypes():
    old = {"params": jnp.zeros(2, jnp.bfloat16), "batch_stats": jnp.zeros(2)}
    new = jax.tree.map(jnp.ones_like, old)
    result = step_lib.ema_update(old, new, jnp.asarray(5), decay=0.5, start=0)
    chex.assert_trees_all_equal_dtypes(result, old)
    chex.assert_trees_all_close(result, jax.tree.map(lambda x: 0.5 * x, new))


def test_streams_depend_on_root_step_and_name_only():
    root = jax.random.key(0)
    a, b = streams(root, 3, "a", "b")
    (again,) = streams(root, jnp.asarray(3), "a")
    data = jax.random.key_data
    np.testing.assert_array_equal(data(a), data(again))
    others = [b, *streams(root, 4, "a"), *streams(jax.random.key(1), 3, "a"), named_key(root, "a")]
    assert all((data(a) != data(other)).any() for other in others)


@pytest.mark.parametrize("parts", [1, 2])
def test_supervised_step_is_one_update_of_the_model(parts):
    optimizer = optax.sgd(0.5)
    params = {"w": jnp.array(3.0)}
    net = Net(params, {"count": jnp.array(0.0)}, optimizer.init(params))
    state = TrainState(jnp.zeros((), jnp.int32), jax.random.key(0), {"model": net}, {})

    def loss(params, stats, rows):
        value = jnp.mean((params["w"] * rows["x"] - rows["y"]) ** 2)
        return value, ({"count": stats["count"] + 1}, {"loss": value})

    batch = {"x": jnp.array([1.0, 2.0]), "y": jnp.array([1.0, 0.0])}
    state, logs = step_lib.supervised_step(state, loss, batch, optimizer, parts)
    # d/dw of ((w - 1)^2 + (2w)^2) / 2 at 3 is (w - 1) + 4w = 14.
    assert float(state.nets["model"].params["w"]) == 3 - 0.5 * 14
    assert float(logs["loss"]) == (4 + 36) / 2
    assert (int(state.step), float(state.nets["model"].stats["count"])) == (1, parts)
