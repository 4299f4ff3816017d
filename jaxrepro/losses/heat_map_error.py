"""The loss of pose networks: squared differences of score maps from target maps."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class MapWeights:
    """How much each map counts.

    joints: "all", a missing joint is an empty map that the network must reproduce; "labelled" or
      "visible": only such joints that are drawn, the others leave no gradient. factor: of the
      whole. The mean is over all maps in each case, so fewer joints make a smaller loss.
    """

    joints: Literal["all", "labelled", "visible"]
    factor: float = 1.0


# As in published code; "pytorch_pose" leaves out the joints that are drawn but hidden.
MAP_WEIGHTS = {
    "torch": MapWeights("all"),
    "pytorch_pose": MapWeights("visible", 0.5),
    # HRNet, FPD, mmpose.
    "hrnet": MapWeights("labelled", 0.5),
}


def heat_map_error(
    scores: jax.Array,
    targets: jax.Array,
    drawn: jax.Array,
    visible: jax.Array,
    weights: MapWeights,
) -> jax.Array:
    """Returns the weighted mean squared error of each stack, float32 [S].

    scores: [S, B, H, W, K]. targets: [B, H, W, K]. drawn, visible: bool [B, K], see
    `data.pose.heat_maps.drawn_joints` and `data.pose.people.Person`. Stacks are summed for
    intermediate supervision (A. Newell, K. Yang, J. Deng, ECCV 2016, section 3.3).
    """
    squares = jnp.square(scores.astype(jnp.float32) - targets)
    if weights.joints != "all":
        counted = drawn & visible if weights.joints == "visible" else drawn
        squares = squares * counted[:, None, None, :]
    return weights.factor * squares.mean(axis=(1, 2, 3, 4))
