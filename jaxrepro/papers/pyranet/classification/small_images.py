"""What the classifiers of small images share: three groups of blocks, pyramids, the last layer."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn.forms.biased_convolution import Start
from jaxrepro.papers.pyranet.network.pyramid import Pyramid, PyramidSettings

NUM_GROUPS = 3


def blocks_per_group(depth: int, *, layers: int, others: int, name: str) -> int:
    """Returns n where `depth` is 3 n blocks of so many layers and `others` beside them.

    Raises InputError where no such n is 1 or more.
    """
    per_group = NUM_GROUPS * layers
    num_blocks, rest = divmod(depth - others, per_group)
    if rest or num_blocks < 1:
        examples = " or ".join(str(per_group * n + others) for n in (2, 3))
        raise InputError(
            f"a {name} of depth {depth}: give {per_group} n + {others}, such as {examples}"
        )
    return num_blocks


def in_groups(
    x: jax.Array, num_blocks: int, make_block: Callable[..., nn.Module], *, train: bool
) -> jax.Array:
    """Returns x [B, H, W, C] after three groups of blocks: [B, H / 4, W / 4, C'].

    make_block: (group, stride=, name=) -> a block; the first of the second and third group halves
    the maps. To be called inside a module.
    """
    for group in range(NUM_GROUPS):
        for i in range(num_blocks):
            stride = 2 if group > 0 and i == 0 else 1
            x = make_block(group, stride=stride, name=f"block_{group}_{i}")(x, train=train)
    return x


def beside(
    x: jax.Array,
    features: int,
    pyramid: PyramidSettings | None,
    *,
    stride: int,
    start: Start,
    train: bool,
) -> jax.Array | float:
    """Returns what a pyramid adds to the convolutions that make `features` maps of x, or 0.

    x: [B, H, W, C], not negative -> [B, H / stride, W / stride, features]. To be called inside a
    module.
    """
    if pyramid is None:
        return 0.0
    branch = Pyramid(
        features,
        features,
        pyramid,
        preactivate=False,
        stride=stride,
        start=start,
        name="pyramid",
    )
    return branch(x, train=train)


def class_scores(x: jax.Array, num_classes: int) -> jax.Array:
    """Returns float32 logits [B, num_classes] of the mean over the maps x [B, H, W, C].

    To be called inside a module.
    """
    x = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
    return nn.Dense(num_classes, name="logits")(x)
