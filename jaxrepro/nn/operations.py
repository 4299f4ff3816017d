"""Which of several equal forms of an operation is used, decided once, by platform.

The forms named here differ in speed and in rounding, not in what they compute; the tests
compare each with its definition.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxrepro.core import platform
from jaxrepro.nn import (
    batch_moments,
    convolution,
    dot_product_attention,
    narrow_convolution,
    phase_convolution,
    resampling,
)


class Operations(NamedTuple):
    """One form of each operation; the signatures are those of the definitions."""

    convolve: Callable[[jax.Array, jax.Array], jax.Array]
    upsample_then_convolve: Callable[[jax.Array, jax.Array], jax.Array]
    convolve_then_pool: Callable[[jax.Array, jax.Array], jax.Array]
    max_pool: Callable[[jax.Array], jax.Array]
    attend: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
    normalize_batch: Callable[..., Any]


DEFINITIONS = Operations(
    convolve=convolution.convolve,
    upsample_then_convolve=convolution.upsample_then_convolve,
    convolve_then_pool=convolution.convolve_then_pool,
    max_pool=resampling.max_pool,
    attend=dot_product_attention.attend,
    normalize_batch=batch_moments.normalize_batch,
)

FOR_CPU = Operations(
    convolve=narrow_convolution.convolve,
    upsample_then_convolve=phase_convolution.upsample_then_convolve,
    convolve_then_pool=phase_convolution.convolve_then_pool,
    max_pool=resampling.max_pool_of_slices,
    attend=dot_product_attention.attend_in_blocks,
    normalize_batch=batch_moments.normalize_batch_in_two_sums,
)


def operations() -> Operations:
    """Returns the forms that are fastest on the platform that is traced for."""
    return FOR_CPU if platform.on_cpu() else DEFINITIONS
