"""One update of both networks; all tests share one compiled program."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import scfegan as config_file
from jaxrepro.core.config import Settings
from jaxrepro.papers import make_task
from jaxrepro.papers.scfegan.training.update import FEATURES
from tests import runs


@pytest.fixture(scope="module")
def trained():
    """Returns (task, first state, one batch, compiled update)."""
    config = config_file.get_config("test")
    config.model.width = 4
    config.loss.update(percept_scale=0.1, style_scale=0.001)
    config.train.update(total_steps=200, warmup_steps=100)
    config.optim.g.learning_rate = 1e-2
    config.optim.schedule = "constant"
    task = make_task(Settings(config))
    state = runs.first_state(task.init, jax.random.key(0))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    return task, state, batch, jax.jit(task.train_step).lower(state, batch).compile()


def changed(state, **nets):
    return state.replace(nets={**state.nets, **nets})


def test_singular_vectors_make_one_step_an_update(trained):
    """Neither the gradient penalty nor the generator's pass moves them."""
    _, state, batch, update = trained
    after, _ = update(state, batch)
    before, d = state.nets["d"], after.nets["d"]
    for name, layer in before.params.items():
        matrix = np.asarray(layer["kernel"], np.float64)
        matrix = matrix.reshape(-1, matrix.shape[-1])
        v = matrix @ np.asarray(before.stats["spectral"][name]["u"], np.float64)
        u = (v / np.linalg.norm(v)) @ matrix
        want = u / np.linalg.norm(u)
        np.testing.assert_allclose(d.stats["spectral"][name]["u"], want, rtol=1e-3, atol=1e-5)


def test_the_generator_does_not_hear_the_discriminator_while_it_warms_up(trained):
    _, state, batch, update = trained
    d = state.nets["d"]
    other = dataclasses.replace(d, params=jax.tree.map(lambda x: 1 - x, d.params))
    for step, hears in ((99, False), (100, True)):
        at = state.replace(step=jnp.int32(step))
        (one, logs), (two, _) = update(at, batch), update(changed(at, d=other), batch)
        kernels = [x.nets["g"].params["dilated_0"]["kernel"] for x in (one, two)]
        assert (not np.array_equal(*kernels)) == hears
        assert (float(logs["loss/g/adversarial"]) != 0) == hears


def test_features_come_out_of_the_state_and_stay(trained):
    _, state, batch, update = trained
    net = state.nets[FEATURES]
    after, logs = update(state, batch)
    chex.assert_trees_all_equal(after.nets[FEATURES], net)
    doubled = dataclasses.replace(net, stats=jax.tree.map(lambda x: 2 * x, net.stats))
    _, other = update(changed(state, **{FEATURES: doubled}), batch)
    # Without biases the maps of depths 2, 4 and 7 grow by these factors.
    assert 4 < float(other["loss/g/perceptual"]) / float(logs["loss/g/perceptual"]) < 128
    np.testing.assert_allclose(other["loss/g/pixel"], logs["loss/g/pixel"], rtol=1e-6)


def test_terms_add_up_and_everything_is_told(trained):
    _, state, batch, update = trained
    _, logs = update(state.replace(step=jnp.int32(150)), batch)
    for network in ("g", "d"):
        terms = [float(x) for name, x in logs.items() if name.startswith(f"loss/{network}/")]
        np.testing.assert_allclose(sum(terms), logs[f"loss/{network}"], rtol=1e-5)
    np.testing.assert_allclose(logs["mask_coverage"], batch["mask"].mean(), rtol=1e-5)
    # Linear loss: 1 - D(real) + 1 + D(fake).
    want = 2 - float(logs["scores/real"]) + float(logs["scores/fake"])
    np.testing.assert_allclose(logs["loss/d/adversarial"], want, rtol=1e-4)
    assert {"gradient_norm/g", "gradient_norm/d", "gradient_norm/d_in_hole"} <= set(logs)
    assert float(logs["gradient_norm/d"]) > 0


def test_eight_pictures_are_learned_by_heart(trained):
    _, state, batch, update = trained
    assert len(batch["image"]) == 8
    losses = []
    for _ in range(220):
        state, logs = update(state, batch)
        losses.append(float(logs["loss/g/pixel"]))
    assert np.mean(losses[-10:]) < losses[0] / 5


def test_the_average_follows_the_generator(trained):
    _, state, batch, update = trained
    copied, _ = update(state, batch)
    chex.assert_trees_all_close(copied.ema["g"]["params"], copied.nets["g"].params)
    after, _ = update(copied, batch)
    want = jax.tree.map(
        lambda old, new: 0.99 * old + 0.01 * new, copied.nets["g"].params, after.nets["g"].params
    )
    chex.assert_trees_all_close(after.ema["g"]["params"], want, rtol=1e-4, atol=1e-6)
