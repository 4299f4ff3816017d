"""What is watched during training: the spectra of all weights (BigGAN, section 4)."""

import re

import jax

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Every, Guard, Monitor, Scalars
from jaxrepro.nn.norms.singular_values import spectra

# The largest singular value of each weight of G: that of D jumps and recovers in healthy runs.
_WATCHED = "^sigma/g/.*/0$"


def weight_spectra(state: TrainState, num_values: int) -> Scalars:
    """Returns {"sigma/g/blocks_0/conv_1/0": the largest singular value, ".../1": the next, ...}.

    Of every weight of rank 2 or more of both networks, unnormalised, as the matrix that it is in
    its layer; at most `num_values` of each, fewer where its rank is smaller.
    """
    weights = {}
    for name, net in state.nets.items():
        for path, leaf in jax.tree_util.tree_flatten_with_path(net.params)[0]:
            if leaf.ndim >= 2:
                weights[f"sigma/{name}/{leaf_path(path)}"] = leaf
    return {
        re.sub(r"/(kernel|embedding)/(\d+)$", r"/\2", name): value
        for name, value in spectra(weights, num_values).items()
    }


def monitor_from_settings(guard: Settings) -> Monitor:
    """Returns the monitor that the config's section `guard` describes."""
    num_values = guard.at_least("num_values", 1)
    return Monitor(
        every=Every(guard.at_least("every", 0)),
        measure=lambda state: weight_spectra(state, num_values),
        guard=Guard(
            action=guard.one_of("action", ("off", "stop", "rollback")),
            watched=_WATCHED,
            factor=guard.at_least("factor", 1),
            window=guard.at_least("window", 1),
            start=guard.at_least("start", 0),
            metric=guard.metric,
            worse=guard.at_least("worse", 0),
            max_rollbacks=guard.at_least("max_rollbacks", 0),
        ),
    )
