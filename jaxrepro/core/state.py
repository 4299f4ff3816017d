"""The state of a training run: one class for all papers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
from flax import struct

if TYPE_CHECKING:  # What only uses a trained network does without Optax.
    import optax

Params = Mapping[str, Any]
# Every variable collection of a module that is not "params": running statistics, spectral vectors.
Collections = Mapping[str, Any]
# What `module.apply` takes: {"params": ..., "batch_stats": ..., ...}.
Variables = Mapping[str, Any]


@struct.dataclass
class Net:
    """One network: its parameters, its other variables and its optimiser's state."""

    params: Params
    stats: Collections
    opt_state: "optax.OptState"

    @property
    def variables(self) -> Variables:
        """The variables that `module.apply` takes."""
        return {"params": self.params, **self.stats}


@struct.dataclass
class TrainState:
    """All that a run needs to continue exactly; a checkpoint is this and nothing more.

    step: int32 [], the number of updates done.
    key: typed `jax.random.key`, the root of all randomness; it never changes during a run.
    nets: the trained networks by name, {"model": ...} or {"g": ..., "d": ...}.
    ema: moving averages by network name, each like `Net.variables`; {} without averaging.
    """

    step: jax.Array
    key: jax.Array
    nets: Mapping[str, Net]
    ema: Mapping[str, Variables]
