"""Dot-product attention, and a form of it whose gradient never holds all weights at once."""

import jax
import jax.numpy as jnp
from jax import lax

# Numbers in one block's weights: 4 MiB of float32, the fastest of 2**17 to 2**22 on CPU.
_BLOCK_SIZE = 2**20


def attend(queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
    """Returns softmax(queries keys^T) values [B, Q, D], the softmax in float32.

    queries: [B, Q, C]; keys: [B, K, C]; values: [B, K, D]. The logits are not divided by the
    root of C.
    """
    logits = jnp.einsum("bqc,bkc->bqk", queries, keys).astype(jnp.float32)
    weights = jax.nn.softmax(logits).astype(values.dtype)
    return jnp.einsum("bqk,bkd->bqd", weights, values)


def _weights(queries: jax.Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns float32 (exp(logits - their maximum) [B, Q, K], 1 / its sum [B, Q, 1])."""
    logits = jnp.einsum("bqc,bkc->bqk", queries, keys).astype(jnp.float32)
    unnormalized = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    return unnormalized, 1 / jnp.sum(unnormalized, axis=-1, keepdims=True)


@jax.custom_vjp
def attend_in_blocks(queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
    """Returns `attend(queries, keys, values)`, with another way to its gradient.

    The backward pass visits the queries in blocks and computes each block's weights again, so
    that they stay in cache (Dao et al., FlashAttention, arXiv 2205.14135).
    """
    return attend(queries, keys, values)


def _num_blocks(batch: int, num_queries: int, num_keys: int) -> int:
    """Returns the smallest power of two that cuts the weights to _BLOCK_SIZE, if it divides."""
    blocks = 1
    while (
        batch * (num_queries // blocks) * num_keys > _BLOCK_SIZE and num_queries % (2 * blocks) == 0
    ):
        blocks *= 2
    return blocks


def _transposed_product(left: jax.Array, right: jax.Array) -> jax.Array:
    """Returns [B, C, K], the product of left [B, Q, C] transposed and right [B, Q, K]."""
    # Without the barriers XLA takes the transposition into the product, and then leaves the
    # fast matrix multiplication of the CPU for a loop.
    transposed = lax.optimization_barrier(jnp.swapaxes(left, 1, 2))
    return lax.optimization_barrier(jnp.einsum("bcq,bqk->bck", transposed, right))


def _attend_forward(queries: jax.Array, keys: jax.Array, values: jax.Array):
    return attend(queries, keys, values), (queries, keys, values)


def _attend_backward(operands, cotangent: jax.Array):
    # The barrier keeps XLA from sharing the weights with the forward pass, which would store them.
    queries, keys, values = lax.optimization_barrier(operands)
    batch, num_queries, _ = queries.shape
    num_blocks = _num_blocks(batch, num_queries, keys.shape[1])

    def to_blocks(x: jax.Array) -> jax.Array:
        return jnp.moveaxis(x.reshape(batch, num_blocks, -1, x.shape[-1]), 1, 0)

    def add_block(sums, block):
        block_queries, block_cotangent = block
        unnormalized, scale = _weights(block_queries, keys)
        unnormalized = lax.optimization_barrier(unnormalized)
        weights = unnormalized * scale
        to_weights = jnp.einsum("bqd,bkd->bqk", block_cotangent, values).astype(jnp.float32)
        mean = jnp.sum(weights * to_weights, axis=-1, keepdims=True)
        to_logits = lax.optimization_barrier(weights * (to_weights - mean))
        to_queries = jnp.einsum("bqk,bkc->bqc", to_logits, keys)
        to_keys, to_values = sums
        to_keys += _transposed_product(block_queries.astype(jnp.float32), to_logits)
        to_values += _transposed_product(block_cotangent * scale, unnormalized)
        return (to_keys, to_values), to_queries

    zeros = [jnp.zeros((batch, x.shape[2], x.shape[1]), jnp.float32) for x in (keys, values)]
    blocks = to_blocks(queries), to_blocks(cotangent)
    (to_keys, to_values), to_queries = lax.scan(add_block, tuple(zeros), blocks)
    gradients = (
        jnp.moveaxis(to_queries, 0, 1).reshape(queries.shape),
        jnp.swapaxes(to_keys, 1, 2),
        jnp.swapaxes(to_values, 1, 2),
    )
    return tuple(g.astype(x.dtype) for g, x in zip(gradients, operands, strict=True))


attend_in_blocks.defvjp(_attend_forward, _attend_backward)
