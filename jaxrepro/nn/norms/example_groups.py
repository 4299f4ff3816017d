"""A network in training mode whose batch statistics are over groups of examples."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Collections, Params


def apply_in_groups(
    module: nn.Module,
    params: Params,
    stats: Collections,
    images: jax.Array,
    *,
    num_groups: int,
    rngs: Mapping[str, jax.Array],
    batch_axis: int = 0,
) -> tuple[Any, Collections]:
    """Returns (output, new statistics) of `module`, each run of B / num_groups examples by itself.

    All its norms see a group alone, and the running moments follow the mean over the groups, as in
    `BatchNormRelu(num_groups=...)`. Each group draws random numbers of its own. What is in a group
    is a matter of the batch, not of the devices; where groups lie within devices, no moments are
    exchanged for the output.

    images: [B, ...]; batch_axis: where B is in the output, or in each array of it.
    """

    def apply(images: jax.Array, rngs: Any) -> tuple[Any, Any]:
        variables = {"params": params, **stats}
        return module.apply(variables, images, train=True, mutable=list(stats), rngs=rngs)

    if num_groups == 1:
        return apply(images, dict(rngs))
    groups = images.reshape(num_groups, -1, *images.shape[1:])
    keys = {name: jax.random.split(key, num_groups) for name, key in rngs.items()}
    output, moments = jax.vmap(apply, out_axes=(batch_axis, 0))(groups, keys)

    def merged(x: jax.Array) -> jax.Array:
        return x.reshape(*x.shape[:batch_axis], images.shape[0], *x.shape[batch_axis + 2 :])

    means = jax.tree.map(lambda x: jnp.mean(x, axis=0), moments)
    return jax.tree.map(merged, output), means


def num_groups_from_settings(model: Settings, batch_size: int) -> int:
    """Returns `bn_groups` of a config's section `model`, 1 for moments over the whole batch.

    A config without the key, such as that of an older run, means 1.

    batch_size: of what passes through the network at once. Raises InputError unless it is a
    multiple.
    """
    groups = model.at_least("bn_groups", 1, default=1)
    if batch_size % groups:
        raise InputError(
            f"model.bn_groups={groups} does not divide the {batch_size} examples that pass through "
            "the network at once"
        )
    return groups
