"""StableHLO: a network as a program that JAX reads back without the code that made it."""

from collections.abc import Sequence

import jax
import numpy as np
from jax import export

from jaxrepro.core.devices.platform import traced_for_accelerators
from jaxrepro.core.exports.inference_function import InferenceFunction
from jaxrepro.core.exports.known_values import with_known_values
from jaxrepro.core.exports.written import Attempt, Written, written

PLATFORMS = ("cpu", "cuda", "tpu")


def stablehlo_of(function: InferenceFunction) -> Written:
    """Returns the function as `jax.export.deserialize` reads it, for PLATFORMS.

    Raises InputError if it cannot be traced, is too large or computes something else.
    """
    function = function.on_host()

    def make(specs: Sequence[jax.ShapeDtypeStruct]) -> Attempt:
        with traced_for_accelerators():
            ready = with_known_values(lambda *inputs: function(*inputs), specs)
            exported = export.export(jax.jit(ready), platforms=PLATFORMS)(*specs)
        content = bytes(exported.serialize())
        read = export.deserialize(bytearray(content))
        about = {
            **function.described(specs),
            "format": "stablehlo",
            "version": exported.calling_convention_version,
            "jax": jax.__version__,
            "platforms": list(PLATFORMS),
        }
        return Attempt(content, about, lambda *inputs: np.asarray(read.call(*inputs)))

    return written(function, "StableHLO", make)
