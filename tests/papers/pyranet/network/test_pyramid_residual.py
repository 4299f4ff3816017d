"""The four pyramid residual modules beside an independent port, and what differs among them."""

import math

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck
from jaxrepro.papers.pyranet.network.pyramid import Pyramid, PyramidSettings
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidResidual

LEAVES = {"kernel": "weight", "gain": "weight", "mean": "running_mean", "var": "running_var"}
BODY = {
    "norm_1": "body.0",
    "conv_1": "body.2",
    "norm_2": "body.3",
    "conv_2": "body.5",
    "norm_3": "body.6",
    "conv_3": "body.8",
}


def pyramid_names(preactivate):
    # Their norm and ReLU before the first convolution are the first two of a sequence.
    first = 2 if preactivate else 0
    names = {"norm_1": "main.0", "conv_1": f"main.{first}", "norm_2": f"main.{first + 1}"}
    names |= {"conv_2": f"main.{first + 3}", "norm_3": "out.0", "conv_3": "out.2"}
    names |= {"pyramid/merge_norm": "merge.0", "pyramid/merge_conv": "merge.2"}
    for i in range(4):
        names[f"pyramid/norm_{i}"] = f"red.{i}.0"
        names[f"pyramid/reduce_{i}"] = f"red.{i}.{first}"
        names[f"pyramid/reduced_norm_{i}"] = f"red.{i}.{first + 1}"
        names[f"pyramid/level_{i}"] = f"levels.{i}.conv"
    return names


@pytest.mark.parametrize(
    "case", ["A", "B", "B_useconv", "B_nopreact", "C", "D", "res", "res_useconv"]
)
def test_values_are_those_of_another_port(case, data_folder):
    golden = np.load(data_folder / "goldens" / "prm_ownport.npz")
    x, want = (jnp.asarray(golden[f"{case}/{name}"].transpose(0, 2, 3, 1)) for name in "xy")
    preactivate = not case.endswith("nopreact")
    options = {"preactivate": preactivate, "always_project": case.endswith("useconv")}
    samples = {}
    if case.startswith("res"):
        module = PreactivationBottleneck(want.shape[-1], normalize_shortcut=True, **options)
        names = dict(BODY)
    else:
        module = PyramidResidual(want.shape[-1], PyramidSettings(case[0]), **options)
        names = pyramid_names(preactivate)
        if case != "D":
            arrays = [golden[f"{case}/samples{i}"] for i in range(1, 5)]
            samples = {"samples": jnp.asarray(np.stack(arrays))}
    names |= {"shortcut/norm": "skip.0", "shortcut/conv": "skip.2"}
    shapes = jax.eval_shape(lambda key: module.init(key, x, train=False), jax.random.key(0))
    variables, used = {}, set()
    for collection, *modules, leaf in flax.traverse_util.flatten_dict(shapes):
        name = f"{case}/sd/{names['/'.join(modules)]}.{LEAVES.get(leaf, leaf)}"
        array = golden[name]
        used.add(name)
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
        variables[(collection, *modules, leaf)] = jnp.asarray(array)
    assert used == {name for name in golden.files if name.startswith(f"{case}/sd/")}
    run = jax.jit(lambda v, x, samples: module.apply(v, x, train=False, **samples))
    have = run(flax.traverse_util.unflatten_dict(variables), x, samples)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-5)


def num_parameters(settings, channels=36, features=36, **options):
    module = PyramidResidual(features, settings, **options)
    x = jax.ShapeDtypeStruct((2, 8, 8, channels), jnp.float32)
    variables = jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def test_parameters_by_hand():
    """F = 36, half 18, level width 4 (base width 9), 4 levels; a norm has two numbers a channel."""
    main = 72 + (36 * 18 + 18) + 36 + (9 * 18 * 18 + 18) + 36 + (18 * 36 + 36)
    reduce, levels, merge = 72 + (36 * 4 + 4) + 8, 4 * (9 * 16 + 4), 8 + (4 * 18 + 18)
    shared = main + reduce + levels + merge
    assert num_parameters(PyramidSettings("B")) == shared
    assert num_parameters(PyramidSettings("D")) == shared
    assert num_parameters(PyramidSettings("A")) == shared + 3 * reduce
    # The last 1x1 and its norm see 16 channels instead of 4.
    assert num_parameters(PyramidSettings("C")) == shared + 12 * 18 + 24
    assert num_parameters(PyramidSettings(normalize_levels=True)) == shared + 4 * 8
    assert num_parameters(PyramidSettings(base_width=12, cardinality=2)) == (
        main + 72 + (36 * 3 + 3) + 6 + 2 * (9 * 9 + 3) + 6 + (3 * 18 + 18)
    )
    assert num_parameters(PyramidSettings(), always_project=True) == shared + 72 + 36 * 36 + 36
    assert num_parameters(PyramidSettings(), preactivate=False) == shared - 2 * 72


def test_sides_of_the_levels():
    """As the spec of Torch's pooling has them; the last is exactly half, for any cardinality."""
    sides = PyramidSettings().level_sides
    assert [h for h, _ in sides(64, 32)] == [53, 45, 38, 32]
    assert [w for _, w in sides(64, 32)] == [26, 22, 19, 16]
    assert [h for h, _ in sides(128, 16)] == [107, 90, 76, 64]
    for cardinality in (1, 2, 3, 5, 6, 8, 30):
        levels = PyramidSettings(cardinality=cardinality).level_sides(64, 64)
        assert len(levels) == cardinality
        assert levels[-1] == (32, 32)


def apply(settings, x, *, train=False, key=0, stride=1):
    module = Pyramid(6, 12, settings, stride=stride)
    variables = module.init(
        {"params": jax.random.key(0), "pooling": jax.random.key(1)}, x, train=train
    )
    rngs = {"pooling": jax.random.key(key)}
    return module.apply(variables, x, train=train, rngs=rngs, mutable=["batch_stats"])[0]


def test_windows_are_drawn_anew_and_shared_in_tests():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 8, 8, 4)), jnp.float32)
    twice = jnp.concatenate([x, x])
    settings = PyramidSettings(base_width=4, cardinality=2)
    run = jax.jit(
        lambda x, train, key: apply(settings, x, train=train, key=key), static_argnums=(1, 2)
    )
    tested, other, trained = run(twice, False, 0), run(twice, False, 1), run(twice, True, 0)
    np.testing.assert_array_equal(tested[0], tested[1])
    assert np.abs(tested - other).max() > 1e-3
    assert np.abs(trained[0] - trained[1]).max() > 1e-3


def test_bilinear_pyramid_draws_nothing():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 16, 16, 4)), jnp.float32)
    settings = PyramidSettings(base_width=4, cardinality=2, pooling="bilinear")
    module = Pyramid(6, 12, settings, stride=2)

    @jax.jit
    def run(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return variables, module.apply(variables, x, train=True, mutable=["batch_stats"])[0]

    variables, y = run(x)
    assert y.shape == (1, 8, 8, 6)
    assert np.isfinite(y).all()
    drawing = Pyramid(6, 12, PyramidSettings(base_width=4, cardinality=2), stride=2)
    with pytest.raises(flax.errors.InvalidRngError):
        jax.eval_shape(lambda: drawing.apply(variables, x, train=False))
