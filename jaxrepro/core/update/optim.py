"""Optimisers, schedules, per-path learning rates, orthogonal regularisation."""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import leaf_path
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Params


@dataclasses.dataclass(frozen=True)
class OptimizerSpec:
    """How one network is optimised.

    name: "adam", "sgd" (with momentum b1, Nesterov's if `nesterov`) or "rmsprop": as in Torch, the
    gradient over the root of the moving average of its square with decay b2, epsilon added to the
    root; without b1.
    learning_rate: the peak rate. schedule: "constant"; "cosine" / "linear" to zero at
    `total_steps`; "constant_then_cosine" to zero over the last decay_share of the updates;
    "staircase", times decay_factor every decay_every updates; "drops", times decay_factor at each
    of drop_steps. The last two count updates from the end of the warm-up.
    warmup_steps: linear from zero.
    multipliers: (pattern, factor) pairs; the first pattern found in a parameter's path scales
    its learning rate, 0 freezes it, none leaves it as it is.
    clip_norm: global gradient norm, 0 for none. weight_decay: decoupled, 0 for none.
    l2_penalty: the weight decay of Torch's SGD: so many times the parameters are added to the
    gradient, behind clipping; 0 for none.
    orthogonal: strength beta of orthogonal regularisation, 0 for none; orthogonal_exclude: a
    pattern of paths left out of it, "" for none.
    """

    name: str
    learning_rate: float
    b1: float = 0.9
    b2: float = 0.999
    epsilon: float = 1e-8
    schedule: str = "constant"
    warmup_steps: int = 0
    total_steps: int = 0
    decay_factor: float = 1.0
    decay_every: int = 0
    drop_steps: tuple[int, ...] = ()
    decay_share: float = 0.2
    multipliers: tuple[tuple[str, float], ...] = ()
    clip_norm: float = 0.0
    weight_decay: float = 0.0
    l2_penalty: float = 0.0
    nesterov: bool = False
    orthogonal: float = 0.0
    orthogonal_exclude: str = ""

    @classmethod
    def from_settings(cls, *sections: Settings, **fixed: Any) -> "OptimizerSpec":
        """Returns what sections of a config describe: their keys that are fields of this class.

        sections: such as `settings.optim`; a key of a later one wins. fixed: fields that the config
        does not have, such as total_steps. Raises InputError for a value that is not allowed.
        """
        values: dict[str, Any] = {}
        for section in sections:
            for field in dataclasses.fields(cls):
                if field.name in section and field.name not in fixed:
                    values[field.name] = _READERS.get(field.name, getattr)(section, field.name)
        return cls(**values, **fixed)


def _at_least_zero(section: Settings, name: str) -> Any:
    return section.at_least(name, 0)


def _below_one(section: Settings, name: str) -> Any:
    return section.below_one(name)


def _multipliers(section: Settings, name: str) -> tuple[tuple[str, float], ...]:
    return parse_multipliers(getattr(section, name))


_READERS: Mapping[str, Callable[[Settings, str], Any]] = {
    **dict.fromkeys(("learning_rate", "warmup_steps", "clip_norm"), _at_least_zero),
    **dict.fromkeys(("weight_decay", "l2_penalty", "orthogonal"), _at_least_zero),
    **dict.fromkeys(("b1", "b2"), _below_one),
    "multipliers": _multipliers,
}


def parse_multipliers(rules: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Returns ("^linear=0.5", "gain$=0") as (("^linear", 0.5), ("gain$", 0.0)).

    Raises InputError for a rule of another form, a bad pattern or a negative factor.
    """
    parsed = []
    for rule in rules:
        pattern, _, factor = rule.rpartition("=")
        try:
            parsed.append((pattern, float(factor)))
            re.compile(pattern)
        except (ValueError, re.error) as error:
            raise InputError(
                f"learning rate multiplier {rule!r}; write PATTERN=FACTOR, such as ^linear=0.5"
            ) from error
        if not pattern or parsed[-1][1] < 0:
            raise InputError(f"learning rate multiplier {rule!r}; the factor must be 0 or more")
    return tuple(parsed)


def make_optimizer(spec: OptimizerSpec, params: Params) -> optax.GradientTransformation:
    """Returns the gradient transformation that `spec` describes, for parameters like `params`.

    Order: orthogonal regularisation adds to the gradient, then clipping, the penalty, the
    optimiser's own scaling, weight decay, per-path factors and the learning rate.

    params: arrays or their shapes. Raises InputError for an unknown name or schedule, or a
    multiplier pattern that matches nothing.
    """
    if spec.name == "adam":
        scale = optax.scale_by_adam(b1=spec.b1, b2=spec.b2, eps=spec.epsilon)
    elif spec.name == "sgd":
        momentum = optax.trace(decay=spec.b1, nesterov=spec.nesterov)
        scale = momentum if spec.b1 else optax.identity()
    elif spec.name == "rmsprop":
        scale = optax.scale_by_rms(decay=spec.b2, eps=spec.epsilon, eps_in_sqrt=False)
    else:
        raise InputError(f"unknown optimiser {spec.name!r}; allowed: adam, rmsprop, sgd")
    parts = [scale]
    if spec.l2_penalty:
        parts.insert(0, optax.add_decayed_weights(spec.l2_penalty))
    if spec.clip_norm:
        parts.insert(0, optax.clip_by_global_norm(spec.clip_norm))
    if spec.orthogonal:
        parts.insert(0, orthogonal_regularization(spec.orthogonal, spec.orthogonal_exclude))
    if spec.weight_decay:
        parts.append(optax.add_decayed_weights(spec.weight_decay))
    if spec.multipliers:
        parts.append(scale_by_path(spec.multipliers, params))
    parts.append(optax.scale_by_learning_rate(learning_rate(spec)))
    return optax.chain(*parts)


def learning_rate(spec: OptimizerSpec) -> optax.Schedule:
    """Returns the learning rate as a function of the number of updates done.

    Raises InputError for an unknown schedule, a period or steps that do not lie after 0, and a
    share outside (0, 1].
    """
    decay_steps = max(spec.total_steps - spec.warmup_steps, 1)
    if spec.schedule == "constant":
        after = optax.constant_schedule(spec.learning_rate)
    elif spec.schedule == "cosine":
        after = optax.cosine_decay_schedule(spec.learning_rate, decay_steps)
    elif spec.schedule == "constant_then_cosine":
        if not 0 < spec.decay_share <= 1:
            raise InputError(f"decay_share={spec.decay_share}; it must lie in (0, 1]")
        last = max(round(spec.decay_share * spec.total_steps), 1)
        decay = optax.cosine_decay_schedule(spec.learning_rate, last)
        start = max(decay_steps - last, 0)
        after = optax.join_schedules([optax.constant_schedule(spec.learning_rate), decay], [start])
    elif spec.schedule == "linear":
        after = optax.linear_schedule(spec.learning_rate, 0.0, decay_steps)
    elif spec.schedule == "staircase":
        if spec.decay_every < 1:
            raise InputError(f"decay_every={spec.decay_every}; a staircase needs 1 or more updates")
        after = optax.exponential_decay(
            spec.learning_rate, spec.decay_every, spec.decay_factor, staircase=True
        )
    elif spec.schedule == "drops":
        if not spec.drop_steps or min(spec.drop_steps) < 1:
            raise InputError(f"drop_steps={spec.drop_steps}; give updates to drop at, from 1 on")
        drops = dict.fromkeys(spec.drop_steps, spec.decay_factor)
        after = optax.piecewise_constant_schedule(spec.learning_rate, drops)
    else:
        raise InputError(
            f"unknown schedule {spec.schedule!r}; allowed: constant, constant_then_cosine, cosine, "
            "linear, staircase, drops"
        )
    if not spec.warmup_steps:
        return after
    warmup = optax.linear_schedule(0.0, spec.learning_rate, spec.warmup_steps)
    return optax.join_schedules([warmup, after], [spec.warmup_steps])


def scale_by_path(
    multipliers: tuple[tuple[str, float], ...], params: Params
) -> optax.GradientTransformation:
    """Returns the transformation that scales each update by the first pattern in its path.

    A factor of 0 leaves the parameter exactly as it is. Raises InputError for a pattern that
    decides no parameter's factor: a rule without effect is a misspelt one.
    """
    paths = [leaf_path(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]

    def label(path: str) -> str:
        return next((pattern for pattern, _ in multipliers if re.search(pattern, path)), "")

    used = {label(path) for path in paths}
    for pattern, _ in multipliers:
        if pattern not in used:
            raise InputError(
                f"learning rate multiplier {pattern!r} applies to no parameter; "
                f"parameters are {', '.join(paths[:8])}{', ...' if len(paths) > 8 else ''}"
            )
    transforms = {
        pattern: optax.scale(factor) if factor else optax.set_to_zero()
        for pattern, factor in multipliers
    }

    def labels(tree: Params) -> Any:
        return jax.tree_util.tree_map_with_path(lambda path, _: label(leaf_path(path)), tree)

    return optax.partition({**transforms, "": optax.identity()}, labels)


def orthogonal_regularization(strength: float, exclude: str = "") -> optax.GradientTransformation:
    """Returns the transformation that adds the gradient of strength * ||W W^T o (1 - I)||_F^2.

    W is each parameter of rank 2 or more as [out, rest]; gains and biases are of rank 1 and
    stay free (BigGAN, section 3.1, equation 3). The author's code adds half of this gradient:
    pass half the strength to match it.

    exclude: a pattern of parameter paths left out, "" for none.
    """

    def add(path: Any, grad: jax.Array, weight: jax.Array) -> jax.Array:
        name = leaf_path(path)
        if weight.ndim < 2 or (exclude and re.search(exclude, name)):
            return grad
        return grad + strength * orthogonal_gradient(weight, name).astype(grad.dtype)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError("orthogonal_regularization needs the parameters")
        return jax.tree_util.tree_map_with_path(add, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def orthogonal_gradient(weight: jax.Array, name: str = "kernel") -> jax.Array:
    """Returns the gradient of ||W W^T o (1 - I)||_F^2, shaped like `weight`.

    W = [out, rest]: a kernel's last axis is out, an embedding table's first. The gradient is
    4 (W W^T o (1 - I)) W. It is computed as 4 (W (W^T W) - diag(|w_i|^2) W), or from W W^T,
    whichever product is the smaller: a first layer of 24576 x 20 needs 20 x 20 numbers, not
    24576 x 24576.
    """
    return _orthogonal_gradient(weight, name.endswith("embedding"))


@functools.partial(jax.jit, static_argnums=1)  # Traced once for each shape.
def _orthogonal_gradient(weight: jax.Array, is_table: bool) -> jax.Array:
    rows = (
        weight.reshape(weight.shape[0], -1) if is_table else weight.reshape(-1, weight.shape[-1]).T
    )
    rows = rows.astype(jnp.float32)
    out, rest = rows.shape
    gram = (rows @ rows.T) @ rows if out <= rest else rows @ (rows.T @ rows)
    result = 4 * (gram - jnp.sum(rows**2, axis=1, keepdims=True) * rows)
    return (result if is_table else result.T).reshape(weight.shape)
