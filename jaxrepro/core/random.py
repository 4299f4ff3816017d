"""Named random streams.

Nothing but the root key has to be saved: the key of a purpose at a step is a pure function of
(root, step, name), so a resumed run draws what the uninterrupted one would have drawn, and
adding a stream changes no other.
"""

import zlib

import jax


def named_key(key: jax.Array, name: str) -> jax.Array:
    """Returns the key of purpose `name` under `key`."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def evaluation_key(root: jax.Array, evaluator: str) -> jax.Array:
    """Returns the key with which the evaluator of this name measures a run of root key `root`."""
    return named_key(root, f"eval/{evaluator}")


def streams(key: jax.Array, step: jax.Array | int, *names: str) -> tuple[jax.Array, ...]:
    """Returns one key for each of `names`, for this step only.

    key: the root key of the run (`TrainState.key`).
    step: int32 [], the number of updates done before this one.
    """
    step_key = jax.random.fold_in(key, step)
    return tuple(named_key(step_key, name) for name in names)
