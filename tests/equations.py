"""What a traced program is made of."""

from typing import Any

from jax.extend import core


def num_equations(jaxpr: Any, primitive: str) -> int:
    """Returns how many equations of this primitive there are, called ones at every call."""
    return sum(
        (equation.primitive.name == primitive)
        + sum(num_equations(inner, primitive) for inner in core.jaxprs_in_params(equation.params))
        for equation in jaxpr.eqns
    )
