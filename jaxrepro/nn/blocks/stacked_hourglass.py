"""Hourglasses in a row, each of which predicts the score maps of all joints."""

from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.hourglass import Hourglass, MakeBlock, Place, residual_blocks
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Flow, Start, uniform_by_fan_in
from jaxrepro.nn.forms.operations import operations
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

_RECTIFIED = Flow()


class StackedHourglass(nn.Module):
    """A stem that quarters the image, and `num_stacks` hourglasses, each seeing the last's scores.

    features: channels of the hourglasses, a multiple of 4. wide_stem: the stem's three blocks have
    half, all and all of them, as in the PyTorch code; else half, half and all, as in Torch's.
    num_blocks: in each place of an hourglass. num_joints: score maps. depth: sizes of an hourglass.
    make_block: which blocks. normalize_after: batch norm and ReLU after an hourglass instead of
    its `num_blocks` blocks. start: of all convolutions. score_start: of those that make scores,
    which no norm follows; None for the same. dtype: of the maps; scores are float32.

    (A. Newell, K. Yang, J. Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016,
    as in its published code; other widths than 256 as in F. Zhang, X. Zhu, M. Ye, "Fast Human Pose
    Estimation", CVPR 2019.)
    """

    num_stacks: int = 8
    features: int = 256
    num_blocks: int = 1
    num_joints: int = 16
    depth: int = 4
    wide_stem: bool = True
    make_block: MakeBlock = residual_blocks
    normalize_after: bool = False
    start: Start = uniform_by_fan_in
    score_start: Start | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, images: jax.Array, *, train: bool, num_stacks: int | None = None
    ) -> jax.Array:
        """Returns float32 scores [S, B, H/4, W/4, num_joints], S stacks, not bounded.

        images: [B, H, W, 3], both sides multiples of 4 * 2^depth. num_stacks: stop after so many,
        for an early answer; all by default.
        """
        chex.assert_shape(images, (None, None, None, 3))
        used = self.num_stacks if num_stacks is None else num_stacks
        chex.assert_scalar_in(used, 1, self.num_stacks)
        x = self._stem(images.astype(self.dtype), train)
        scores = []
        for stack in range(used):
            y = self._predict_features(x, stack, train)
            scores.append(self._score(f"score_{stack}")(y))
            if stack + 1 < used:
                linear = Flow(rectified=False)
                x = x + self._project(f"feature_return_{stack}", self.features)(y)
                x = x + self._project(f"score_return_{stack}", self.features, linear)(scores[-1])
        return jnp.stack(scores).astype(jnp.float32)

    def _stem(self, x: jax.Array, train: bool) -> jax.Array:
        """Returns [B, H/4, W/4, features]."""
        quarter, half = self.features // 4, self.features // 2
        flow = Flow(rectified=False)
        x = BiasedConvolution(quarter, 7, 2, start=self.start, flow=flow, name="stem_conv")(x)
        x = BatchNormRelu(name="stem_norm")(x, train=train)
        second = self.features if self.wide_stem else half
        for i, features in enumerate((half, second, self.features), start=1):
            x = self._block(Place("stem", i), features, f"stem_{i}")(x, train=train)
            if i == 1:
                x = operations().max_pool(x)
        return x

    def _predict_features(self, x: jax.Array, stack: int, train: bool) -> jax.Array:
        """Returns what one hourglass ends in and the scores are made of, [B, h, w, features]."""
        x = Hourglass(
            self.depth, self.num_blocks, self.make_block, self.start, name=f"hourglass_{stack}"
        )(x, train=train)
        if self.normalize_after:
            x = BatchNormRelu(name=f"after_{stack}_norm")(x, train=train)
        else:
            for i in range(self.num_blocks):
                block = self._block(Place("after", 0), self.features, f"after_{stack}_{i}")
                x = block(x, train=train)
        # A block ends in an addition, without a ReLU.
        flow = Flow(rectified=self.normalize_after)
        x = self._project(f"feature_conv_{stack}", self.features, flow)(x)
        return BatchNormRelu(name=f"feature_norm_{stack}")(x, train=train)

    def _block(self, place: Place, features: int, name: str) -> Any:
        return self.make_block(place, features, start=self.start, name=name)

    def _score(self, name: str) -> BiasedConvolution:
        start = self.start if self.score_start is None else self.score_start
        return BiasedConvolution(self.num_joints, start=start, name=name)

    def _project(self, name: str, features: int, flow: Flow = _RECTIFIED) -> BiasedConvolution:
        return BiasedConvolution(features, start=self.start, flow=flow, name=name)
