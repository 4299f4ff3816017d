"""Linear maps divided by an estimate of their largest singular value.

The form of BigGAN's authors (SN-GAN, arXiv 1802.05957, algorithm 1): only the vector on the
output side is kept; every call, in evaluation too, makes one step of the power iteration from
it; a training call stores the result. The vectors are constants for the gradient, the
singular value is not.

A deep network has hundreds of small kernels of few shapes. `normalized_together` treats those of
one shape as one array, and the layers take what it made: a tenth of the operations to trace, to
compile and to start.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util
from jax import lax

from jaxrepro.nn import initializers
from jaxrepro.nn.forms.operations import operations

_EXACT = lax.Precision.HIGHEST
# The collection that `normalized_together` makes and the layers read.
_TOGETHER = "spectral_together"
# Entries of the largest kernels that are stacked: what is larger fills the device by itself, and
# would only be copied.
_MOST_ENTRIES = 2**16


def _normalize(vector: jax.Array, epsilon: float) -> jax.Array:
    return vector / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(vector))), epsilon)


@functools.partial(jax.jit, static_argnames="epsilon")  # Traced once for each shape.
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


def normalized_together(
    params: Mapping[str, Any], spectral: Mapping[str, Any], epsilon: float
) -> dict[str, Any]:
    """Returns a collection that spares the layers of this file their own power iterations.

    To be given to `apply` beside "params" and "spectral", the variables of a network whose layers
    all have this epsilon: {"spectral_together": ...}, with the normalised kernel, the next u and
    sigma of every layer whose kernel is small and has the shape of another. Gradients pass through
    it to `params`.
    """
    kernels = traverse_util.flatten_dict(params)
    vectors = traverse_util.flatten_dict(spectral)
    alike = defaultdict(list)
    for *path, name in vectors:
        kernel: Any = kernels.get((*path, "kernel"))
        if name == "u" and kernel is not None and kernel.size <= _MOST_ENTRIES:
            alike[kernel.shape].append(tuple(path))
    made = {}
    for paths in alike.values():
        if len(paths) == 1:
            continue
        parts = _normalized_alike(
            [kernels[*path, "kernel"] for path in paths],
            [vectors[*path, "u"] for path in paths],
            epsilon,
        )
        for name, arrays in parts.items():
            made |= {(*path, name): x for path, x in zip(paths, arrays, strict=True)}
    return {_TOGETHER: traverse_util.unflatten_dict(made)}


@functools.partial(jax.jit, static_argnums=2)  # Traced once for each shape and number.
def _normalized_alike(kernels: Any, starts: Any, epsilon: float) -> dict[str, list[jax.Array]]:
    """Returns {"kernel", "u", "sigma"} of kernels [..., M] of one shape and their vectors [M]."""
    stacked = jnp.stack(kernels)
    matrices = stacked.reshape(len(kernels), -1, stacked.shape[-1])
    iterate = jax.vmap(functools.partial(power_iteration, epsilon=epsilon))
    sigma, u = iterate(matrices, jnp.stack(starts))
    normalized = stacked / sigma.reshape(-1, *[1] * (stacked.ndim - 1))
    # A split, whose gradient is one concatenation; that of indexing is a sum of arrays.
    return {
        name: [lax.squeeze(part, [0]) for part in lax.split(x, [1] * len(kernels))]
        for name, x in (("kernel", normalized), ("u", u), ("sigma", lax.stop_gradient(sigma)))
    }


def _normalized(module: Any, kernel: jax.Array, train: bool) -> jax.Array:
    """Returns a layer's kernel over the singular value of its matrix form, if it is to be."""
    if not module.normalize:
        return kernel
    if train and module.has_variable(_TOGETHER, "kernel"):
        module.put_variable("spectral", "u", module.get_variable(_TOGETHER, "u"))
        module.put_variable("spectral", "sigma", module.get_variable(_TOGETHER, "sigma"))
        return module.get_variable(_TOGETHER, "kernel")
    matrix = kernel.reshape(-1, module.features)
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
        kernel = _normalized(self, kernel, train)
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
        kernel = _normalized(self, kernel, train)
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
