"""What the classifiers of small images share: three groups of blocks, branches, the last layer."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn.forms.biased_convolution import Start

NUM_GROUPS = 3


class Classified(NamedTuple):
    """What a classifier returns: `features`, float32 [B, D], which its last layer saw, and scores.

    logits: float32 [B, num_classes].
    """

    features: jax.Array
    logits: jax.Array


class MakeBranch(Protocol):
    """What makes the branch beside convolutions of a block."""

    def __call__(self, features: int, *, stride: int, start: Start) -> nn.Module:
        """Returns a module (x [B, H, W, C], train=...) -> [B, H / stride, W / stride, features].

        x: not negative. The maker names the module.
        """
        ...


class MakeHead(Protocol):
    """What makes the last layer, such as `nn.Dense`."""

    def __call__(self, features: int, *, name: str) -> nn.Module:
        """Returns a module of that name: [B, D] -> scores of so many classes, [B, features]."""
        ...


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


def branch_maps(
    x: jax.Array,
    features: int,
    make_branch: MakeBranch | None,
    *,
    stride: int,
    start: Start,
    train: bool,
) -> jax.Array | float:
    """Returns what a branch adds to the convolutions that make `features` maps of x, or 0.

    x: [B, H, W, C], not negative -> [B, H / stride, W / stride, features]. To be called inside a
    module.
    """
    if make_branch is None:
        return 0.0
    return make_branch(features, stride=stride, start=start)(x, train=train)


def classified(x: jax.Array, num_classes: int, make_head: MakeHead = nn.Dense) -> Classified:
    """Returns the mean over the maps x [B, H, W, C], and the classes' scores.

    To be called inside a module; the last layer's name is "logits".
    """
    features = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
    return Classified(features, make_head(num_classes, name="logits")(features))
