"""Rematerialised blocks: the same parameters, gradients and statistics."""

import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from jaxrepro.papers.biggan.network.networks import module_fields
from tests.test_task_contract import load

# Both are compiled alike; a second saved is worth more here than a fast program.
FAST_COMPILATION = {"xla_backend_optimization_level": 0}
DIGITS = pathlib.Path(__file__).resolve().parents[4] / "configs" / "biggan_digits.py"


def make(remat):
    config = load(DIGITS, "test")
    config.data.source = "described:10"
    config.model.update(ch=8, g_attention=(8,), d_attention=(8,), remat=remat)
    return make_task(Settings(config))


def drawn(shapes, seed):
    """Returns arrays of these shapes from N(0, 0.3), variances squared to be positive."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        x = rng.normal(0, 0.3, leaf.shape).astype(np.float32)
        return np.square(x) + 0.5 if leaf_path(path).endswith("var") else x

    return jax.tree_util.tree_map_with_path(draw, shapes)


def losses_and_gradients(task, nets, z, labels):
    """Returns ((loss, new statistics of G and D), gradients by the parameters of G and D)."""

    def loss(g_params, d_params):
        def run(module, params, stats, x):
            variables = {"params": params, **stats}
            return module.apply(variables, x, labels, train=True, mutable=list(stats))

        images, g_stats = run(task.generator, g_params, nets["g"].stats, z)
        logits, d_stats = run(task.update.discriminator, d_params, nets["d"].stats, images)
        return jnp.mean(logits), (g_stats, d_stats)

    return jax.value_and_grad(loss, (0, 1), has_aux=True)(nets["g"].params, nets["d"].params)


def num_rematerialised(jaxpr):
    return sum(equation.primitive.name == "remat2" for equation in jaxpr.eqns)


def test_gradients_and_statistics_with_and_without():
    tasks = {remat: make(remat) for remat in (False, True)}
    shapes = {r: jax.eval_shape(t.init, jax.random.key(0)).nets for r, t in tasks.items()}
    chex.assert_trees_all_equal_shapes_and_dtypes(shapes[False], shapes[True])
    assert jax.tree.structure(shapes[False]) == jax.tree.structure(shapes[True])

    nets = {
        name: net.replace(params=drawn(net.params, 1), stats=drawn(net.stats, 2))
        for name, net in shapes[False].items()
    }
    nets = {name: net.replace(opt_state=()) for name, net in nets.items()}
    z = jax.random.normal(jax.random.key(3), (4, tasks[True].generator.dim_z))
    labels = jnp.arange(4)
    results = {}
    for remat, task in tasks.items():
        program = jax.jit(lambda *args, task=task: losses_and_gradients(task, *args))
        traced = program.trace(nets, z, labels)
        # The blocks of both networks and an attention of each.
        blocks = len(task.generator.bind({}).blocks) + len(
            task.update.discriminator.bind({}).blocks
        )
        assert num_rematerialised(traced.jaxpr.jaxpr) == (blocks + 2 if remat else 0)
        results[remat] = traced.lower().compile(FAST_COMPILATION)(nets, z, labels)
    ((plain, plain_stats), plain_grads), ((again, stats), grads) = results[False], results[True]

    np.testing.assert_allclose(plain, again, rtol=1e-5)
    # A second pass would have moved the vectors and running moments a second time.
    chex.assert_trees_all_close(plain_stats, stats, rtol=1e-4, atol=1e-6)
    old = {leaf_path(p): x for p, x in jax.tree_util.tree_leaves_with_path(nets["g"].stats)}
    new = {leaf_path(p): x for p, x in jax.tree_util.tree_leaves_with_path(stats[0])}
    assert old.keys() == new.keys()
    assert all(np.abs(old[path] - new[path]).max() > 1e-3 for path in old)
    for network, again in zip(plain_grads, grads, strict=True):
        # A bias in front of a batch norm has no gradient but rounding, next to the largest one.
        noise = 1e-6 * max(float(np.abs(x).max()) for x in jax.tree.leaves(network))
        for x, y in zip(jax.tree.leaves(network), jax.tree.leaves(again), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-4 * float(np.abs(x).max()) + noise)


def test_it_is_a_switch_and_no_part_of_a_model():
    config = load(DIGITS, "test").to_dict()
    config["model"]["remat"] = "blocks"
    with pytest.raises(InputError, match=r"model\.remat is 'blocks'; allowed: False, True"):
        make_task(Settings(config))
    assert "remat" not in module_fields(make(True).generator)
