"""The pyramid: a branch that sees its input at several smaller scales at once.

W. Yang, S. Li, W. Ouyang, H. Li, X. Wang, "Learning Feature Pyramids for Human Pose Estimation",
ICCV 2017 (arXiv 1708.01101).
"""

import dataclasses
import functools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.fractional_pooling import draw_samples, fractional_max_pool
from jaxrepro.nn.forms.aligned_resize import resize_bilinear_aligned
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Flow, Start, uniform_by_fan_in
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

VARIANTS = ("A", "B", "C", "D")
POOLINGS = ("fractional", "bilinear")


@dataclasses.dataclass(frozen=True)
class PyramidSettings:
    """Which pyramid.

    variant: "A": each level has a 1x1 convolution of its own before it; "B": all share one;
    "C": as B, with the levels concatenated instead of added; "D": as B, with dilated convolutions
    instead of smaller maps. base_width: a module of F channels has levels of floor(F / base_width).
    cardinality: the number of levels. pooling: how maps are made smaller. normalize_levels: batch
    norm and ReLU between a level's pooling and its convolution, as in the article's code.
    """

    variant: str = "B"
    base_width: int = 9
    cardinality: int = 4
    pooling: str = "fractional"
    normalize_levels: bool = False

    def level_width(self, features: int) -> int:
        """Returns the channels of each level in a module of so many."""
        return features // self.base_width

    def level_sides(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Returns (height, width) of each level: of level i the sides times 2^(-i/C), floored.

        The published code has a power of a rounded root, which for some cardinalities makes the
        last level of an even side one pixel smaller; not for its own, 4.
        """
        ratios = [2 ** (-i / self.cardinality) for i in range(1, self.cardinality + 1)]
        return tuple((int(height * ratio), int(width * ratio)) for ratio in ratios)


class Pyramid(nn.Module):
    """1x1 convolution to narrow levels; each pooled, convolved and enlarged; their sum; 1x1.

    Batch norm and ReLU stand before each of the 1x1 convolutions, the first of them if
    `preactivate`, and before the levels. module_features: those of the whole module, by which the
    levels' width goes; features: of the result. stride: of the first convolution.

    The published code is variant B. A, C and D are in the paper as a figure only (figure 3): here
    they differ from B as the figure shows, and share the rest with it. So the pyramid is added at
    the narrow width of the module's bottleneck, where the figure adds at full width.

    The windows of fractional pooling come from the stream "pooling": in training each example has
    its own; otherwise all examples share them, so that none depends on its neighbours.
    """

    features: int
    module_features: int
    settings: PyramidSettings = PyramidSettings()
    preactivate: bool = True
    stride: int = 1
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, samples: jax.Array | None = None) -> jax.Array:
        """Returns [B, H / stride, W / stride, features].

        x: [B, H, W, C]. samples: [cardinality, B or 1, level width, 2] in [0, 1), to place the
        windows instead of drawn ones: width, height, as in `fractional_max_pool`.
        """
        settings = self.settings
        num_levels = settings.cardinality
        levels = self._reduced(x, train)
        shape = levels[0].shape
        if samples is None and settings.variant != "D" and settings.pooling == "fractional":
            rows = (num_levels, shape[0] if train else 1, shape[3])
            samples = draw_samples(self.make_rng("pooling"), rows)
        levels = [
            self._level(level, i, None if samples is None else samples[i], train)
            for i, level in enumerate(levels)
        ]
        concatenate = settings.variant == "C"
        y = jnp.concatenate(levels, axis=-1) if concatenate else functools.reduce(jnp.add, levels)
        y = BatchNormRelu(name="merge_norm")(y, train=train)
        # The branches of a concatenation have kernels of their own, which the fan-in counts.
        flow = Flow(branches_in=1 if concatenate else num_levels)
        return BiasedConvolution(self.features, start=self.start, flow=flow, name="merge_conv")(y)

    def _reduced(self, x: jax.Array, train: bool) -> list[jax.Array]:
        """Returns each level's input [B, H / stride, W / stride, level width]."""
        width = self.settings.level_width(self.module_features)
        chex.assert_scalar_positive(width)
        num_levels = self.settings.cardinality
        num_kernels = num_levels if self.settings.variant == "A" else 1
        reduced = []
        for i in range(num_kernels):
            y = BatchNormRelu(name=f"norm_{i}")(x, train=train) if self.preactivate else x
            flow = Flow(branches_out=num_levels // num_kernels)
            y = BiasedConvolution(
                width, stride=self.stride, start=self.start, flow=flow, name=f"reduce_{i}"
            )(y)
            reduced.append(BatchNormRelu(name=f"reduced_norm_{i}")(y, train=train))
        return reduced * (num_levels // num_kernels)

    def _level(self, x: jax.Array, index: int, samples: jax.Array | None, train: bool) -> jax.Array:
        """Returns one level of the size of x, its input [B, H, W, D]."""
        size = x.shape[1], x.shape[2]
        dilation = 1
        if self.settings.variant == "D":
            # The figure shows dilations that grow with the level; neither it nor code has numbers.
            dilation = index + 1
        elif samples is not None:
            x = fractional_max_pool(x, samples, self.settings.level_sides(*size)[index])
        else:
            x = resize_bilinear_aligned(x, self.settings.level_sides(*size)[index])
        if self.settings.normalize_levels:
            x = BatchNormRelu(name=f"level_norm_{index}")(x, train=train)
        x = BiasedConvolution(
            x.shape[-1], 3, dilation=dilation, start=self.start, name=f"level_{index}"
        )(x)
        return resize_bilinear_aligned(x, size)
