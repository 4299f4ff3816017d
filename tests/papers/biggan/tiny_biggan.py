"""A small BigGAN generator with random variables, as if it had been trained."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.papers.biggan.network.model import Generator
from jaxrepro.papers.biggan.network.networks import module_fields
from jaxrepro.papers.biggan.trained import TrainedGenerator

CLASS_NAMES = ("tabby, tabby cat", "tiger cat", "hen")


@functools.cache
def trained() -> TrainedGenerator:
    """Returns a generator of 16 pixels, grey, three classes, with statistics that do something."""
    module = Generator(
        16, ch=2, dim_z=6, num_classes=3, channels=1, shared_dim=4, attention=(), bn_groups=2
    )
    z, labels = jnp.zeros((1, 6)), jnp.zeros((1,), jnp.int32)
    init = functools.partial(module.init, train=False)
    variables = jax.tree.map(np.array, jax.jit(init)(jax.random.key(0), z, labels))
    rng = np.random.default_rng(0)
    statistics = jax.tree.map(
        lambda x: (x + rng.uniform(0.1, 0.5, x.shape)).astype(np.float32), variables["batch_stats"]
    )
    # Contrast, so that pixels show differences.
    variables["params"]["output_norm"]["gain"] *= 8
    card = {
        "paper": "biggan",
        "generator": module_fields(module),
        "latent": "normal",
        "class_names": list(CLASS_NAMES),
    }
    return TrainedGenerator(
        module,
        {**variables, "batch_stats": statistics},
        "normal",
        CLASS_NAMES,
        "a test",
        card=card,
    )


def table(truncations=(0.5, 1.0)) -> dict:
    """Returns a table of standing statistics that grow with the truncation."""
    statistics = trained().variables["batch_stats"]
    return {
        "truncation": np.asarray(truncations),
        "batch_stats": jax.tree.map(lambda x: np.stack([x * t for t in truncations]), statistics),
    }
