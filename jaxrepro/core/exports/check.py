"""Whether what a file computes is what the network computes."""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from jaxrepro.core.exports.inference_function import InferenceFunction

# Of the largest absolute value of the result.
RELATIVE_TOLERANCE = 1e-5


class UnequalError(Exception):
    """What a file computes differs from the network by more than the tolerance."""


def check(
    of_file: Callable[..., np.ndarray], function: InferenceFunction, free: tuple[str, ...]
) -> float:
    """Returns the largest relative difference between a file's results and the network's.

    It is that of absolute values, divided by the largest one of the result. Inputs are drawn at
    `function.sizes` and, where sizes are free, at other ones. free: the sizes by name that the
    file holds. Raises UnequalError, with the number, beyond RELATIVE_TOLERANCE or where a result
    has another shape.
    """
    # Convolutions of accelerators round to fewer digits than the tolerance has.
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        ours = jax.jit(lambda *inputs: function(*inputs))
        differences = []
        for sizes in _tried(function, free):
            rng = np.random.default_rng(0)
            inputs = [one.drawn(rng, sizes) for one in function.inputs]
            expected, found = np.asarray(ours(*inputs)), np.asarray(of_file(*inputs))
            if found.shape != expected.shape:
                raise UnequalError(
                    f"it returns {list(found.shape)} where the network returns "
                    f"{list(expected.shape)}"
                )
            differences.append(np.abs(found - expected).max() / np.abs(expected).max())
    # Of which one may be none, where a number is none.
    worst = float(np.max(differences))
    if not worst <= RELATIVE_TOLERANCE:
        raise UnequalError(
            f"its results differ by {worst:.1e} of the largest value; allowed is "
            f"{RELATIVE_TOLERANCE:.0e}"
        )
    return worst


def _tried(function: InferenceFunction, free: tuple[str, ...]) -> Iterator[dict[str, int]]:
    yield dict(function.sizes)
    if free:
        yield {name: n + (name in free) for name, n in function.sizes.items()}
