"""Plain layers with several branches: what the first variances are derived for, by measurement.

A layer is y = W sum_c x_c with x = f(y before it), f a ReLU or nothing. Its weights of variance v
make E[y^2] = a C_in n_in v E[y_before^2] and, on the way back, E[g_before^2] = a C_out n_out v
E[g^2], where a is 1/2 with a ReLU and 1 without (W. Yang et al., ICCV 2017, section 3.4). Without
batch norm, any other factor than 1 is raised to the number of layers.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.nn.branch_initialization import INITIALIZATIONS, Initialization
from jaxrepro.nn.forms.biased_convolution import Draw, Flow, Start, draw_zeros

_WIDTH = 128
_NUM_INPUTS = 256
_BRANCHES = 4


def _condition(branches: Callable[[Flow], int], axis: int) -> Start:
    """Returns the start that keeps the power one way exactly; axis: of a kernel, that way's."""

    def start(flow: Flow) -> tuple[Draw, Draw]:
        def kernel(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            kept = 0.5 if flow.rectified else 1.0
            fan = shape[0] * shape[1] * shape[axis]
            bound = (3 / (kept * branches(flow) * fan)) ** 0.5
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        return kernel, draw_zeros

    return start


# The two conditions themselves, and the initialisations that a config can name.
STARTS: Mapping[str, Start] = {
    "forward": _condition(lambda flow: flow.branches_in, 2),
    "backward": _condition(lambda flow: flow.branches_out, 3),
} | {name: Initialization(name) for name in INITIALIZATIONS}


@dataclasses.dataclass(frozen=True)
class BranchStack:
    """Layers of `width` channels in a row, without batch norm and biases.

    kind "parallel": every layer has `branches` inputs and outputs, with a kernel between any two.
    "split": one layer whose output has `branches` takers. "merge": one layer that takes a sum of
    `branches`, made before the ReLU. "pyramid": as in a pyramid residual module a split, a layer in
    each branch, and a merger, in turn. "rectified_sum": the same with the sum made after the ReLU,
    of numbers that are not negative. rectified: f is a ReLU. num_blocks: times that these layers
    follow each other; 1 for a split or a merger alone.
    """

    kind: Literal["parallel", "split", "merge", "pyramid", "rectified_sum"]
    branches: int = _BRANCHES
    rectified: bool = True
    width: int = _WIDTH
    num_blocks: int = 1

    @property
    def num_layers(self) -> int:
        """How many layers any path leads through."""
        return self.num_blocks * (3 if self.kind in ("pyramid", "rectified_sum") else 1)

    def gains(self, start: Start, key: jax.Array) -> dict[str, float]:
        """Returns "forward" and "backward": the factor of the power that a layer makes.

        The geometric mean over the layers, for normal inputs and normal gradients of the outputs.
        """
        of_kernels, of_numbers = jax.random.split(key)
        ends = _ends(self, self._kernels(start, of_kernels), of_numbers)
        powers = {way: _power(last) / _power(first) for way, (first, last) in ends.items()}
        return {way: power ** (1 / self.num_layers) for way, power in powers.items()}

    def inputs_shape(self) -> tuple[int, ...]:
        """Returns the shape of the first y, [N, width] or [branches, N, width]."""
        shape = (_NUM_INPUTS, self.width)
        return (self.branches, *shape) if self.kind in ("parallel", "merge") else shape

    def run(self, kernels: Mapping[str, jax.Array], y: jax.Array) -> jax.Array:
        """Returns the last y; kernels: [num_blocks, ..., width, width] of each layer of a block."""
        if self.num_blocks == 1:
            return self._block({name: kernel[0] for name, kernel in kernels.items()}, y)
        return jax.lax.scan(lambda y, of_block: (self._block(of_block, y), None), y, kernels)[0]

    def _block(self, kernels: Mapping[str, jax.Array], y: jax.Array) -> jax.Array:
        activate = jax.nn.relu if self.rectified else lambda y: y
        if self.kind == "parallel":
            return jnp.einsum("snc,stcd->tnd", activate(y), kernels["parallel"])
        if "split" in kernels:
            y = activate(y) @ kernels["split"]
            y = jnp.broadcast_to(y, (self.branches, *y.shape))
        if "level" in kernels:
            y = jnp.einsum("tnc,tcd->tnd", activate(y), kernels["level"])
        if "merge" not in kernels:
            return y
        x = activate(y).sum(axis=0) if self.kind == "rectified_sum" else activate(y.sum(axis=0))
        return x @ kernels["merge"]

    def _kernels(self, start: Start, key: jax.Array) -> dict[str, jax.Array]:
        """Returns what `run` takes."""
        whole = ("split", "level", "merge")
        layers = whole if self.kind in ("pyramid", "rectified_sum") else (self.kind,)
        branches, shape = self.branches, (1, 1, self.width, self.width)
        flows = {
            "parallel": (Flow(self.rectified, branches, branches), (branches, branches)),
            "split": (Flow(self.rectified, branches_out=branches), ()),
            "level": (Flow(self.rectified), (branches,)),
            "merge": (Flow(self.rectified, branches_in=branches), ()),
        }
        kernels = {}
        for layer, layer_key in zip(layers, jax.random.split(key, len(layers)), strict=True):
            flow, number = flows[layer]
            draw, _ = start(flow)
            keys = jax.random.split(layer_key, self.num_blocks * math.prod(number))
            drawn = jax.vmap(lambda key, draw=draw: draw(key, shape))(keys)
            kernels[layer] = drawn.reshape(self.num_blocks, *number, *shape[2:])
        return kernels


# One program for all initialisations and seeds of a stack: nothing is trained here.
@functools.partial(jax.jit, static_argnums=0)
def _ends(
    stack: BranchStack, kernels: Mapping[str, jax.Array], key: jax.Array
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Returns what goes in and what comes out of all layers, forward and backward."""
    of_inputs, of_gradients = jax.random.split(key)
    y = jax.random.normal(of_inputs, stack.inputs_shape())
    after, pull_back = jax.vjp(functools.partial(stack.run, kernels), y)
    gradients = jax.random.normal(of_gradients, after.shape)
    (before,) = pull_back(gradients)
    return {"forward": (y, after), "backward": (gradients, before)}


def _power(numbers: jax.Array) -> float:
    """Returns the mean square, summed on the host.

    XLA:CPU of jaxlib 0.10.2 sums a product that is repeated for each branch in its own program
    wrongly in some runs: it counts a branch twice, so that the power is 5/4 of what it is.
    """
    return float(np.mean(np.square(np.asarray(numbers, np.float64))))


STACKS: Mapping[str, BranchStack] = {
    "1 branch, ReLU": BranchStack("parallel", branches=1, num_blocks=12),
    "1 branch, linear": BranchStack("parallel", branches=1, rectified=False, num_blocks=12),
    "4 branches, ReLU": BranchStack("parallel", num_blocks=12),
    "4 branches, linear": BranchStack("parallel", rectified=False, num_blocks=12),
    "split into 4, ReLU": BranchStack("split"),
    "merger of 4, ReLU": BranchStack("merge"),
    "pyramids of 4, ReLU": BranchStack("pyramid", num_blocks=4),
    "pyramids of 4, sum of ReLUs": BranchStack("rectified_sum", num_blocks=4),
}


def stack_gains(num_seeds: int, seed: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Returns {stack: {start: {"forward" or "backward": one gain a seed}}}, of STACKS and STARTS.

    seed: of the first; kernels and numbers differ from seed to seed, not between starts.
    """
    keys = [jax.random.key(seed + i) for i in range(num_seeds)]
    gains = {}
    for stack_name, stack in STACKS.items():
        gains[stack_name] = {}
        for start_name, start in STARTS.items():
            seeds = [stack.gains(start, key) for key in keys]
            gains[stack_name][start_name] = {way: [one[way] for one in seeds] for way in seeds[0]}
    return gains
