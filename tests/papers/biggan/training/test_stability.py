"""Spectra, R1, clamping: in the update of BigGAN, against independent computations."""

import dataclasses
import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.forms import operations
from jaxrepro.nn.norms.singular_values import clamp_weights
from jaxrepro.papers import make_task
from jaxrepro.papers.biggan.network.model import Discriminator
from jaxrepro.papers.biggan.training.stability import weight_spectra
from jaxrepro.papers.biggan.training.update import gradient_penalty
from tests import runs
from tests.test_task_contract import load

DIGITS = pathlib.Path(__file__).resolve().parents[4] / "configs" / "biggan_digits.py"


@pytest.fixture(scope="module")
def state():
    task = make_task(Settings(load(DIGITS, "test")))
    return runs.first_state(task.init, jax.random.key(0))


def test_spectra_of_every_weight_of_both_networks(state):
    values = jax.jit(lambda s: weight_spectra(s, 3))(state)
    layers = {name.rpartition("/")[0] for name in values}
    for net in ("g", "d"):
        weights = [x for x in jax.tree.leaves(state.nets[net].params) if x.ndim >= 2]
        assert sum(name.startswith(f"sigma/{net}/") for name in layers) == len(weights)
    kernel = np.asarray(state.nets["g"].params["blocks_1"]["conv_1"]["kernel"])
    desired = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)
    given = [values[f"sigma/g/blocks_1/conv_1/{i}"] for i in range(3)]
    np.testing.assert_allclose(given, desired[:3], rtol=1e-3)
    # One output: one singular value.
    assert "sigma/d/linear/1" not in values


def test_r1_of_a_known_function():
    """Of x -> 3 * sum(x) the gradient is 3 everywhere: |.|^2 is 9 times the number of pixels."""
    images = jax.random.normal(jax.random.key(0), (4, 2, 3, 5))
    penalty = gradient_penalty(lambda x: 3 * jnp.sum(x, axis=(1, 2, 3)), images)
    np.testing.assert_allclose(penalty, 9 * 2 * 3 * 5, rtol=1e-5)


def test_r1_and_its_gradient_do_not_depend_on_the_form_of_the_operations(monkeypatch):
    """The CPU forms have gradients of their own, which the penalty differentiates once more."""
    module = Discriminator(resolution=16, ch=8, num_classes=3, attention=(8,))
    images = jax.random.normal(jax.random.key(0), (2, 16, 16, 3))
    labels = jnp.asarray([0, 2])
    init = functools.partial(module.init, train=False)
    variables = jax.jit(init)(jax.random.key(1), images, labels)
    params = variables["params"]
    # Attention counts: its gate starts at zero.
    params["attentions_0"]["gamma"] = jnp.asarray(0.7)

    def penalty(params):
        given = {**variables, "params": params}
        return gradient_penalty(lambda x: module.apply(given, x, labels, train=False), images)

    ours = jax.jit(jax.value_and_grad(penalty))(params)
    monkeypatch.setattr(operations, "FOR_CPU", operations.DEFINITIONS)
    plain = jax.jit(jax.value_and_grad(lambda p: penalty(p)))(params)
    np.testing.assert_allclose(ours[0], plain[0], rtol=1e-4)
    assert ours[0] > 0
    scale = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(plain[1]))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * scale),
        ours[1],
        plain[1],
    )


def test_the_update_adds_r1_and_clamps():
    config = load(DIGITS, "test")
    config.optim.d.r1 = 10.0
    config.optim.g.update(sigma_clamp=0.9, learning_rate=0.01)
    config.model.update(ch=2, dim_z=6, shared_dim=4)
    task = make_task(Settings(config))
    state = runs.first_state(task.init, jax.random.key(0))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    free = dataclasses.replace(task, update=dataclasses.replace(task.update, sigma_clamp=0.0))

    @jax.jit
    def both(state, batch):
        """One program, in which what the two updates have in common is compiled once."""
        unclamped, _ = free.train_step(state, batch)
        expected = clamp_weights(unclamped.nets["g"].params, exclude="^shared/", limit=0.9)
        return *task.train_step(state, batch), unclamped, expected

    after, scalars, unclamped, expected = both(state, batch)
    assert scalars["loss/r1"] > 0
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        after.nets["g"].params,
        expected,
    )
    kernels = [s.nets["g"].params["blocks_0"]["conv_1"]["kernel"] for s in (after, unclamped)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3


def test_one_of_the_two_clamps():
    config = load(DIGITS, "test")
    config.optim.g.update(sigma_clamp=1.0, sigma_clamp_ratio=2.0)
    with pytest.raises(InputError, match=r"sigma_clamp=1\.0 and .*ratio=2\.0: set one of them"):
        make_task(Settings(config))
