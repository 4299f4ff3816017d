"""Small made-up pictures, and a network to go with them."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.files.whole_files import write_png
from jaxrepro.papers.srcnn.network.model import SRCNN
from tests import runs


def write_pictures(folder, sizes=((26, 24), (33, 30)), channels=3):
    """Writes smooth pictures with edges, called p0, p1, ..., and returns their spec."""
    for number, (height, width) in enumerate(sizes):
        y, x = np.mgrid[:height, :width]
        waves = [np.sin(x / (2 + c) + number) * np.cos(y / (3 - c / 2)) for c in range(channels)]
        pixels = np.stack(waves, -1) * 90 + 120 + 40 * ((x + y)[..., None] % 9 < 4)
        write_png(folder / f"p{number}.png", pixels.clip(0, 255).astype(np.uint8))
    return f"folder:{folder}"


def tiny_network(channels=1):
    """Returns (module, variables) of a 3-1-3 network that changes its input a little."""
    module = SRCNN((3, 1, 3), (4, 2), channels, last_init=jax.nn.initializers.normal(0.3))
    return module, runs.initialised(module, jax.random.key(0), jnp.zeros((1, 9, 9, channels)))
