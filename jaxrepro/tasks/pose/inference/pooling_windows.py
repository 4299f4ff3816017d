"""Score maps of a trained network, whose windows of pooling are still drawn at random.

Published predictions are made with windows drawn anew for every image, so that they are another
each time. A seed makes them repeatable, and the mean over several draws less noisy.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.state import Variables

WINDOWS = ("resampled", "seeded", "averaged")


def predict_scores(
    module: Any,
    variables: Variables,
    images: jax.Array,
    key: jax.Array,
    *,
    windows: str = "seeded",
    num_draws: int = 1,
    num_stacks: int | None = None,
) -> jax.Array:
    """Returns float32 scores [S, B, h, w, K] in evaluation mode.

    images: [B, H, W, 3]. windows: "resampled": drawn with `key`, which the caller changes from
    batch to batch; "seeded": always the same; "averaged": the mean of the scores over `num_draws`
    draws, always the same. All images of a batch share their windows, so that a score depends on
    its own image alone. Without fractional pooling all three are the same.
    """

    def scores(key: jax.Array) -> jax.Array:
        rngs = {"pooling": key}
        return module.apply(variables, images, train=False, num_stacks=num_stacks, rngs=rngs)

    if windows == "resampled":
        return scores(key)
    fixed = jax.random.key(0)
    if windows == "seeded":
        return scores(fixed)
    draws = [scores(jax.random.fold_in(fixed, i)) for i in range(num_draws)]
    return functools.reduce(jnp.add, draws) / num_draws
