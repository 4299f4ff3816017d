"""Pieces of a training step, shared by all papers. All pure."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import optax

from jaxrepro.core.devices import platform
from jaxrepro.core.devices.mesh import num_example_parts
from jaxrepro.core.devices.partition import gathered
from jaxrepro.core.state import Net, Params, TrainState, Variables

Carry = TypeVar("Carry")
Aux = TypeVar("Aux")


def sequential(body: Callable[[Carry, Any], tuple[Carry, Aux]], init: Carry, xs: Any) -> Any:
    """Returns `jax.lax.scan(body, init, xs)`, written out step by step on CPU.

    XLA:CPU brings only the convolutions of a program's outermost computation into the form that
    its fast kernels take; inside a loop, even one of a single round, they run 15 to 50 times
    slower. On accelerators the loop keeps compile time independent of its length.
    """
    if not platform.on_cpu():
        return jax.lax.scan(body, init, xs)
    carry, outs = init, []
    for i in range(jax.tree.leaves(xs)[0].shape[0]):
        carry, out = body(carry, jax.tree.map(lambda x, i=i: x[i], xs))
        outs.append(out)
    return carry, jax.tree.map(lambda *rows: jnp.stack(rows), *outs)


def replicated(function: Callable[..., Any], *arguments: Any) -> Any:
    """Returns `jax.vmap(function)(*arguments)`, one by one on CPU and on several devices.

    arguments: trees whose leaves have the replica, such as the seed, as leading axis. A convolution
    whose kernel is mapped becomes a grouped one, for which XLA:CPU has no fast kernel, and for
    whose gradient every device of a mesh is sent the whole batch (jaxlib 0.10.2). On a single
    accelerator the replicas fill the device together.
    """
    if platform.on_cpu() or num_example_parts() > 1:
        return sequential(lambda none, one: (none, function(*one)), (), arguments)[1]
    return jax.vmap(function)(*arguments)


def microbatched_grads(
    loss: Callable[[Params, Carry, Any], tuple[jax.Array, tuple[Carry, Any]]],
    params: Params,
    carry: Carry,
    microbatches: Any,
) -> tuple[Params, Carry, Any]:
    """Returns (gradient of the mean loss, last carry, mean logs) over microbatches.

    loss: (params, carry, microbatch) -> (scalar, (carry, logs)). `carry` holds what advances on
    every forward pass (running statistics, spectral vectors) and is not differentiated.
    microbatches: a tree whose leaves have the microbatch as leading axis. Other networks' variables
    that `loss` uses must be passed through `partition.gathered` inside it, see there.
    """

    def grad(carry: Carry, microbatch: Any) -> tuple[Params, tuple[Carry, Any]]:
        # Within a loop once more: what is whole outside of it XLA may cut where it enters.
        gradient = jax.grad(loss, has_aux=True)
        grads, aux = gradient(gathered(params), gathered(carry), microbatch)
        return gathered(grads), aux

    num = jax.tree.leaves(microbatches)[0].shape[0]
    if num == 1:
        grads, (carry, logs) = grad(carry, jax.tree.map(lambda x: x[0], microbatches))
        return grads, carry, logs

    def body(state: tuple[Params, Carry], microbatch: Any) -> tuple[tuple[Params, Carry], Any]:
        total, carry = state
        grads, (carry, logs) = grad(carry, microbatch)
        return (jax.tree.map(jnp.add, total, grads), carry), logs

    zeros = jax.tree.map(jnp.zeros_like, params)
    (total, carry), logs = sequential(body, (zeros, carry), microbatches)
    grads = jax.tree.map(lambda g: g / num, total)
    return grads, carry, jax.tree.map(lambda x: x.mean(axis=0), logs)


def gathered_net(net: Net) -> Net:
    """Returns the network as it is used: its variables whole on every device, see `gathered`.

    The compiled update is given such networks. A Task that uses a network again after
    `apply_gradients`, within one update, calls this first.
    """
    return Net(gathered(net.params), gathered(net.stats), net.opt_state)


def apply_gradients(
    net: Net, grads: Params, stats: Any, optimizer: optax.GradientTransformation
) -> Net:
    """Returns the network after one optimiser update, with `stats` as its other variables."""
    updates, opt_state = optimizer.update(gathered(grads), net.opt_state, net.params)
    params: Any = optax.apply_updates(net.params, updates)
    return Net(params, stats, opt_state)


def ema_update(
    ema: Variables, variables: Variables, step: jax.Array, *, decay: float, start: int
) -> Variables:
    """Returns the moving average of every leaf, running statistics included.

    ema <- decay * ema + (1 - decay) * variables; a plain copy while step < start.
    step: int32 [], the number of updates done before this one.
    """
    rate = jnp.where(step < start, 0.0, decay).astype(jnp.float32)
    return jax.tree.map(functools.partial(_between, rate, 1 - rate), ema, variables)


@jax.jit  # Traced once for each shape, of which networks have few.
def _between(rate: jax.Array, rest: jax.Array, old: jax.Array, new: jax.Array) -> jax.Array:
    return (rate * old + rest * new).astype(old.dtype)


def supervised_step(
    state: TrainState,
    loss: Callable[[Params, Any, Any], tuple[jax.Array, tuple[Any, Any]]],
    batch: Any,
    optimizer: optax.GradientTransformation,
    parts: int = 1,
) -> tuple[TrainState, Any]:
    """Returns (state after one update of the network "model", logs).

    For a Task with one network that is trained and no moving average. loss: as in
    `microbatched_grads`, with the network's statistics as the carry. batch: a tree of arrays
    [B, ...], of any if `parts` is 1. parts: divides B; the batch passes through in so many
    microbatches, for their smaller arrays.
    """
    net = state.nets["model"]

    def split(x: jax.Array) -> jax.Array:
        if parts == 1:
            return x[None]
        # Every part takes rows of all devices: the batch axis is the one that is laid over them.
        return x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1)

    microbatches = jax.tree.map(split, dict(batch))
    grads, stats, logs = microbatched_grads(loss, net.params, net.stats, microbatches)
    net = apply_gradients(net, grads, stats, optimizer)
    return TrainState(state.step + 1, state.key, {**state.nets, "model": net}, {}), logs
