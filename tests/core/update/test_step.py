import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrepro.core.analysis.collectives import find_collectives
from jaxrepro.core.analysis.hlo import parse_program
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices import platform
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.update import step as step_lib
from jaxrepro.nn.forms.convolution import convolve


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


def compiled_for_accelerators(function, mesh, arguments, shardings, results):
    with platform.traced_for_accelerators(), jax.set_mesh(mesh):
        step = jax.jit(lambda *x: function(*x), in_shardings=shardings, out_shardings=results)
        program = step.lower(*arguments).compile()
    assert " while(" in (program.as_text() or "")
    return program, jax.device_put(arguments, shardings)


def exchanged(program):
    """Returns the kinds and shapes of what the devices of a compiled program exchange."""
    found = find_collectives(parse_program(program.as_text() or ""))
    return {(each.kind, array.shape) for each in found for array, _ in each.arrays}


def test_the_loop_of_accelerators_exchanges_parameters_and_no_activations():
    """In a loop XLA would make layers of the cut parameters, and exchange what they return."""

    def loss(params, stats, x):
        hidden = jnp.tanh(x @ params["a"])
        moved = 0.9 * stats + 0.1 * jnp.mean(jnp.square(hidden), axis=0)
        out = hidden / jnp.sqrt(1 + stats) @ params["b"]
        return jnp.mean(out**2), (moved, {"loss": jnp.mean(out)})

    def update(params, stats, x):
        params, stats = step_lib.gathered((params, stats))
        return step_lib.microbatched_grads(loss, params, stats, x)

    mesh = mesh_lib.make_mesh(fsdp=4)
    split, rows = jax.NamedSharding(mesh, jax.P("fsdp")), mesh_lib.batch_sharding(mesh, 1)
    drawn = jax.random.normal(jax.random.key(0), (4, 16, 8))
    given = ({"a": drawn[0].reshape(8, 16), "b": drawn[1]}, jnp.ones(16), drawn[2:])
    program, placed = compiled_for_accelerators(
        update, mesh, given, (split, split, rows), (split, split, mesh_lib.replicated(mesh))
    )
    chex.assert_trees_all_close(program(*placed), update(*given), rtol=1e-5)
    # Parameters and statistics, their gradients and means; a device has two rows of activations.
    kinds, shapes = map(set, zip(*exchanged(program), strict=True))
    assert kinds == {"all-gather", "all-reduce"}
    assert shapes <= {(), (16,), (8, 16), (16, 8)}


def test_replicas_on_several_accelerators_keep_their_rows():
    """Mapped kernels make XLA send the whole batch to every device, for their gradient."""

    def gradient(kernel, x):
        return jax.grad(lambda k: jnp.mean(convolve(x, k) ** 2))(kernel)

    def step(kernels, x):
        return step_lib.replicated(gradient, kernels, x)

    mesh = mesh_lib.make_mesh()
    whole, rows = mesh_lib.replicated(mesh), mesh_lib.batch_sharding(mesh, 1)
    draw = jax.random.normal
    given = draw(jax.random.key(0), (2, 3, 3, 2, 4)), draw(jax.random.key(1), (2, 8, 4, 4, 2))
    program, placed = compiled_for_accelerators(step, mesh, given, (whole, rows), whole)
    chex.assert_trees_all_close(program(*placed), jax.vmap(gradient)(*given), rtol=1e-4)
    assert exchanged(program) == {("all-reduce", (3, 3, 2, 4))}


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
