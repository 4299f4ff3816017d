"""Which of several equal forms of an operation is used, decided once, by platform.

The forms named here differ in speed and in rounding, not in what they compute; the tests
compare each with its definition.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxrepro.core.devices import platform
from jaxrepro.nn.forms import (
    convolution,
    dot_product_attention,
    narrow_convolution,
    phase_convolution,
    resampling,
    transposed_taps,
    valid_convolution,
)


class Operations(NamedTuple):
    """One form of each operation; the signatures are those of the definitions."""

    convolve: Callable[[jax.Array, jax.Array], jax.Array]
    convolve_valid: Callable[[jax.Array, jax.Array], jax.Array]
    upsample_then_convolve: Callable[[jax.Array, jax.Array], jax.Array]
    convolve_then_pool: Callable[[jax.Array, jax.Array], jax.Array]
    convolve_and_halve: Callable[[jax.Array, jax.Array], jax.Array]
    transpose_convolve: Callable[[jax.Array, jax.Array], jax.Array]
    max_pool: Callable[[jax.Array], jax.Array]
    attend: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


DEFINITIONS = Operations(
    convolve=convolution.convolve,
    convolve_valid=convolution.convolve_valid,
    upsample_then_convolve=convolution.upsample_then_convolve,
    convolve_then_pool=convolution.convolve_then_pool,
    convolve_and_halve=convolution.convolve_and_halve,
    transpose_convolve=convolution.transpose_convolve,
    max_pool=resampling.max_pool,
    attend=dot_product_attention.attend,
)

FOR_CPU = Operations(
    convolve=narrow_convolution.convolve,
    convolve_valid=valid_convolution.convolve_valid,
    upsample_then_convolve=phase_convolution.upsample_then_convolve,
    convolve_then_pool=phase_convolution.convolve_then_pool,
    convolve_and_halve=phase_convolution.convolve_and_halve,
    transpose_convolve=transposed_taps.transpose_convolve,
    max_pool=resampling.max_pool_of_slices,
    attend=dot_product_attention.attend_in_blocks,
)


def operations() -> Operations:
    """Returns the forms that are fastest on the platform that is traced for."""
    return FOR_CPU if platform.on_cpu() else DEFINITIONS


def operations_for(
    *, kernel_size: int = 3, dilation: int = 1, upsampling: str = "nearest"
) -> Operations:
    """Returns `operations()` with convolutions of that dilation, and that upsampling before them.

    The faster forms know 3x3 kernels without dilation, and nearest-neighbour upsampling: all
    else is computed by its definition. upsampling: a key of `resampling.UPSAMPLINGS`.
    """
    forms = operations()
    if (kernel_size, dilation) != (3, 1):
        forms = forms._replace(
            convolve=functools.partial(convolution.convolve, dilation=dilation),
            convolve_then_pool=functools.partial(convolution.convolve_then_pool, dilation=dilation),
        )
    if (kernel_size, dilation, upsampling) != (3, 1, "nearest"):
        forms = forms._replace(
            upsample_then_convolve=functools.partial(
                convolution.upsample_then_convolve,
                dilation=dilation,
                upsample=resampling.UPSAMPLINGS[upsampling],
            )
        )
    return forms
