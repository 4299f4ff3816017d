import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.program_cache import fresh_cache
from jaxrepro.core.update.first_state import FirstState
from jaxrepro.nn.initializers import orthogonal
from tests.equations import num_equations


def init(key, *, draws=3):
    """Kernels drawn by numpy, two of them in functions of their own, and what is made of them."""
    keys = jax.random.split(key, draws + 1)
    kernels = [orthogonal(keys[0], (4, 6))]
    kernels += [jax.jit(jax.checkpoint(lambda k: orthogonal(k, (6, 2)) + 1))(k) for k in keys[1:-1]]
    noise = jax.random.normal(keys[-1], (5,))
    unused = jnp.tanh(kernels[0] @ kernels[1])
    del unused
    return {
        "key": key,
        "step": jnp.zeros((), jnp.int32),
        "kernels": kernels,
        "average": [2 * kernel for kernel in kernels],
        "noise": (noise, kernels[0].sum() + noise[:1]),
    }


def same(one, other):
    def data(x):
        return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(data(a), data(b), rtol=1e-6, atol=1e-6)


def test_both_parts_are_kept_on_disk_and_give_what_the_whole_gives(tmp_path):
    key = jax.random.key(3)
    with fresh_cache(tmp_path):
        whole = jax.jit(init)(key)
        assert not list(tmp_path.glob("jit_init*"))  # What calls Python is never kept.
        same(FirstState(init, key)(), whole)
        assert len(list(tmp_path.glob("jit_before_calls*-cache"))) == 1
        assert len(list(tmp_path.glob("jit_after_calls*-cache"))) == 1


def test_what_cannot_be_taken_apart_runs_whole():
    def in_a_loop(key):
        return jax.lax.map(lambda k: orthogonal(k, (2, 2)), jax.random.split(key, 2))

    def one_after_another(key):
        first = orthogonal(key, (2, 2))
        return orthogonal(jax.random.key(first[0, 0].astype(int)), (2, 2))

    def without(key):
        return jax.random.normal(key, (3,))

    for function in (in_a_loop, one_after_another, without):
        same(FirstState(function, jax.random.key(0))(), jax.jit(function)(jax.random.key(0)))


def test_shapes_are_those_of_the_values_and_nothing_runs_for_them():
    def init(key):
        return {"kernel": orthogonal(key, (4, 6)), "seen": jax.pure_callback(fail, noise, key)}

    def fail(key):
        raise AssertionError("ran")

    noise = jax.ShapeDtypeStruct((3,), jnp.float32)
    shapes = FirstState(init, jax.random.key(0)).shapes
    assert jax.tree.map(lambda x: (x.shape, x.dtype), shapes) == {
        "kernel": ((4, 6), jnp.float32),
        "seen": ((3,), jnp.float32),
    }


def test_draws_that_differ_in_their_key_alone_become_one(monkeypatch):
    """20 layers take no more operations than two, and each has its own numbers."""

    def draw(key, num_layers):
        keys = [jax.random.fold_in(key, number) for number in range(num_layers)]
        return [(jax.random.normal(k, (3, 2)), jax.random.uniform(k, (4,))) for k in keys]

    def num_draws(num_layers):
        programs, jit = [], jax.jit
        with monkeypatch.context() as patch:
            patch.setattr(jax, "jit", lambda f: programs.append(f) or jit(f))
            values = FirstState(lambda key: draw(key, num_layers), jax.random.key(0))()
        same(values, draw(jax.random.key(0), num_layers))
        (program,) = programs
        return num_equations(jax.make_jaxpr(program)(jax.random.key(0)).jaxpr, "random_bits")

    assert num_draws(20) == num_draws(2) > 0
