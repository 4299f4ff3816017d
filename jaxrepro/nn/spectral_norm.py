"""Linear maps divided by an estimate of their largest singular value.

The form of BigGAN's authors (SN-GAN, arXiv 1802.05957, algorithm 1): only the vector on the
output side is kept; every call, in evaluation too, makes one step of the power iteration from
it; a training call stores the result. The vectors are constants for the gradient, the
singular value is not.
"""

from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn import initializers
from jaxrepro.nn.operations import operations

_EXACT = lax.Precision.HIGHEST


def _normalize(vector: jax.Array, epsilon: float) -> jax.Array:
    return vector / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(vector))), epsilon)


def power_iteration(matrix: jax.Array, u: jax.Array, epsilon: float) -> tuple[jax.Array, jax.Array]:
    """Returns (sigma [], the next u [M]) after one step of the power iteration.

    matrix: [N, M]; u: [M], of any length. v = n(matrix u), u' = n(matrix^T v) and
    sigma = v^T matrix u', with n(x) = x / max(|x|, epsilon). The gradient of sigma with
    respect to the matrix is v u'^T.
    """
    chex.assert_rank([matrix, u], [2, 1])
    constant = lax.stop_gradient(matrix)
    v = _normalize(jnp.dot(constant, lax.stop_gradient(u), precision=_EXACT), epsilon)
    u = _normalize(jnp.dot(v, constant, precision=_EXACT), epsilon)
    sigma = jnp.dot(jnp.dot(v, matrix, precision=_EXACT), u, precision=_EXACT)
    return sigma, u


def tracked_singular_value(
    module: nn.Module, matrix: jax.Array, *, epsilon: float, train: bool
) -> jax.Array:
    """Returns sigma [] of matrix [N, M], keeping u and sigma in the module's "spectral" variables.

    For use inside a module's compact method. u starts as N(0, 1); both are stored only if
    train.
    """
    u = module.variable(
        "spectral",
        "u",
        lambda: jax.random.normal(module.make_rng("params"), (matrix.shape[1],), jnp.float32),
    )
    stored_sigma = module.variable("spectral", "sigma", lambda: jnp.ones((), jnp.float32))
    sigma, next_u = power_iteration(matrix, u.value, epsilon)
    if train and not module.is_initializing():
        u.value = next_u
        stored_sigma.value = lax.stop_gradient(sigma)
    return sigma


def _normalized(module: Any, kernel: jax.Array, matrix: jax.Array, train: bool) -> jax.Array:
    """Returns a layer's kernel over the singular value of its matrix form, if it is to be."""
    if not module.normalize:
        return kernel
    return kernel / tracked_singular_value(module, matrix, epsilon=module.epsilon, train=train)


class SpectralConv(nn.Module):
    """A convolution with a spectrally normalised kernel.

    Without `normalize` the kernel is used as it is, for published weights that are normalised
    already. `operation(x, kernel)` says what is done with the normalised kernel
    [kernel_size, kernel_size, I, features]; None means a convolution that keeps the size.
    """

    features: int
    kernel_size: int = 3
    use_bias: bool = True
    epsilon: float = 1e-6
    kernel_init: initializers.Initializer = initializers.orthogonal
    operation: Callable[[jax.Array, jax.Array], jax.Array] | None = None
    dtype: jnp.dtype = jnp.float32
    normalize: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns what `operation` makes of x [B, H, W, I], plus the bias."""
        chex.assert_rank(x, 4)
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        kernel = _normalized(self, kernel, kernel.reshape(-1, self.features), train)
        operation = self.operation or operations().convolve
        y = operation(x.astype(self.dtype), kernel)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
            y = y + bias.astype(self.dtype)
        return y


class SpectralDense(nn.Module):
    """A linear layer with a spectrally normalised kernel; `normalize` as in `SpectralConv`."""

    features: int
    use_bias: bool = True
    epsilon: float = 1e-6
    kernel_init: initializers.Initializer = initializers.orthogonal
    dtype: jnp.dtype = jnp.float32
    normalize: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, features]: x [B, I] times the normalised kernel, plus the bias."""
        chex.assert_rank(x, 2)
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        kernel = _normalized(self, kernel, kernel, train)
        y = jnp.dot(x.astype(self.dtype), kernel.astype(self.dtype))
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
            y = y + bias.astype(self.dtype)
        return y


class SpectralEmbedding(nn.Module):
    """A table of vectors, spectrally normalised as a whole; its u has one entry for each row."""

    num_embeddings: int
    features: int
    epsilon: float = 1e-6
    kernel_init: initializers.Initializer = initializers.orthogonal

    @nn.compact
    def __call__(self, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns float32 [B, features], the normalised rows of labels [B] in [0, num)."""
        chex.assert_rank(labels, 1)
        shape = (self.num_embeddings, self.features)
        table = self.param("embedding", self.kernel_init, shape, jnp.float32)
        sigma = tracked_singular_value(self, table.T, epsilon=self.epsilon, train=train)
        return jnp.take(table, labels, axis=0) / sigma
