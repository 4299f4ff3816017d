"""How many joints a network finds in its own maps: the accuracy that training code prints."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.data.pose.joint_sets import JointSet
from jaxrepro.metrics.pose.pose_decode import peaks

# All joints but head, neck, shoulders and trunk.
_JUDGED = tuple(
    f"{side}_{part}"
    for part in ("ankle", "knee", "hip", "wrist", "elbow")
    for side in ("right", "left")
)


def map_distances(maps: jax.Array, targets: jax.Array) -> jax.Array:
    """Returns distances of the peaks in tenths of the map's width, [..., K]; -1 where not judged.

    maps, targets: [..., H, W, K]. A joint is judged if its target has a peak outside the first row
    and the first column, as in the Torch code.
    """
    found, values = peaks(maps)
    # No positive value counts as a peak before the first cell.
    found = jnp.where((values > 0)[..., None], found, -1)
    wanted, target_values = peaks(targets)
    judged = (target_values > 0) & (wanted > 0).all(axis=-1)
    offset = (found - wanted).astype(jnp.float32)
    distances = jnp.sqrt((offset**2).sum(axis=-1)) / (maps.shape[-2] / 10)
    return jnp.where(judged, distances, -1)


def map_accuracy(distances: jax.Array, joint_set: JointSet, *, strict: bool = True) -> jax.Array:
    """Returns the mean over the joints of the limbs of the share that is within 0.5, in [0, 1].

    distances: [B, K] of `map_distances`. A joint that is judged nowhere is left out; 0 if all are.
    strict: an error of exactly 0.5 is a miss, as in pytorch-pose; the Torch code counts it.
    """
    limbs = distances[:, np.array([joint_set.index(joint) for joint in _JUDGED])]
    judged = limbs >= 0
    close = judged & (limbs < 0.5 if strict else limbs <= 0.5)
    counts = judged.sum(axis=0)
    shares = close.sum(axis=0) / jnp.maximum(counts, 1)
    return shares.sum() / jnp.maximum((counts > 0).sum(), 1)
