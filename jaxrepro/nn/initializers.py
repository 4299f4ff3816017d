"""Kernel initialisers, each a pure function of its key.

Orthogonal matrices are drawn by numpy behind `jax.pure_callback`: XLA takes seconds to
compile a QR decomposition for every shape, LAPACK needs none of that.
"""

import functools
import math
import threading
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError

Initializer = Callable[..., jax.Array]

_ONE_DRAW_AT_A_TIME = threading.Lock()


@functools.cache
def _thread_pools():
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


def _draw_orthogonal(key_words: np.ndarray, num_rows: int, num_columns: int) -> np.ndarray:
    """Returns a [num_rows, num_columns] float32 matrix with orthonormal rows or columns."""
    # np.asarray of a few words is all this callback may do with JAX's values: a JAX call in
    # here waits for the device that is waiting for this function.
    seed = [int(word) for word in np.asarray(key_words).reshape(-1)]
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    tall = (max(num_rows, num_columns), min(num_rows, num_columns))
    matrix = generator.standard_normal(tall, dtype=np.float32)
    # XLA calls from several threads: BLAS with threads of its own is up to 80 times slower here,
    # and its rounding would depend on their number.
    with _ONE_DRAW_AT_A_TIME, _thread_pools().limit(limits=1, user_api="blas"):
        q, r = np.linalg.qr(matrix)
    # Without this sign Q follows LAPACK's convention instead of the Haar measure.
    q = q * np.where(np.diagonal(r) < 0, np.float32(-1), np.float32(1))
    return np.ascontiguousarray(q if num_rows >= num_columns else q.T, dtype=np.float32)


def orthogonal(key: jax.Array, shape: Sequence[int], dtype=jnp.float32) -> jax.Array:
    """Returns a kernel [..., outputs] whose matrix [prod(...), outputs] is semi-orthogonal.

    Haar distributed with gain 1, the distribution of torch.nn.init.orthogonal_ on the matrix
    [outputs, prod(...)]. An embedding table [num, features] is drawn as the matrix it is.
    """
    num_rows, num_columns = math.prod(shape[:-1]), shape[-1]
    matrix = jax.pure_callback(
        lambda words: _draw_orthogonal(words, num_rows, num_columns),
        jax.ShapeDtypeStruct((num_rows, num_columns), jnp.float32),
        jax.random.key_data(key),
        vmap_method="sequential",
    )
    return matrix.reshape(shape).astype(dtype)


_INITIALIZERS: dict[str, Initializer] = {
    "ortho": orthogonal,
    "N02": jax.nn.initializers.normal(0.02),
    "xavier": jax.nn.initializers.xavier_uniform(),
}


def kernel_initializer(name: str) -> Initializer:
    """Returns the initialiser of that name: "ortho", "N02" (normal, 0.02) or "xavier" (uniform).

    Raises:
      InputError: the name is none of these.
    """
    if name not in _INITIALIZERS:
        raise InputError(f"kernel_init={name!r}: choose one of {', '.join(_INITIALIZERS)}")
    return _INITIALIZERS[name]
