"""Networks measured before their first update: each initialisation, with and without the fix."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.task import HostBatch
from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck
from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.forms.biased_convolution import Draw, Flow, Start, uniform_by_fan_in
from jaxrepro.papers.pyranet.start.responses import (
    Measures,
    network_measures,
    response_names,
    response_variances,
)
from jaxrepro.papers.pyranet.task import PoseEstimation, from_settings
from jaxrepro.tasks.pose.inference.predictor import network_input

# By kind of measure and name, one number a seed.
Measured = dict[str, dict[str, list[float]]]

_NUM_UNITS = 16
_CHAIN_STRIDE = 4


@dataclasses.dataclass(frozen=True, eq=False)
class AnyStart:
    """The `Start` of that index, an int32 [] which a compiled program may take as an argument.

    Drawing a network is slow to compile, and one program draws it for all starts.
    """

    starts: Sequence[Start]
    index: jax.Array

    def __call__(self, flow: Flow) -> tuple[Draw, Draw]:
        """Returns how the kernel and the bias of a layer in that place are drawn."""
        kernels, biases = zip(*(start(flow) for start in self.starts), strict=True)
        return self._chosen(kernels), self._chosen(biases)

    def _chosen(self, draws: Sequence[Draw]) -> Draw:
        return lambda key, shape: jax.lax.select_n(
            self.index, *(draw(key, shape) for draw in draws)
        )


class ResidualChain(nn.Module):
    """Residual units in a row and nothing else, the first of them widening.

    always_project: of `Shortcut`, in all units: the fix, were it everywhere.
    """

    features: int
    always_project: bool
    num_units: int = _NUM_UNITS
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C] -> [B, H, W, features]."""
        for i in range(self.num_units):
            x = PreactivationBottleneck(
                self.features,
                normalize_shortcut=True,
                always_project=self.always_project,
                start=self.start,
                name=f"unit_{i + 1}",
            )(x, train=train)
        return x


def measure_networks(
    settings: Settings, names: tuple[str, ...], num_seeds: int
) -> tuple[tuple[str, ...], dict[str, dict[str, Measured]]]:
    """Returns (places in order of depth, {"with_fix" or "without_fix": {name: measured}}).

    settings: of a config of PyraNet, whose seed is the first. names: of INITIALIZATIONS. The
    measures are those of `responses.network_measures`, on the first people of its training. Both
    networks of an initialisation and a seed have the same kernels where both have them.
    """
    first = _task(settings, names[0], fixed=True)
    batches = _first_batches(first, num_seeds)
    keys = [jax.random.key(settings.seed + i) for i in range(num_seeds)]

    def draw(start: Start, key: jax.Array) -> Any:
        module = first.module.clone(start=start)
        task = dataclasses.replace(
            first, predictor=dataclasses.replace(first.predictor, module=module)
        )
        return task.init(key).nets["model"].variables

    drawn = _draw_all(draw, names, keys)
    places: tuple[str, ...] = ()
    measured = {}
    for word, task in (
        ("with_fix", first),
        ("without_fix", _task(settings, names[0], fixed=False)),
    ):
        shapes = jax.eval_shape(task.init, keys[0]).nets["model"].variables
        measure = _compiled(functools.partial(_measure_network, task))
        places = response_names(functools.partial(_loss, task), shapes, batches[0], keys[0])
        measured[word] = {
            name: _by_name(
                [
                    measure(_part(variables, shapes), batch, key)
                    for variables, key, batch in zip(drawn[name], keys, batches, strict=True)
                ]
            )
            for name in names
        }
    return places, measured


def measure_chains(
    settings: Settings, names: tuple[str, ...], num_seeds: int
) -> dict[str, dict[str, Measured]]:
    """Returns {"with_fix" or "without_fix": {name: {"responses": {"unit_1": variances, ...}}}}.

    Of a `ResidualChain` as wide as the network, on the crops at a quarter of their size. The rest
    is as for `measure_networks`.
    """
    first = _task(settings, names[0], fixed=True)
    images = [
        _quartered(network_input(jnp.asarray(batch["image"]), first.predictor.mean))
        for batch in _first_batches(first, num_seeds)
    ]
    keys = [jax.random.key(settings.seed + i) for i in range(num_seeds)]
    chains = {
        fixed: ResidualChain(first.module.features, always_project=fixed) for fixed in (True, False)
    }

    def draw(start: Start, key: jax.Array) -> Any:
        return chains[True].clone(start=start).init(key, images[0], train=False)

    drawn = _draw_all(draw, names, keys)
    measured = {}
    for word, fixed in (("with_fix", True), ("without_fix", False)):
        chain = chains[fixed]
        shapes = jax.eval_shape(functools.partial(chain.init, train=False), keys[0], images[0])
        measure = _compiled(functools.partial(_measure_chain, chain))
        measured[word] = {
            name: _by_name(
                [
                    measure(_part(variables, shapes), x)
                    for variables, x in zip(drawn[name], images, strict=True)
                ]
            )
            for name in names
        }
    return measured


def _draw_all(
    draw: Callable[[Start, jax.Array], Any], names: Sequence[str], keys: Sequence[jax.Array]
) -> dict[str, list[Any]]:
    """Returns {name: what draw(start, key) gives for each key}, of the initialisations."""
    starts = [Initialization(name) for name in names]
    run = _compiled(lambda index, key: draw(AnyStart(starts, index), key))
    return {name: [run(jnp.int32(index), key) for key in keys] for index, name in enumerate(names)}


def _compiled(run: Callable[..., Any]) -> Any:
    """Returns `run` compiled in little time: each program here runs a few times only."""
    return jax.jit(run, compiler_options={"xla_backend_optimization_level": 0})


def _measure_network(task: PoseEstimation, variables: Any, batch: Any, key: jax.Array) -> Measures:
    stats = {name: value for name, value in variables.items() if name != "params"}
    return network_measures(
        lambda params: _loss(task, {"params": params, **stats}, batch, key),
        variables["params"],
        task.optim,
    )


def _loss(task: PoseEstimation, variables: Any, batch: Any, key: jax.Array) -> jax.Array:
    stats = {name: value for name, value in variables.items() if name != "params"}
    return task.objective(variables["params"], stats, batch, key, jnp.int32(0))[0]


def _measure_chain(chain: ResidualChain, variables: Any, x: jax.Array) -> Measures:
    def run() -> Any:
        return chain.apply(variables, x, train=True, mutable=["batch_stats"])

    return {"responses": response_variances(run)}


def _task(settings: Settings, name: str, *, fixed: bool) -> PoseEstimation:
    model = {key: getattr(settings.model, key) for key in settings.model}
    task = from_settings(settings.replaced(model=model | {"init": name, "fix_variance": fixed}))
    assert isinstance(task, PoseEstimation)
    return task


def _first_batches(task: PoseEstimation, number: int) -> list[HostBatch]:
    batches: Any = task.train_data(0, 0, 1)
    with batches:
        return list(itertools.islice(batches, number))


def _quartered(images: jax.Array) -> jax.Array:
    size = (_CHAIN_STRIDE, _CHAIN_STRIDE)
    return nn.avg_pool(images, size, size)


def _part(tree: Any, shapes: Any) -> Any:
    """Returns what `shapes` has of a tree of mappings."""
    if not isinstance(shapes, Mapping):
        return tree
    return {name: _part(tree[name], shape) for name, shape in shapes.items()}


def _by_name(seeds: list[Measures]) -> Measured:
    seeds = jax.device_get(seeds)
    return {
        kind: {name: [float(one[kind][name]) for one in seeds] for name in seeds[0][kind]}
        for kind in seeds[0]
    }
