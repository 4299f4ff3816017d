"""The state before the first update, by programs that JAX can keep on disk.

A program that calls Python, as the draw of orthogonal matrices does, is compiled anew in every
process. Here the calls are taken out: a program computes what they are given, they run, and another
program goes on from what they return.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jaxrepro.core.flops import CALLS

_CALL_OF_PYTHON = "pure_callback"


def run_in_parts(function: Callable[..., Any], *args: Any) -> Any:
    """Returns jax.jit(function)(*args) with its calls of Python between two programs.

    The values are those of the one program, up to the rounding of another fusion. `function` is
    compiled as it is where it makes no such call, or makes one in a loop, a branch, or on the
    result of another.
    """
    leaves, structure = jax.tree.flatten(args)
    closed, shape = jax.make_jaxpr(
        lambda *leaves: function(*jax.tree.unflatten(structure, leaves)), return_shape=True
    )(*leaves)
    if not _calls_python(closed.jaxpr):
        return jax.jit(function)(*args)
    flat = jax.make_jaxpr(lambda *leaves: _evaluate(closed.jaxpr, closed.consts, leaves))(*leaves)
    parts = _split(flat.jaxpr)
    if parts is None:
        return jax.jit(function)(*args)
    known = jax.jit(_Before(flat, parts))(*leaves)
    given = dict(zip(parts.known, known, strict=True))
    returned: list[Any] = []
    for call in parts.calls:
        operands = [np.asarray(_read(given, x)) for x in call.invars]
        returned += map(np.asarray, call.params["callback"](*operands))
    outputs = jax.jit(_After(flat, parts))(known, returned)
    return jax.tree.unflatten(jax.tree.structure(shape), outputs)


@dataclasses.dataclass(frozen=True)
class _Parts:
    """The equations of a program: before the calls of Python, the calls, and after them.

    known: what the calls and the equations after them take from before, and the outputs that are
    there before.
    """

    before: Sequence[Any]
    calls: Sequence[Any]
    after: Sequence[Any]
    known: Sequence[Any]


class _Before:
    """The program in front of the calls: inputs -> what is known before them."""

    __name__ = "before_calls"

    def __init__(self, flat: Any, parts: _Parts):
        self._flat, self._parts = flat, parts

    def __call__(self, *leaves: Any) -> list[Any]:
        jaxpr = self._flat.jaxpr
        values = dict(zip(jaxpr.constvars, self._flat.consts, strict=True))
        values |= dict(zip(jaxpr.invars, leaves, strict=True))
        _run(self._parts.before, values)
        return [values[variable] for variable in self._parts.known]


class _After:
    """The program behind the calls: (what was known before, what they returned) -> outputs."""

    __name__ = "after_calls"

    def __init__(self, flat: Any, parts: _Parts):
        self._flat, self._parts = flat, parts

    def __call__(self, known: Sequence[Any], returned: Sequence[Any]) -> list[Any]:
        values = dict(zip(self._parts.known, known, strict=True))
        made = [variable for call in self._parts.calls for variable in call.outvars]
        values |= dict(zip(made, returned, strict=True))
        _run(self._parts.after, values)
        return [_read(values, x) for x in self._flat.jaxpr.outvars]


def _split(jaxpr: Any) -> _Parts | None:
    """Returns the parts; None if a call depends on another or stands inside another equation."""
    needed = {x for x in jaxpr.outvars if isinstance(x, core.Var)}
    live = []
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            live.append(equation)
            needed |= {x for x in equation.invars if isinstance(x, core.Var)}
    late: set[Any] = set()
    before, calls, after = [], [], []
    for equation in reversed(live):
        is_late = any(x in late for x in equation.invars if isinstance(x, core.Var))
        is_call = equation.primitive.name == _CALL_OF_PYTHON
        if (is_call and is_late) or (not is_call and _holds_call(equation)):
            return None
        (calls if is_call else after if is_late else before).append(equation)
        if is_call or is_late:
            late.update(equation.outvars)
    wanted = [x for equation in (*calls, *after) for x in equation.invars]
    known = dict.fromkeys(
        x for x in (*wanted, *jaxpr.outvars) if isinstance(x, core.Var) and x not in late
    )
    return _Parts(before, calls, after, list(known))


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """Returns the outputs of a program; what it calls and what calls Python is written out."""
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))
    _run(jaxpr.eqns, values)
    return [_read(values, x) for x in jaxpr.outvars]


def _run(equations: Sequence[Any], values: dict[Any, Any]) -> None:
    """Adds to `values` the results of the equations."""
    for equation in equations:
        operands = [_read(values, x) for x in equation.invars]
        primitive = equation.primitive
        if primitive.name in CALLS and _holds_call(equation):
            inner = equation.params[CALLS[primitive.name]]
            consts = getattr(inner, "consts", ())
            results = _evaluate(getattr(inner, "jaxpr", inner), consts, operands)
        else:
            params = primitive.get_bind_params(equation.params)
            # Some versions of JAX return the functions among them apart.
            functions, params = params if isinstance(params, tuple) else ((), params)
            results = primitive.bind(*functions, *operands, **params)
            results = results if primitive.multiple_results else [results]
        values.update(zip(equation.outvars, results, strict=True))


def _read(values: Mapping[Any, Any], x: Any) -> Any:
    return values[x] if isinstance(x, core.Var) else x.val


def _calls_python(jaxpr: Any) -> bool:
    return any(
        equation.primitive.name == _CALL_OF_PYTHON or _holds_call(equation)
        for equation in jaxpr.eqns
    )


def _holds_call(equation: Any) -> bool:
    return any(_calls_python(inner) for inner in core.jaxprs_in_params(equation.params))
