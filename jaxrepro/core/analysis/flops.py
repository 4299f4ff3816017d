"""Floating point operations of a traced function, counted from its jaxpr.

XLA's own `cost_analysis` counts the body of a loop once, however often it runs; here a scan counts
as many times as it is long, and nothing is compiled.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.update.first_state import CALLS


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# One operation for each element of the output.
_ELEMENTWISE = _names(
    "abs acos acosh add add_any asin asinh atan atan2 atanh cbrt ceil clamp cos cosh cumlogsumexp "
    "cummax cummin cumprod cumsum digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt "
    "integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg nextafter pow rem "
    "round rsqrt select_n sign sin sinh sqrt square sub tan tanh"
)
# One operation for each element that is taken in.
_REDUCTIONS = _names(
    "argmax argmin reduce_max reduce_min reduce_prod reduce_sum reduce_window_max "
    "reduce_window_min reduce_window_sum select_and_gather_add select_and_scatter_add"
)
# One operation for each element of the updates, the last operand.
_SCATTERS = _names("scatter-add scatter-mul scatter_add scatter_mul")
# No arithmetic on floats: layout, indices, random bits, placement.
_FREE = _names(
    "and bitcast_convert_type broadcast_in_dim clz concatenate convert_element_type copy copy_p "
    "create_token device_put dynamic_slice dynamic_update_slice empty expand_dims full "
    "gather imag iota mul_hi name not optimization_barrier or pad population_count "
    "pvary random_bits random_clone random_fold_in random_gamma random_seed random_split "
    "random_unwrap random_wrap real reduce_and reduce_or reduce_precision reduce_xor reshape rev "
    "scatter select_and_scatter shift_left shift_right_arithmetic shift_right_logical "
    "sharding_constraint slice sort split squeeze stack stop_gradient threefry2x32 tile top_k "
    "transpose unstack xor"
)


@dataclasses.dataclass(frozen=True)
class OperationCount:
    """What one run of a function computes.

    contractions: floating point operations of convolutions and products, two for each
      multiplication with its addition; those with padding or with the holes of a dilated
      operand, which nobody has to compute, are left out, as XLA leaves them out.
    contraction_bytes: what those read and write, each operand and result once each time.
    elementwise: one for each element of the output of an elementwise operation and each element
      that a reduction takes in, on floats only.
    by_primitive: the contractions by the primitive's name.
    counted_once: loops of a length that only the run knows; their bodies are counted once.
    not_counted: primitives about which nothing is known, such as a kernel of another language.
    """

    contractions: int = 0
    contraction_bytes: int = 0
    elementwise: int = 0
    by_primitive: Mapping[str, int] = dataclasses.field(default_factory=dict)
    counted_once: int = 0
    not_counted: frozenset[str] = frozenset()

    @property
    def is_complete(self) -> bool:
        """Whether every loop's length and every primitive was known."""
        return not self.counted_once and not self.not_counted

    def __add__(self, other: "OperationCount") -> "OperationCount":
        names = self.by_primitive.keys() | other.by_primitive.keys()
        return OperationCount(
            self.contractions + other.contractions,
            self.contraction_bytes + other.contraction_bytes,
            self.elementwise + other.elementwise,
            {n: self.by_primitive.get(n, 0) + other.by_primitive.get(n, 0) for n in names},
            self.counted_once + other.counted_once,
            self.not_counted | other.not_counted,
        )

    def times(self, length: int) -> "OperationCount":
        """Returns the count of `length` runs; what is not known stays as often unknown."""
        return dataclasses.replace(
            self,
            contractions=length * self.contractions,
            contraction_bytes=length * self.contraction_bytes,
            elementwise=length * self.elementwise,
            by_primitive={name: length * n for name, n in self.by_primitive.items()},
        )


def count_operations(function: Callable[..., Any], *args: Any) -> OperationCount:
    """Returns the count of function(*args), which is traced and not run.

    args: arrays or `jax.ShapeDtypeStruct`. The count is that of the function as it is written:
    over all devices, before XLA removes what is computed twice or for nothing. Of a condition's
    branches the one with the most operations counts.
    """
    return count_jaxpr(jax.make_jaxpr(function)(*args).jaxpr)


def count_jaxpr(jaxpr: Any) -> OperationCount:
    """Returns the count of an open jaxpr; see `count_operations`."""
    return sum((_count_equation(equation) for equation in jaxpr.eqns), OperationCount())


def _count_equation(equation: Any) -> OperationCount:
    name, params = equation.primitive.name, equation.params
    if name in CALLS:
        return count_jaxpr(_open(params[CALLS[name]]))
    if name == "scan":
        return count_jaxpr(_open(params["jaxpr"])).times(params["length"])
    if name == "while":
        body = count_jaxpr(_open(params["body_jaxpr"]))
        condition = count_jaxpr(_open(params["cond_jaxpr"]))
        return body + condition + OperationCount(counted_once=1)
    if name == "cond":
        branches = [count_jaxpr(_open(branch)) for branch in params["branches"]]
        return max(branches, key=lambda count: count.contractions + count.elementwise)
    if name == "shard_map":
        # The body is what one device runs.
        return count_jaxpr(_open(params["jaxpr"])).times(params["mesh"].size)
    if name in ("dot_general", "conv_general_dilated"):
        if not _is_float(equation.outvars):
            return OperationCount()
        operations = 2 * (_dot if name == "dot_general" else _convolution)(equation)
        num_bytes = sum(
            math.prod(v.aval.shape) * v.aval.dtype.itemsize
            for v in (*equation.invars, *equation.outvars)
        )
        return OperationCount(operations, num_bytes, by_primitive={name: operations})
    if name in _ELEMENTWISE:
        # A comparison of floats is an operation on floats, though its result is not one.
        return _elementwise(equation.outvars, of=equation.invars)
    if name in _REDUCTIONS:
        return _elementwise(equation.invars[:1], of=equation.invars)
    if name in _SCATTERS:
        return _elementwise(equation.invars[-1:], of=equation.invars[-1:])
    if name in _FREE:
        return OperationCount()
    return OperationCount(not_counted=frozenset([name]))


def _elementwise(variables: Iterable[Any], of: Iterable[Any]) -> OperationCount:
    if not _is_float(of):
        return OperationCount()
    return OperationCount(elementwise=sum(math.prod(v.aval.shape) for v in variables))


def _is_float(variables: Iterable[Any]) -> bool:
    return any(jax.dtypes.issubdtype(v.aval.dtype, np.inexact) for v in variables)


def _open(jaxpr: Any) -> Any:
    """Returns an open jaxpr from an open or a closed one."""
    return getattr(jaxpr, "jaxpr", jaxpr)


def _dot(equation: Any) -> int:
    """Returns the multiplications of a dot_general: elements of the output times the depth."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


def _convolution(equation: Any) -> int:
    """Returns the multiplications of a convolution with elements of its operand.

    Along each axis the pairs (output, tap) that meet an element are counted; the axes are
    independent. The kernel's input channels are those of one group already.
    """
    params = equation.params
    numbers = params["dimension_numbers"]
    operand, kernel = (v.aval.shape for v in equation.invars)
    result = equation.outvars[0].aval.shape
    pairs = [
        meeting_pairs(
            operand[numbers.lhs_spec[2 + axis]],
            kernel[numbers.rhs_spec[2 + axis]],
            result[numbers.out_spec[2 + axis]],
            stride=params["window_strides"][axis],
            before=params["padding"][axis][0],
            holes=params["lhs_dilation"][axis],
            spread=params["rhs_dilation"][axis],
        )
        for axis in range(len(operand) - 2)
    ]
    batch, features = result[numbers.out_spec[0]], result[numbers.out_spec[1]]
    depth = kernel[numbers.rhs_spec[1]]
    return batch * features * depth * math.prod(pairs)


def meeting_pairs(
    size: int, taps: int, outputs: int, *, stride: int, before: int, holes: int, spread: int
) -> int:
    """Returns how many pairs (output, tap) of one axis meet one of the operand's `size` elements.

    before: padding in front, negative where it crops; holes: the operand's dilation; spread: the
    kernel's.
    """
    position = np.arange(outputs)[:, None] * stride + np.arange(taps) * spread - before
    meets = (position >= 0) & (position <= (size - 1) * holes) & (position % holes == 0)
    return int(meets.sum())
