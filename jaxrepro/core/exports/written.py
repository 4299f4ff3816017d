"""A trained network in the form of other programs: sizes by name where the form can, and tried."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.check import UnequalError, check
from jaxrepro.core.exports.inference_function import InferenceFunction

# Of one message of the libraries that write both forms.
_MOST_BYTES = 2**31


@dataclasses.dataclass(frozen=True)
class Written:
    """A network in another form.

    content: of the file. about: JSON, what is said of it beside the network's card, with its inputs
    and output. fixed: names of the sizes that the form has as numbers. reason: why, "" for none.
    """

    content: bytes
    about: dict[str, Any]
    fixed: tuple[str, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Attempt:
    """A network in another form, untried. run: `run(*inputs)` as the file's readers do it."""

    content: bytes
    about: dict[str, Any]
    run: Callable[..., np.ndarray]


def written(
    function: InferenceFunction,
    form: str,
    make: Callable[[Sequence[jax.ShapeDtypeStruct]], Attempt],
) -> Written:
    """Returns the form with the most sizes by name whose results are those of the network.

    form: its name, for messages. make: of inputs' shapes. Raises InputError if there is no such,
    with the reason, or the number by which the results differ.
    """
    reasons: list[str] = []
    sizes = tuple(function.sizes)
    for free in dict.fromkeys((sizes, ("batch",), ())):
        try:
            attempt = make(function.specs(free))
            if len(attempt.content) >= _MOST_BYTES:
                raise InputError(f"not written, for {form} holds 2 GiB and this is more")
            difference = check(attempt.run, function, free)
        except InputError:
            raise
        except UnequalError as error:
            reasons.append(str(error))
        # What tracing, converters and runtimes may raise depends on the network's operations.
        except Exception as error:
            lines = str(error).strip().splitlines()
            reasons.append(f"{type(error).__name__}: {lines[0][:200] if lines else ''}")
        else:
            about = {**attempt.about, "relative_difference": difference}
            fixed = tuple(name for name in sizes if name not in free)
            return Written(attempt.content, about, fixed, reasons[-1] if reasons else "")
    raise InputError(f"not written, for as {form} {reasons[-1]}")
