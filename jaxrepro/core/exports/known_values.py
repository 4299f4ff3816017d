"""What does not depend on a function's inputs, computed once: weights made ready, numbers drawn.

What is left holds no random numbers, which other programs draw otherwise or not at all.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax import export
from jax.core import Tracer
from jax.extend import core

# Replacements of single operations, by the primitive's name: (parameters, *operands) -> results.
Replacements = Mapping[str, Callable[..., Any]]
# Primitives that call a function of JAX's own, such as that of jnp.pad.
_CALLS = ("jit", "pjit")


def with_known_values(
    function: Callable[..., jax.Array],
    specs: Sequence[jax.ShapeDtypeStruct],
    replacements: Replacements | None = None,
) -> Callable[..., jax.Array]:
    """Returns the function for inputs of these shapes, with all that is known before them computed.

    The function is traced here. replacements: for operations that a form does not know.
    """
    closed = jax.make_jaxpr(function)(*specs)
    jaxpr = closed.jaxpr
    values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known, rest = set(values), []
    early = []
    for equation in jaxpr.eqns:
        if _is_known(equation, known):
            early.append(equation)
            known.update(equation.outvars)
        else:
            rest.append(equation)
    used = [v for equation in rest for v in equation.invars if not isinstance(v, core.Literal)]
    used += [v for v in jaxpr.outvars if not isinstance(v, core.Literal)]
    needed = [v for v in dict.fromkeys(used) if v in known and v not in values]

    @jax.jit
    def compute(consts: Any) -> Any:
        environment = dict(zip(jaxpr.constvars, consts, strict=True))
        _run(jaxpr, early, environment, {})
        return [environment[v] for v in needed]

    values |= dict(zip(needed, compute(closed.consts), strict=True))
    constants = {v: values[v] for v in dict.fromkeys(used) if v in values}

    def remaining(*inputs: jax.Array) -> jax.Array:
        environment = {**constants, **dict(zip(jaxpr.invars, inputs, strict=True))}
        _run(jaxpr, rest, environment, replacements or {})
        (out,) = jaxpr.outvars
        return environment[out]

    return remaining


def _run(
    jaxpr: Any, equations: Any, environment: dict[Any, Any], replacements: Replacements
) -> None:
    """Adds the results of the equations, of that jaxpr, to the values by variable."""
    for equation in equations:
        name = equation.primitive.name
        operands = [
            v.val if isinstance(v, core.Literal) else environment[v] for v in equation.invars
        ]
        if name in replacements:
            results = [replacements[name](equation.params, *operands)]
        elif name in _CALLS:
            # So that what is in it can be replaced.
            inner = equation.params["jaxpr"]
            within = dict(zip(inner.jaxpr.constvars, inner.consts, strict=True))
            within |= zip(inner.jaxpr.invars, operands, strict=True)
            _run(inner.jaxpr, inner.jaxpr.eqns, within, replacements)
            results = [
                v.val if isinstance(v, core.Literal) else within[v] for v in inner.jaxpr.outvars
            ]
        else:
            names = [v for v in equation.invars if not isinstance(v, core.Literal)]
            alone = jaxpr.replace(
                constvars=[], invars=names, outvars=equation.outvars, eqns=[equation]
            )
            call = core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))
            given = [environment[v] for v in names]
            traced = any(isinstance(x, Tracer) for x in given) or _names_a_size(equation)
            with contextlib.nullcontext() if traced else jax.ensure_compile_time_eval():
                results = call(*given)
        environment.update(zip(equation.outvars, results, strict=True))


def _is_known(equation: Any, known: set[Any]) -> bool:
    operands = [v for v in equation.invars if not isinstance(v, core.Literal)]
    return known.issuperset(operands) and not _names_a_size(equation)


def _names_a_size(value: Any) -> bool:
    """Returns whether a size by name occurs in an equation, its parameters or inner functions."""
    if isinstance(value, core.JaxprEqn):
        shapes = [getattr(v.aval, "shape", ()) for v in value.outvars]
        return _names_a_size(shapes) or _names_a_size(list(value.params.values()))
    if isinstance(value, core.ClosedJaxpr):
        return _names_a_size(value.jaxpr)
    if isinstance(value, core.Jaxpr):
        return any(map(_names_a_size, value.eqns))
    if isinstance(value, tuple | list):
        return any(map(_names_a_size, value))
    return export.is_symbolic_dim(value)
