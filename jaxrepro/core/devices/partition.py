"""How a state is laid over a mesh: ordered rules from paths to shardings."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import Rule, Rules


def replicate(shape: tuple[int, ...], num_bytes: int, mesh: Mesh) -> PartitionSpec:
    """Keeps a whole copy on every device."""
    del shape, num_bytes, mesh
    return PartitionSpec()


def fsdp(min_mb: float = 4.0) -> Rule:
    """Returns the rule that splits the largest divisible axis over the mesh's "fsdp" axis.

    Leaves under `min_mb` MiB stay whole: gathering them costs more than they take. So do
    leaves without a divisible axis. With an "fsdp" axis of size 1 nothing is split.
    """

    def rule(shape: tuple[int, ...], num_bytes: int, mesh: Mesh) -> PartitionSpec:
        parts = mesh.shape["fsdp"]
        divisible = [axis for axis, size in enumerate(shape) if size % parts == 0]
        if parts == 1 or num_bytes < min_mb * 2**20 or not divisible:
            return PartitionSpec()
        largest = max(divisible, key=lambda axis: shape[axis])
        return PartitionSpec(*["fsdp" if axis == largest else None for axis in range(len(shape))])

    return rule


def rules_from_settings(mesh: Settings) -> Rules:
    """Returns the rules that the section `mesh` of a config asks for.

    `fsdp_except`: patterns of the paths of leaves that stay whole; all others are split if they
    have `fsdp_min_mb` MiB or more. Raises InputError for a pattern that is none.
    """
    patterns = mesh.optional("fsdp_except", ())
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise InputError(
                f"mesh.fsdp_except has {pattern!r}, which is no regular expression: {error}"
            ) from error
    split = fsdp(mesh.at_least("fsdp_min_mb", 0, default=4.0))
    return (*((pattern, replicate) for pattern in patterns), ("", split))


def leaf_path(path: Sequence[Any]) -> str:
    """Returns a tree path as "nets/g/params/linear/kernel"."""
    return jax.tree_util.keystr(tuple(path), simple=True, separator="/")


def state_shardings(abstract_state: Any, rules: Rules, mesh: Mesh) -> Any:
    """Returns a tree like `abstract_state` with the NamedSharding of each leaf.

    Paths end alike for a parameter, its optimiser moments and its moving average
    ("nets/g/params/x", "nets/g/opt_state/0/nu/x", "ema/g/params/x"), so that one pattern on
    the parameter's own path lays out all of them. Raises InputError for a pattern that is found in
    no path: a rule without effect is a misspelt one.
    """
    paths = [leaf_path(path) for path, _ in jax.tree_util.tree_leaves_with_path(abstract_state)]
    for pattern, _ in rules:
        if not any(re.search(pattern, path) for path in paths):
            raise InputError(
                f"{pattern!r}, which says what is split over devices, is found in no path of the "
                f"state, such as {', '.join(paths[:3])}"
            )

    def sharding(path: Sequence[Any], leaf: jax.ShapeDtypeStruct) -> NamedSharding:
        name = leaf_path(path)
        rule = next((rule for pattern, rule in rules if re.search(pattern, name)), replicate)
        is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        num_bytes = 0 if is_key else int(np.prod(leaf.shape)) * leaf.dtype.itemsize
        return NamedSharding(mesh, rule(leaf.shape, num_bytes, mesh))

    return jax.tree_util.tree_map_with_path(sharding, abstract_state)


def gathered(tree: Any) -> Any:
    """Returns `tree` with every leaf whole on every device, where a mesh is set that splits leaves.

    Parameters are gathered before they are used, and gradients summed before they are cut into the
    parts that each device keeps. Left to choose, XLA makes layers of the cut parameters themselves,
    and exchanges activations. In a loop it chooses anew, also for what the body only refers to:
    gather inside the body.

    Such layers can have wrong gradients (jaxlib 0.10.2, Shardy and GSPMD alike): a 3x3
    convolution, not of 1x1, of `(z @ w).reshape(B, H, W, C)` with w [I, H W C] split over "fsdp"
    along its columns and z whole. XLA cuts the map along H; the kernel's gradient is then summed
    over all devices, those of "data" that hold the same rows among them, and is as many times too
    large. docs/design.md has a program.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.shape.get("fsdp", 1) == 1:
        return tree
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, PartitionSpec()), tree)


def on_whole_state(function: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Returns `function(state, ...)`, given the state with networks and averages whole.

    For what looks at a state on `mesh` and changes nothing, see `gathered`.
    """
    if mesh.shape["fsdp"] == 1:
        return function
    everywhere = NamedSharding(mesh, PartitionSpec())

    def call(state: Any, *rest: Any) -> Any:
        nets, ema = jax.tree.map(
            lambda x: jax.lax.with_sharding_constraint(x, everywhere), (state.nets, state.ema)
        )
        return function(state.replace(nets=nets, ema=ema), *rest)

    return call


def with_shardings(abstract: Any, shardings: Any) -> Any:
    """Returns the shapes `abstract` with the `shardings` attached."""
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), abstract, shardings
    )
