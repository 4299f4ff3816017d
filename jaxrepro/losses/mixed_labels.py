"""Cross entropy with several labels an example, each with a share."""

import jax
import jax.numpy as jnp
import optax


def mixed_cross_entropy(logits: jax.Array, labels: jax.Array, shares: jax.Array) -> jax.Array:
    """Returns the mean over the batch of the shares' cross entropies, float32 [].

    logits: [B, K]; labels: int [P, B]; shares: [P] or [P, B], which sum to 1 over P. It is the
    cross entropy with the target sum_p share_p onehot(label_p). A share of 0 adds nothing, whatever
    its label. Takahashi et al. 2018 (arXiv 1811.09030), section 3.2.
    """
    by_label = jax.vmap(optax.softmax_cross_entropy_with_integer_labels, in_axes=(None, 0))
    losses = by_label(logits.astype(jnp.float32), labels)
    return (_columns(shares) * losses).sum(axis=0).mean()


def mixed_agreement(logits: jax.Array, labels: jax.Array, shares: jax.Array) -> jax.Array:
    """Returns the share of the labels that the highest scores agree with, float32 [] in [0, 1].

    Of an unmixed batch it is the accuracy. Arguments as of `mixed_cross_entropy`.
    """
    hits = (logits.argmax(axis=1) == labels).astype(jnp.float32)
    return (_columns(shares) * hits).sum(axis=0).mean()


def _columns(shares: jax.Array) -> jax.Array:
    return shares[:, None] if shares.ndim == 1 else shares
