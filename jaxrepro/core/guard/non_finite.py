"""The guard against NaN: names the first bad quantity and array, and keeps the state."""

import contextlib
import math
from collections.abc import Mapping

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, remove_folder
from jaxrepro.core.state import TrainState


class NonFiniteError(FloatingPointError):
    """A logged quantity became NaN or infinite; the message names it and the step range."""

    def __init__(self, step: int, last_finite: int, message: str):
        """Keeps the step with the bad quantity and the last one without."""
        super().__init__(message)
        self.step = step
        self.last_finite = last_finite


def check_finite(
    scalars: Mapping[str, float],
    step: int,
    last_finite: int,
    state: TrainState,
    debug: Place,
) -> None:
    """Raises NonFiniteError if a scalar of `step` is not finite.

    The message names the quantities, the steps in between which it happened and the first bad
    array of `state`, the state at hand (of `step` or one update later): first of the parameters,
    then of other variables, optimisers' states and moving averages. Before, that state is saved in
    the folder `debug`, which keeps the last such state only. All processes of a job must call it
    together.
    """
    bad = [name for name, value in scalars.items() if not math.isfinite(value)]
    if not bad:
        return
    leaves = {leaf_path(p): x for p, x in jax.tree_util.tree_flatten_with_path(state)[0]}
    names = sorted(leaves, key=lambda name: (_rank(name), list(leaves).index(name)))
    # What a process sees of an array is enough: another one sees the rest.
    finite = np.asarray([_finite(leaves[name]) for name in names])
    if jax.process_count() > 1:
        finite = multihost_utils.process_allgather(finite).all(axis=0)
    damaged = [name for name, good in zip(names, finite, strict=True) if not good]
    where = (
        f"first of the {len(damaged)} bad arrays of the state: {damaged[0]}"
        if damaged
        else "every array of the state is finite, so that it arose in this update alone"
    )
    raise NonFiniteError(
        step,
        last_finite,
        f"{', '.join(bad)} not finite at step {step} (all finite at step {last_finite}); {where}; "
        f"{_kept(state, step, debug)}. Lower the learning rates, or continue from an earlier "
        "checkpoint with --resume=STEP",
    )


def _kept(state: TrainState, step: int, debug: Place) -> str:
    """Saves `state` in the folder `debug`; returns where it is, or why it is not."""
    _clear(debug)
    try:
        with Checkpoints(debug, keep=1) as checkpoints:
            checkpoints.save(step, state, wait=True)
    except InputError as error:  # A full disk, which must not hide what was found.
        return f"that state could not be kept: {error}"
    return (
        f"that state is kept in {debug}: look at it with python -m jaxrepro.checkpoints "
        f"--workdir={debug} --step={step}"
    )


def _rank(name: str) -> int:
    """Returns the place of a leaf's kind in the order in which they are named."""
    if not name.startswith("nets/"):
        return 3
    kind = name.split("/")[2]
    return {"params": 0, "stats": 1, "opt_state": 2}.get(kind, 3)


def _finite(x: jax.Array) -> bool:
    """Returns whether all is finite that this process holds of `x`."""
    if not jax.dtypes.issubdtype(x.dtype, np.inexact):
        return True
    wide = np.complex64 if jax.dtypes.issubdtype(x.dtype, np.complexfloating) else np.float32
    return all(np.isfinite(np.asarray(s.data).astype(wide)).all() for s in x.addressable_shards)


def _clear(folder: Place) -> None:
    if jax.process_index() == 0:
        with contextlib.suppress(OSError):
            remove_folder(folder)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("debug folder cleared")
