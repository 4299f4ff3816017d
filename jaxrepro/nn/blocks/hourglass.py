"""The hourglass: down to the smallest map and up again, with a skip at each size."""

from typing import NamedTuple, Protocol

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck
from jaxrepro.nn.forms import resampling
from jaxrepro.nn.forms.biased_convolution import Start, uniform_by_fan_in
from jaxrepro.nn.forms.operations import operations


class Place(NamedTuple):
    """Where a block stands.

    part: "stem"; in an hourglass "skip" (before the pooling), "encoder" (after it), "bottom"
    (between the two ways) or "decoder" (before the upsampling); or "after" the hourglass.
    level: of an hourglass, from 1 for the smallest maps; in the stem the block's number from 1;
    after an hourglass 0.
    """

    part: str
    level: int


class MakeBlock(Protocol):
    """What makes the blocks of a network."""

    def __call__(self, place: Place, features: int, *, start: Start, name: str) -> nn.Module:
        """Returns a module of that name: (x [B, H, W, C], train=...) -> [B, H, W, features]."""
        ...


def residual_blocks(place: Place, features: int, *, start: Start, name: str) -> nn.Module:
    """Returns Newell's block, the same in all places."""
    del place
    return PreactivationBottleneck(features, start=start, name=name)


class Hourglass(nn.Module):
    """Newell's hourglass of `depth` sizes, each half the one before, with blocks of any kind.

    Each place holds `num_blocks` blocks in a row. Pooling takes maxima, upsampling repeats pixels.
    (A. Newell, K. Yang, J. Deng, "Stacked Hourglass Networks for Human Pose Estimation",
    ECCV 2016, figure 3, in the order of its published code.)
    """

    depth: int = 4
    num_blocks: int = 1
    make_block: MakeBlock = residual_blocks
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H, W, C]; x: [B, H, W, C], both sides multiples of 2^depth."""
        chex.assert_is_divisible(x.shape[1], 2**self.depth)
        chex.assert_is_divisible(x.shape[2], 2**self.depth)
        features = x.shape[-1]

        def blocks(part: str, level: int, x: jax.Array) -> jax.Array:
            for i in range(self.num_blocks):
                name = f"{part}_{level}_{i}"
                block = self.make_block(Place(part, level), features, start=self.start, name=name)
                x = block(x, train=train)
            return x

        skips = []
        for level in range(self.depth, 0, -1):
            skips.append(blocks("skip", level, x))
            x = blocks("encoder", level, operations().max_pool(x))
        x = blocks("bottom", 1, x)
        for level in range(1, self.depth + 1):
            x = blocks("decoder", level, x)
            x = skips.pop() + resampling.upsample_nearest(x)
        return x
