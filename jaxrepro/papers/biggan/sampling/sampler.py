"""Images of a trained generator, each a function of (seed, index, class, truncation) alone."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import checked_seed
from jaxrepro.core.devices.row_map import RowMap
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Variables
from jaxrepro.papers.biggan.measures.evaluators import to_pixels
from jaxrepro.papers.biggan.network.truncation import check_truncation, truncated_latents
from jaxrepro.papers.biggan.trained import TrainedGenerator

# Images that one device makes at once; the more, the more memory they take.
BATCH_SIZE = 50
# Their numbers have 31 bits.
_NUM_SAMPLES = 2**31


class Sampler:
    """Draws images of a trained generator, on all devices of this process.

    The images for one batch size are the same to the last bit, however many are drawn and on
    however many devices of one kind; see `RowMap`. Another batch size may round a pixel
    differently. The latent vector of sample i is the one that training's sheets would draw.
    """

    def __init__(self, generator: TrainedGenerator, batch_size: int = BATCH_SIZE, devices=None):
        """Raises InputError for a batch size below 1."""
        if batch_size < 1:
            raise InputError(f"batch size {batch_size} given; it must be 1 or more")
        self._generator = generator
        self._draw = functools.cache(
            lambda mode: RowMap(
                functools.partial(_drawn_images, generator.module, generator.latent, mode),
                batch_size,
                devices,
            )
        )
        self._synthesize = RowMap(
            functools.partial(_given_images, generator.module), batch_size, devices
        )

    def draw(
        self,
        labels: np.ndarray,
        seed: int,
        *,
        start: int = 0,
        mode: str = "none",
        threshold: float | None = None,
        variables: Variables | None = None,
    ) -> np.ndarray:
        """Returns samples number start, start + 1, ..., uint8 [N, H, W, C], for labels int [N].

        mode, threshold: see `truncation`. variables: as `variables_at` gives them; those of the
        moving average by default.
        """
        check_truncation(self._generator.latent, mode, threshold)
        if not 0 <= start <= _NUM_SAMPLES - len(labels):
            raise InputError(
                f"start {start} given; samples are counted from 0, and at most {_NUM_SAMPLES}"
            )
        checked_seed(seed)
        shared = {
            "variables": self._generator.variables if variables is None else variables,
            "key": jax.random.key(seed),
            "threshold": np.float32(0 if threshold is None else threshold),
        }
        rows = {
            "index": np.arange(start, start + len(labels), dtype=np.int32),
            "label": np.asarray(labels, np.int32),
        }
        return self._draw(mode)(shared, rows, offset=start)

    def synthesize(
        self, z: np.ndarray, embedding: np.ndarray, variables: Variables | None = None
    ) -> np.ndarray:
        """Returns the images uint8 [N, H, W, C] of latents [N, dim_z] and class vectors [N, E]."""
        variables = self._generator.variables if variables is None else variables
        return self._synthesize(variables, {"z": z, "embedding": embedding})

    def latents(
        self, num: int, seed: int, *, mode: str = "none", threshold: float | None = None
    ) -> np.ndarray:
        """Returns the latent vectors of samples 0 to num - 1, float32 [num, dim_z]."""
        check_truncation(self._generator.latent, mode, threshold)
        checked_seed(seed)
        draw = jax.jit(truncated_latents, static_argnums=(0, 1, 4))
        index = jnp.arange(num, dtype=jnp.int32)
        size = self._generator.module.dim_z
        bound = 0.0 if threshold is None else threshold
        key = jax.random.key(seed)
        return np.asarray(draw(self._generator.latent, mode, key, index, size, bound))

    def embed(self, labels: np.ndarray) -> np.ndarray:
        """Returns the class vectors [N, E] of labels int [N]."""
        generator = self._generator
        embed = jax.jit(functools.partial(generator.module.apply, method="embed"))
        return np.asarray(embed(generator.variables, jnp.asarray(labels, jnp.int32)))


def _drawn_images(
    module: Any,
    latent: str,
    mode: str,
    shared: Mapping[str, Any],
    rows: Mapping[str, jax.Array],
) -> jax.Array:
    z = truncated_latents(
        latent, mode, shared["key"], rows["index"], module.dim_z, shared["threshold"]
    )
    return to_pixels(module.apply(shared["variables"], z, rows["label"], train=False))


def _given_images(module: Any, variables: Variables, rows: Mapping[str, jax.Array]) -> jax.Array:
    return to_pixels(
        module.apply(variables, rows["z"], rows["embedding"], train=False, method="synthesize")
    )
