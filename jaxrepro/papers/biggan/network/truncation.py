"""Truncations of the standard normal latent vector: three things that all go by that name.

Sampling from a narrower distribution than the one of training gives images that are better, each
taken for itself, and more alike (Brock et al., arXiv 1809.11096, section 3.1). A threshold means
something else in each mode, and scores at "truncation 0.5" can only be compared within one.
"""

import math

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.latents import indexed_latents

MODES = {
    "none": "N(0, 1), as in training; takes no threshold",
    "resample": "the paper's: a coordinate beyond [-t, t] is drawn again, which is a normal "
    "truncated to [-t, t]",
    "scaled": "that of the networks on TF-Hub: t times a normal truncated to [-2, 2]",
    "gaussian": "that of the author's PyTorch code: N(0, t^2)",
}
# Where the "scaled" mode truncates, before it scales.
_SCALED_BOUND = 2.0


def check_mode(mode: str) -> None:
    """Raises InputError unless `mode` is a key of MODES."""
    if mode not in MODES:
        raise InputError(f"no truncation mode {mode!r}; allowed: {', '.join(MODES)}")


def check_truncation(latent: str, mode: str, threshold: float | None) -> None:
    """Raises InputError unless the mode, its threshold and the latent distribution fit together.

    latent: a key of `latents.DISTRIBUTIONS`; all but "none" need "normal".
    threshold: None for "none", and for the others a finite number greater than 0.
    """
    check_mode(mode)
    if mode == "none":
        if threshold is not None:
            raise InputError(
                f"truncation {threshold:g} given with mode none, which takes no threshold; "
                "choose resample, scaled or gaussian"
            )
        return
    if threshold is None:
        raise InputError(f"mode {mode} given without a truncation; such as --truncation=0.5")
    if not (math.isfinite(threshold) and threshold > 0):
        raise InputError(f"truncation {threshold:g} given; it must be a number greater than 0")
    if latent != "normal":
        raise InputError(
            f"truncation is of the normal latent, and this generator's is {latent!r}; "
            "sample it without --truncation"
        )


def truncate(mode: str, z: jax.Array, threshold: jax.Array | float) -> jax.Array:
    """Returns truncated latents, float32 of the shape of z, from standard normal ones.

    Each mode is a rising function of every coordinate of z (its inverse distribution function
    after the normal's distribution function), so a sample keeps its identity over all thresholds
    and modes. For "resample" this has the distribution that drawing again until |z| <= t has.

    mode: a key of MODES. threshold: may be traced, so that one compilation serves them all; not
    looked at for "none".
    """
    if mode == "none":
        return z
    if mode == "resample":
        return _to_truncated_normal(z, threshold)
    if mode == "scaled":
        return threshold * _to_truncated_normal(z, _SCALED_BOUND)
    return threshold * z


def truncated_latents(
    latent: str,
    mode: str,
    key: jax.Array,
    index: jax.Array,
    size: int,
    threshold: jax.Array | float,
) -> jax.Array:
    """Returns latent vectors float32 [B, size], row i a function of (key, index[i]) alone.

    latent: a key of `latents.DISTRIBUTIONS`. index: int32 [B]. mode, threshold: as in `truncate`.
    """
    return truncate(mode, indexed_latents(latent, key, index, size), threshold)


def _to_truncated_normal(z: jax.Array, bound: jax.Array | float) -> jax.Array:
    # erf(z / sqrt 2) is uniform, between its values at the bounds for a truncated normal. In this
    # form small bounds lose no digits.
    root = math.sqrt(2.0)
    uniform = jax.lax.erf(z / root) * jax.lax.erf(jnp.asarray(bound, jnp.float32) / root)
    # In float32 erf is 1 from about 5.5 on, and its inverse there would be infinite.
    below_one = 1 - 2.0**-24
    truncated = root * jax.lax.erf_inv(jnp.clip(uniform, -below_one, below_one))
    return jnp.clip(truncated, -bound, bound)
