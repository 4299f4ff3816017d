import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.program_cache import fresh_cache
from jaxrepro.core.first_state import run_in_parts
from jaxrepro.nn.initializers import orthogonal


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
        same(run_in_parts(init, key), whole)
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
        same(run_in_parts(function, jax.random.key(0)), jax.jit(function)(jax.random.key(0)))
