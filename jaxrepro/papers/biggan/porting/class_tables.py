"""A trained state of BigGAN with other classes: what is kept by class gets other rows.

Class tables are the shared embedding, or each norm's tables of gains and biases; the
discriminator's table, and the singular vector of it that has an entry for each class; and the
optimisers' moments of all these, and their moving averages.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import TrainState
from jaxrepro.papers.biggan.task import BigGAN

# A new class that starts as the mean of all old ones.
MEAN = None


def with_num_classes(task: BigGAN, num_classes: int) -> BigGAN:
    """Returns a task whose networks are for that many classes; its data stay what they are."""
    update = dataclasses.replace(
        task.update,
        generator=task.update.generator.clone(num_classes=num_classes),
        discriminator=task.update.discriminator.clone(num_classes=num_classes),
    )
    return dataclasses.replace(task, update=update)


def class_table_paths(task: BigGAN) -> set[str]:
    """Returns the paths, in the training state, of the arrays with a row for each class."""
    num_classes = task.generator.num_classes
    now, one_more = (_shapes(with_num_classes(task, num)) for num in (num_classes, num_classes + 1))
    return {path for path, shape in now.items() if one_more[path] != shape}


def check_same_networks(old: BigGAN, new: BigGAN) -> None:
    """Raises InputError, naming the arrays, unless the tasks differ in their classes only."""
    num_classes = new.generator.num_classes
    was, will_be = _shapes(with_num_classes(old, num_classes)), _shapes(new)
    differing = [
        f"{path} {was.get(path, 'absent')} -> {will_be.get(path, 'absent')}"
        for path in sorted(was.keys() | will_be.keys())
        if was.get(path) != will_be.get(path)
    ]
    if differing:
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise InputError(
            "the new config may differ from the run's in its classes, not in the networks or the "
            f"kind of optimiser: {'; '.join(differing[:3])}{more}"
        )


def change_classes(
    state: TrainState, paths: set[str], rows: Sequence[int | None], *, num_classes: int
) -> TrainState:
    """Returns `state` with a class table's row i taken from the old row rows[i].

    paths: of the class tables, from `class_table_paths`. rows: one for each new class, an old
    class in [0, num_classes) or MEAN. All other arrays are the same bit for bit.
    """

    def chosen(path: Any, leaf: jax.Array) -> jax.Array:
        if leaf_path(path) not in paths:
            return leaf
        table = np.asarray(leaf)
        assert len(table) == num_classes, leaf_path(path)
        mean = table.mean(axis=0, dtype=np.float64).astype(table.dtype)
        return jnp.asarray(np.stack([mean if row is MEAN else table[row] for row in rows]))

    return jax.tree_util.tree_map_with_path(chosen, state)


def _shapes(task: BigGAN) -> dict[str, tuple[int, ...]]:
    state = jax.eval_shape(task.init, jax.random.key(0))
    flat = jax.tree_util.tree_flatten_with_path(state)[0]
    return {leaf_path(path): tuple(leaf.shape) for path, leaf in flat}
