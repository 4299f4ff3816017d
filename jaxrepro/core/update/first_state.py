"""The state before the first update, by programs that JAX can keep on disk.

A program that calls Python, as the draw of orthogonal matrices does, is compiled anew in every
process. Here the calls are taken out: a program computes what they are given, they run, and another
program goes on from what they return. Hundreds of draws that differ in their key alone become one.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

# Primitives that only run what they hold, once, and where they hold it.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}
_CALL_OF_PYTHON = "pure_callback"


class FirstState:
    """A function of random keys, traced once: its shapes are there at once, its values on call."""

    def __init__(self, init: Callable[..., Any], *args: Any):
        """Traces init(*args) and runs nothing. Its calls of Python are pure callbacks."""
        self._init, self._args = init, args
        self._leaves, structure = jax.tree.flatten(args)
        self._closed, self.shapes = jax.make_jaxpr(
            lambda *leaves: init(*jax.tree.unflatten(structure, leaves)), return_shape=True
        )(*self._leaves)

    def __call__(self) -> Any:
        """Returns jax.jit(init)(*args), with equal draws in one and calls of Python in between.

        The values are those of the one program, up to the rounding of another fusion. `init` is
        compiled as it is where it calls Python in a loop, a branch, or on the result of such a
        call.
        """
        closed = self._closed
        if _calls_python(closed.jaxpr):
            closed = jax.make_jaxpr(lambda *leaves: _evaluate(closed.jaxpr, closed.consts, leaves))(
                *self._leaves
            )
        parts = _split(closed.jaxpr)
        if parts is None:
            return jax.jit(self._init)(*self._args)
        if not parts.calls:
            outputs = jax.jit(_Whole(closed, parts))(*self._leaves)
        else:
            known = jax.jit(_Before(closed, parts))(*self._leaves)
            given = dict(zip(parts.known, known, strict=True))
            returned: list[Any] = []
            for call in parts.calls:
                operands = [np.asarray(_read(given, x)) for x in call.invars]
                returned += map(np.asarray, call.params["callback"](*operands))
            outputs = jax.jit(_After(closed, parts))(known, returned)
        return jax.tree.unflatten(jax.tree.structure(self.shapes), outputs)


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


class _Program:
    """A part of a program as a function that JAX can compile; its name is the compiled one's."""

    def __init__(self, closed: Any, parts: _Parts):
        self.closed, self.parts = closed, parts

    def values_before_calls(self, leaves: Sequence[Any]) -> dict[Any, Any]:
        """Returns what the equations before the calls make of the inputs, and the inputs."""
        jaxpr = self.closed.jaxpr
        values = dict(zip(jaxpr.constvars, self.closed.consts, strict=True))
        values |= dict(zip(jaxpr.invars, leaves, strict=True))
        for group in _alike(self.parts.before):
            _run_together(group, values)
        return values

    def outputs(self, values: Mapping[Any, Any]) -> list[Any]:
        """Returns the outputs of the program as a whole."""
        return [_read(values, x) for x in self.closed.jaxpr.outvars]


class _Whole(_Program):
    """A program without calls: inputs -> outputs."""

    __name__ = "first_state"

    def __call__(self, *leaves: Any) -> list[Any]:
        return self.outputs(self.values_before_calls(leaves))


class _Before(_Program):
    """The program in front of the calls: inputs -> what is known before them."""

    __name__ = "before_calls"

    def __call__(self, *leaves: Any) -> list[Any]:
        values = self.values_before_calls(leaves)
        return [values[variable] for variable in self.parts.known]


class _After(_Program):
    """The program behind the calls: (what was known before, what they returned) -> outputs."""

    __name__ = "after_calls"

    def __call__(self, known: Sequence[Any], returned: Sequence[Any]) -> list[Any]:
        values = dict(zip(self.parts.known, known, strict=True))
        made = [variable for call in self.parts.calls for variable in call.outvars]
        values |= dict(zip(made, returned, strict=True))
        _run(self.parts.after, values)
        return self.outputs(values)


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
        values.update(zip(equation.outvars, _results(equation, operands), strict=True))


def _results(equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """Returns what one equation makes of its operands."""
    primitive = equation.primitive
    if primitive.name in CALLS and _holds_call(equation):
        inner = equation.params[CALLS[primitive.name]]
        consts = getattr(inner, "consts", ())
        return _evaluate(getattr(inner, "jaxpr", inner), consts, operands)
    params = primitive.get_bind_params(equation.params)
    # Some versions of JAX return the functions among them apart.
    functions, params = params if isinstance(params, tuple) else ((), params)
    results = primitive.bind(*functions, *operands, **params)
    return results if primitive.multiple_results else [results]


def _alike(equations: Sequence[Any]) -> list[list[Any]]:
    """Returns the equations in an order in which they can run, equal draws together.

    Those of a group take a random key, differ in nothing but the operands, and none depends on
    another: a network draws hundreds of times with another key.
    """
    depth: dict[Any, int] = {}
    groups: dict[Any, list[Any]] = {}
    for number, equation in enumerate(equations):
        level = 1 + max(
            (depth.get(x, 0) for x in equation.invars if isinstance(x, core.Var)), default=0
        )
        depth.update(dict.fromkeys(equation.outvars, level))
        kind: Any = number
        if any(jax.dtypes.issubdtype(x.aval.dtype, jax.dtypes.prng_key) for x in equation.invars):
            params = tuple((name, id(value)) for name, value in equation.params.items())
            kind = equation.primitive, params, tuple(x.aval for x in equation.invars)
        groups.setdefault((level, kind), []).append(equation)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _run_together(group: Sequence[Any], values: dict[Any, Any]) -> None:
    """Adds to `values` the results of equations that differ in their operands only."""
    if len(group) == 1:
        _run(group, values)
        return
    operands = zip(
        *([_read(values, x) for x in equation.invars] for equation in group), strict=True
    )
    stacked = [jnp.stack(each) for each in operands]
    results = jax.vmap(lambda *xs: _results(group[0], xs))(*stacked)
    for number, equation in enumerate(group):
        values.update(zip(equation.outvars, (x[number] for x in results), strict=True))


def _read(values: Mapping[Any, Any], x: Any) -> Any:
    return values[x] if isinstance(x, core.Var) else x.val


def _calls_python(jaxpr: Any) -> bool:
    return any(
        equation.primitive.name == _CALL_OF_PYTHON or _holds_call(equation)
        for equation in jaxpr.eqns
    )


def _holds_call(equation: Any) -> bool:
    return any(_calls_python(inner) for inner in core.jaxprs_in_params(equation.params))
