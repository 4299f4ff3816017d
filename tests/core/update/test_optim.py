import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.update import optim
from jaxrepro.core.update.optim import OptimizerSpec

PARAMS = {
    "linear": {"kernel": jnp.ones((4, 3)), "bias": jnp.ones(3)},
    "table": {"embedding": jnp.ones((5, 2))},
}


def updates(spec, params=PARAMS, steps=1):
    optimizer = optim.make_optimizer(spec, params)
    grads = jax.tree.map(jnp.ones_like, params)
    state = optimizer.init(params)
    for _ in range(steps):
        result, state = optimizer.update(grads, state, params)
    return result


def test_adam_first_step_is_the_learning_rate():
    result = updates(optim.OptimizerSpec("adam", 0.1, b1=0.0, b2=0.999, epsilon=0.0))
    chex.assert_trees_all_close(result, jax.tree.map(lambda x: -0.1 * x, PARAMS), rtol=1e-5)


def test_multipliers_scale_freeze_and_leave():
    spec = optim.OptimizerSpec("sgd", 1.0, b1=0, multipliers=(("kernel$", 0.5), ("^table", 0.0)))
    result = updates(spec)
    np.testing.assert_allclose(result["linear"]["kernel"], -0.5)
    np.testing.assert_allclose(result["linear"]["bias"], -1.0)
    np.testing.assert_array_equal(result["table"]["embedding"], 0.0)


def test_multiplier_without_effect_is_an_error():
    spec = optim.OptimizerSpec("sgd", 1.0, multipliers=(("^liner", 0.5),))
    with pytest.raises(InputError, match=r"'\^liner' applies to no parameter"):
        optim.make_optimizer(spec, PARAMS)


@pytest.mark.parametrize("rule", ["linear", "=2", "[=2", "a=-1", "a=x"])
def test_bad_multiplier_rules(rule):
    with pytest.raises(InputError, match="learning rate multiplier"):
        optim.parse_multipliers((rule,))


def test_multiplier_rules():
    assert optim.parse_multipliers(("^a/b=0.5", "x=0")) == (("^a/b", 0.5), ("x", 0.0))


def test_constant_rate_that_falls_as_a_cosine_at_the_end():
    spec = optim.OptimizerSpec("adam", 2.0, schedule="constant_then_cosine", total_steps=100)
    rate = optim.learning_rate(spec)
    got = [float(rate(step)) for step in (0, 50, 80, 90, 100)]
    np.testing.assert_allclose(got, [2, 2, 2, 1, 0], atol=1e-6)
    with pytest.raises(InputError, match="decay_share=0"):
        optim.learning_rate(
            optim.OptimizerSpec("adam", 1.0, schedule="constant_then_cosine", decay_share=0)
        )


def test_clip_bounds_the_gradient():
    result = updates(optim.OptimizerSpec("sgd", 1.0, b1=0, clip_norm=1.0))
    norm = jnp.sqrt(sum(jnp.sum(x**2) for x in jax.tree.leaves(result)))
    np.testing.assert_allclose(norm, 1.0, rtol=1e-6)


def test_nesterov_momentum_with_a_penalty_as_in_torch():
    """Against the formula: b = m b + g + l w; w -= r (g + l w + m b)."""
    spec = optim.OptimizerSpec("sgd", 0.1, b1=0.9, nesterov=True, l2_penalty=0.01)
    params = {"w": jnp.array([2.0, -1.0])}
    optimizer = optim.make_optimizer(spec, params)
    state = optimizer.init(params)
    weights, buffer = np.array([2.0, -1.0]), np.zeros(2)
    for gradient in ([1.0, 0.5], [-0.3, 2.0], [0.7, 0.0]):
        step, state = optimizer.update({"w": jnp.array(gradient)}, state, params)
        params = {"w": params["w"] + step["w"]}
        decayed = np.array(gradient) + 0.01 * weights
        buffer = 0.9 * buffer + decayed
        weights = weights - 0.1 * (decayed + 0.9 * buffer)
        np.testing.assert_allclose(params["w"], weights, rtol=1e-6)


def test_schedules():
    spec = optim.OptimizerSpec("adam", 2.0, schedule="linear", warmup_steps=10, total_steps=30)
    rate = optim.learning_rate(spec)
    np.testing.assert_allclose([rate(0), rate(5), rate(10), rate(20), rate(30)], [0, 1, 2, 1, 0])
    with pytest.raises(InputError, match="unknown schedule 'step'"):
        optim.learning_rate(optim.OptimizerSpec("adam", 1.0, schedule="step"))
    with pytest.raises(InputError, match="unknown optimiser 'lion'"):
        optim.make_optimizer(optim.OptimizerSpec("lion", 1.0), PARAMS)


def test_schedules_in_steps():
    spec = optim.OptimizerSpec("adam", 2.0, schedule="staircase", decay_factor=0.9, decay_every=10)
    rate = optim.learning_rate(spec)
    np.testing.assert_allclose([rate(0), rate(9), rate(10), rate(29)], [2, 2, 1.8, 1.62], rtol=1e-6)
    spec = optim.OptimizerSpec(
        "adam", 2.0, schedule="drops", decay_factor=0.1, drop_steps=(5, 8), warmup_steps=2
    )
    rate = optim.learning_rate(spec)
    np.testing.assert_allclose(
        [rate(1), rate(2), rate(6), rate(7), rate(9), rate(10)],
        [1, 2, 2, 0.2, 0.2, 0.02],
        rtol=1e-6,
    )
    with pytest.raises(InputError, match="decay_every=0"):
        optim.learning_rate(optim.OptimizerSpec("adam", 1.0, schedule="staircase"))
    for steps in ((), (0, 4)):
        with pytest.raises(InputError, match="give updates to drop at"):
            optim.learning_rate(
                optim.OptimizerSpec("adam", 1.0, schedule="drops", drop_steps=steps)
            )


def test_rmsprop_adds_epsilon_outside_the_root_as_torch_does():
    spec = optim.OptimizerSpec("rmsprop", 0.5, b2=0.99, epsilon=0.1)
    params = {"w": jnp.array([4.0, 0.0])}
    optimizer = optim.make_optimizer(spec, params)
    state = optimizer.init(params)
    for gradient, mean_square in ((3.0, 0.01 * 9), (1.0, 0.99 * 0.01 * 9 + 0.01)):
        result, state = optimizer.update({"w": jnp.array([gradient, 0.0])}, state, params)
        expected = -0.5 * gradient / (mean_square**0.5 + 0.1)
        np.testing.assert_allclose(result["w"], [expected, 0], rtol=1e-6)


def penalty(weight, out_first):
    rows = (
        weight.reshape(weight.shape[0], -1) if out_first else weight.reshape(-1, weight.shape[-1]).T
    )
    gram = rows @ rows.T
    return jnp.sum((gram * (1 - jnp.eye(len(gram)))) ** 2)


@pytest.mark.parametrize("shape", [(3, 3, 4, 6), (20, 5), (5, 20), (7, 7)])
def test_orthogonal_gradient_is_that_of_the_penalty(shape):
    weight = jax.random.normal(jax.random.key(0), shape)
    for name in ("conv/kernel", "gain/embedding"):
        expected = jax.grad(penalty)(weight, name.endswith("embedding"))
        np.testing.assert_allclose(
            optim.orthogonal_gradient(weight, name), expected, rtol=1e-4, atol=1e-3
        )


def test_orthogonal_regularisation_leaves_out_vectors_and_excluded_paths():
    transform = optim.orthogonal_regularization(0.5, "^table")
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    result, _ = transform.update(zeros, transform.init(PARAMS), PARAMS)
    np.testing.assert_array_equal(result["linear"]["bias"], 0)
    np.testing.assert_array_equal(result["table"]["embedding"], 0)
    # Three equal columns of ones: each row of W W^T o (1 - I) sums two entries of 4.
    np.testing.assert_allclose(result["linear"]["kernel"], 0.5 * 4 * 2 * 4)


def test_orthogonal_gradient_of_the_published_code(data_folder):
    golden = np.load(data_folder / "goldens" / "biggan_cifar.npz")
    names = [key.removeprefix("ortho/") for key in golden.files if key.startswith("ortho/")]
    names.remove("strength")
    assert len(names) == 3
    for name in names:
        weight, expected = golden[f"G/{name}"], golden[f"ortho/{name}"]
        if weight.ndim == 4:
            weight, expected = (x.transpose(2, 3, 1, 0) for x in (weight, expected))
            kind = "kernel"
        elif "gain" in name:
            kind = "embedding"
        else:
            weight, expected, kind = weight.T, expected.T, "kernel"
        half = 0.5 * float(golden["ortho/strength"])
        ours = half * optim.orthogonal_gradient(jnp.asarray(weight), kind)
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_spec_of_the_sections_of_a_config():
    section = Settings(
        {"name": "adam", "learning_rate": 0.1, "b1": 0.0, "other": 1, "g": {"learning_rate": 0.2}}
    )
    spec = OptimizerSpec.from_settings(section, section.g, total_steps=7)
    assert spec == OptimizerSpec(name="adam", learning_rate=0.2, b1=0.0, total_steps=7)
    with pytest.raises(InputError, match="other"):
        section.check_all_read()


@pytest.mark.parametrize(
    ("key", "value"), [("learning_rate", -1.0), ("b1", 1.0), ("weight_decay", "much")]
)
def test_a_spec_refuses_what_is_out_of_range(key, value):
    section = Settings({"name": "adam", "learning_rate": 0.1, key: value})
    with pytest.raises(InputError, match=key):
        OptimizerSpec.from_settings(section)
