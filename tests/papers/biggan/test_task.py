"""BigGAN's update: against the published code, over devices, microbatches and groups."""

import dataclasses
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer, parse_multipliers
from jaxrepro.papers.biggan import port
from jaxrepro.papers.biggan.training import update as losses
from tests import runs
from tests.test_task_contract import make

CONFIGS = pathlib.Path(__file__).resolve().parents[3] / "configs"


def changed(task, **changes):
    """Returns the task with other fields, those of its update included."""
    names = {field.name for field in dataclasses.fields(task.update)}
    update = dataclasses.replace(task.update, **{k: changes.pop(k) for k in names & set(changes)})
    return dataclasses.replace(task, update=update, **changes)


@pytest.fixture(scope="module")
def digits():
    return make(CONFIGS / "biggan_digits.py")


@pytest.fixture(scope="module")
def golden(data_folder):
    return np.load(data_folder / "goldens" / "biggan_cifar.npz")


def network(golden, prefix):
    return {k.removeprefix(prefix): golden[k] for k in golden.files if k.startswith(prefix)}


@pytest.fixture(scope="module")
def published(golden, digits):
    """The task and state of the published step: 2 D steps, 2 accumulations, beta 1e-4."""
    g_module, g = port.generator_from_pytorch(network(golden, "G/"), sn_epsilon=1e-8)
    d_module, d = port.discriminator_from_pytorch(network(golden, "D/"), sn_epsilon=1e-8)
    adam = OptimizerSpec("adam", 2e-4, b1=0.0, b2=0.999, epsilon=1e-8)
    task = changed(
        digits,
        generator=g_module,
        discriminator=d_module,
        g_optim=dataclasses.replace(adam, orthogonal=0.5 * 1e-4, orthogonal_exclude="^shared/"),
        d_optim=adam,
        batch_size=16,
        num_d_steps=2,
        microbatches=2,
        ema_decay=0.9999,
        ema_start=0,
    )
    state = TrainState(
        jnp.zeros((), jnp.int32),
        jax.random.key(0),
        {"g": net(g, task.update.g_optim), "d": net(d, adam)},
        {"g": g},
    )
    return task, state


def net(variables, optim):
    stats = {k: v for k, v in variables.items() if k != "params"}
    params = variables["params"]
    return Net(params, stats, make_optimizer(optim, params).init(params))


def nhwc(x):
    return jnp.asarray(x.transpose(0, 2, 3, 1))


def assert_published(variables, golden, prefix, port_function):
    """Statistics array by array, weights by the fraction that agrees.

    Adam with b1 = 0 divides a gradient by its own size at first, so where a gradient is rounding
    noise the update is +- the learning rate of 2e-4 with a random sign. All of a bias before
    batch norm is such noise: it is left out.
    """
    _, expected = port_function(network(golden, prefix), sn_epsilon=1e-8)
    close = []
    for path, want in jax.tree_util.tree_leaves_with_path(expected):
        have = variables
        for part in path:
            have = have[part.key]
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        np.testing.assert_allclose(have, want, rtol=5e-3, atol=2e-3, err_msg=name)
        before_norm = "conv_1/bias" in name or "conv_2/bias" in name or "shortcut/bias" in name
        if name.startswith("params/") and not (before_norm and prefix != "step/D/"):
            close.append(np.isclose(have, want, rtol=1e-3, atol=2e-5).ravel())
    close = np.concatenate(close)
    assert close.mean() >= 0.99, close.mean()


def test_gradients_and_losses_of_the_published_code(published, golden):
    task, state = published
    g, d = state.nets["g"], state.nets["d"]
    fakes = {"z": jnp.asarray(golden["in/z"]), "label": jnp.asarray(golden["in/y"], jnp.int32)}
    real = {
        "image": nhwc(golden["in/x_real"]),
        "label": jnp.asarray(golden["in/y_real"], jnp.int32),
    }

    d_grads, logs = gradients(
        task.update._d_loss, d.params, g.params, (g.stats, d.stats), real, fakes
    )
    np.testing.assert_allclose(
        logs["loss/d"], golden["grad/D_loss_real"] + golden["grad/D_loss_fake"], rtol=1e-4
    )
    compare_gradients(d_grads, golden, "D", port.discriminator_from_pytorch)
    g_grads, logs = gradients(task.update._g_loss, g.params, d.params, (g.stats, d.stats), fakes)
    np.testing.assert_allclose(logs["loss/g"], golden["grad/G_loss"], rtol=1e-4)
    compare_gradients(g_grads, golden, "G", port.generator_from_pytorch)


def gradients(loss, params, *args):
    """Returns (the median gradient over five roundings of the weights, the logs of one).

    Some activations are within rounding of a ReLU's corner, where the gradient jumps by half a
    per cent.
    """

    def rounded(number):
        keys = jax.random.split(jax.random.key(number), len(jax.tree.leaves(params)))
        keys = jax.tree.unflatten(jax.tree.structure(params), list(keys))
        return jax.tree.map(
            lambda x, k: x * (1 + 1e-7 * jax.random.normal(k, x.shape)), params, keys
        )

    gradient = jax.jit(jax.grad(loss, has_aux=True))
    found = [gradient(rounded(number), *args) for number in range(5)]
    middle = jax.tree.map(lambda *x: np.median(np.stack(x), axis=0), *(grads for grads, _ in found))
    return middle, found[0][1][1]


def compare_gradients(grads, golden, name, port_function):
    """Puts the published gradients in the place of the weights and ports them."""
    arrays = network(golden, f"{name}/")
    given = {k for k in network(golden, f"grad/{name}/") if k in arrays}
    assert len(given) >= 5
    marked = {k: np.full_like(v, np.nan) for k, v in arrays.items()}
    marked |= {k: golden[f"grad/{name}/{k}"] for k in given}
    _, expected = port_function(marked)
    compared = 0
    for have, want in zip(jax.tree.leaves(grads), jax.tree.leaves(expected["params"]), strict=True):
        if np.isfinite(want).all():
            np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())
            compared += 1
    assert compared == len(given)


def test_update_of_the_published_code(published, golden):
    """Adam with b1 = 0 makes the first updates sign-like, so weights are compared by fraction."""
    task, state = published
    z, y = golden["step/in_z_seq"], golden["step/in_gy_seq"].astype(np.int32)
    x = nhwc(golden["step/in_x"])
    after, logs = jax.jit(task.update.__call__)(
        state,
        {
            "image": x.reshape(2, 2, 8, *x.shape[1:]),
            "label": golden["step/in_y"].astype(np.int32).reshape(2, 2, 8),
        },
        {"z": z[:4].reshape(2, 2, 8, -1), "label": y[:4].reshape(2, 2, 8)},
        {"z": z[4:], "label": y[4:]},
    )
    assert all(np.isfinite(v) for v in logs.values())
    assert_published(after.nets["d"].variables, golden, "step/D/", port.discriminator_from_pytorch)
    assert_published(after.nets["g"].variables, golden, "step/G/", port.generator_from_pytorch)
    assert_published(after.ema["g"], golden, "step/Gema/", port.generator_from_pytorch)


def test_orthogonal_regularisation_sees_tables_as_tables():
    """Rows of an embedding table are its outputs, as in the published code."""
    task = make(CONFIGS / "biggan32.py")
    assert task.generator.shared_dim == 0
    params = jax.eval_shape(task.init, jax.random.key(0)).nets["g"].params
    norm = params["blocks_0"]["norm_1"]
    assert {name: set(norm[name]) for name in ("gain", "bias")} == {
        "gain": {"embedding"},
        "bias": {"embedding"},
    }


def test_hinge_losses():
    real, fake = jnp.asarray([2.0, 0.5]), jnp.asarray([-3.0, 1.0])
    np.testing.assert_allclose(losses.discriminator_loss(real, fake), 0.25 + 1.0)
    np.testing.assert_allclose(losses.generator_loss(fake), 1.0)


def test_discriminator_learns_when_the_generator_is_frozen(digits):
    """Every other loss of this network would be lower too; a wrong sign would raise it."""
    frozen = dataclasses.replace(digits.update.g_optim, multipliers=parse_multipliers((".=0",)))
    fast = dataclasses.replace(digits.update.d_optim, learning_rate=2e-3)
    task = changed(digits, g_optim=frozen, d_optim=fast)
    state = runs.first_state(task.init, jax.random.key(0))
    step = jax.jit(task.train_step)
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    before = jax.device_get(state.nets["g"].params)
    state, first = step(state, batch)
    for _ in range(40):
        state, last = step(state, batch)
    chex.assert_trees_all_equal(before, jax.device_get(state.nets["g"].params))
    assert first["loss/d"] > 1.5
    assert last["loss/d"] < 0.5 * first["loss/d"]


def test_several_passes_of_several_steps_keep_the_structure(digits):
    """Numbers of such an update are held against the published code above."""
    task = changed(digits, num_d_steps=3, microbatches=2)
    assert task.batch_spec["label"].shape == (3, 2, 4)
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    after, scalars = jax.eval_shape(task.train_step, state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert {x.shape for x in scalars.values()} == {()}


def test_latents_differ_between_steps_and_networks(digits):
    keys = [jax.random.key(k) for k in (0, 1)]
    a, b = (digits.update.draw(key, (2, 64)) for key in keys)
    assert a["z"].shape == (2, 64, digits.generator.dim_z)
    assert not np.array_equal(a["z"], b["z"])
    assert not np.array_equal(a["z"][0], a["z"][1])
    assert set(np.unique(digits.update.draw(keys[0], (500,))["label"])) == set(range(10))


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_state(digits):
    task = changed(
        digits,
        generator=digits.generator.clone(dtype=jnp.bfloat16),
        discriminator=digits.update.discriminator.clone(dtype=jnp.bfloat16),
    )
    state = jax.eval_shape(task.init, jax.random.key(0))
    floats = [x.dtype for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert set(floats) == {jnp.dtype("float32")}
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    text = str(jax.make_jaxpr(task.train_step)(state, batch))
    assert "bf16" in text
    batches = task.train_data(0, 0, 1)
    _, logs = jax.jit(task.train_step)(
        runs.first_state(task.init, jax.random.key(0)), next(batches)
    )
    batches.close()
    assert all(np.isfinite(x) for x in logs.values())
