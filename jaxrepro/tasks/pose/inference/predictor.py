"""Joints from pictures with a trained network: what training measures, for any use of it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Variables
from jaxrepro.data.pose.joint_sets import JointSet
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES, decode
from jaxrepro.metrics.pose.pose_search import flip_average
from jaxrepro.tasks.pose.inference.pooling_windows import predict_scores
from jaxrepro.tasks.pose.people import MEANS


def network_input(images: jax.Array, mean: str) -> jax.Array:
    """Returns crops, uint8 [..., 3], as float32 in [0, 1] less a colour; mean: a key of MEANS."""
    return images.astype(jnp.float32) / 255 - jnp.array(MEANS[mean], jnp.float32)


@dataclasses.dataclass(frozen=True)
class Predictor:
    """How a network's maps become joints.

    mean: a key of `people.MEANS`. decode_style: a key of DECODE_STYLES. flip, shift: see
    `metrics.pose.pose_search.flip_average`; without flip, shift has no effect. windows, num_draws:
    see `pooling_windows.predict_scores`. stacks: the answer is that of this stack, counted from 1,
    and later ones are not computed; None for the last.
    """

    module: Any
    joint_set: JointSet
    mean: str
    decode_style: str
    flip: bool = True
    shift: bool = False
    windows: str = "seeded"
    num_draws: int = 1
    stacks: int | None = None

    def __post_init__(self) -> None:
        """Raises InputError if the network has no such stack."""
        if self.stacks is not None and not 1 <= self.stacks <= self.module.num_stacks:
            raise InputError(
                f"stacks={self.stacks} given; the network has {self.module.num_stacks}, so give 1 "
                f"to {self.module.num_stacks}"
            )

    def maps(self, variables: Variables, images: jax.Array, key: jax.Array) -> jax.Array:
        """Returns one stack's maps of crops, uint8 [B, S, S, 3], float32 [B, S/4, S/4, K]."""
        x = network_input(images, self.mean)
        # Both in one batch: half the program, and the same windows of pooling.
        views = jnp.concatenate([x, x[:, :, ::-1]]) if self.flip else x
        scores = predict_scores(
            self.module,
            variables,
            views,
            key,
            windows=self.windows,
            num_draws=self.num_draws,
            num_stacks=self.stacks,
        )[-1]
        if not self.flip:
            return scores
        plain, mirrored = jnp.split(scores, 2)
        return flip_average(plain, mirrored, self.joint_set, shift=self.shift)

    def points(
        self, variables: Variables, images: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Returns (points [B, K, 2] in pixels of the crop, peak values [B, K])."""
        maps = self.maps(variables, images, key)
        points, values = decode(maps, DECODE_STYLES[self.decode_style])
        return points * (images.shape[1] / maps.shape[1]), values
