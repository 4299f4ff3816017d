"""A run of digits with numbers drawn at random in place of trained ones: nothing is compiled."""

import jax
import jax.numpy as jnp
import numpy as np

from configs import biggan_digits
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.config import Settings
from jaxrepro.core.run.workdir import MODEL_CARD, claimed, write_json
from jaxrepro.papers import make_task


def lighter(config):
    """A network that compiles faster."""
    config.model.update(ch=2, dim_z=6, shared_dim=4)
    config.train.batch_size = 4
    return config


def write_run(folder, steps=(2,)):
    """Writes a workdir with checkpoints of these updates, each with numbers of its own."""
    config = lighter(biggan_digits.get_config("test"))
    task = make_task(Settings(config))
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(task.init, jax.random.key(0))

    def drawn(leaf, step):
        if leaf.dtype == jnp.float32:
            return jnp.asarray(random.uniform(0.5, 1.5, leaf.shape), jnp.float32)
        is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return jax.random.key(5) if is_key else jnp.asarray(step, leaf.dtype)

    with claimed(folder, config), Checkpoints(folder) as checkpoints:
        write_json(folder / MODEL_CARD, task.model_card())
        for step in steps:
            state = jax.tree.map(lambda leaf, step=step: drawn(leaf, step), shapes)
            checkpoints.save(step, state, wait=True)
    return folder
