"""Blocks whose activations are computed again for the gradient instead of being kept."""

import flax.linen as nn
import jax


def call(block: nn.Module, *args: jax.Array, train: bool, remat: bool) -> jax.Array:
    """Returns block(*args, train=train).

    remat: keep the arguments alone for the gradient and run the block again in the backward pass,
    for less memory and more time (Chen et al., arXiv 1604.06174). Values, parameters and their
    paths are the same, and the block's variables advance once: what the second run would store
    is dropped.
    """
    if not remat:
        return block(*args, train=train)
    return nn.remat(lambda block, *args: block(*args, train=train))(block, *args)
