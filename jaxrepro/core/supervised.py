"""What every Task of one network shares: a paper adds the network, the objective, measurements."""

import abc
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.random import named_key
from jaxrepro.core.state import Collections, Net, Params, TrainState, Variables
from jaxrepro.core.task import Batch, BatchSpec, Evaluator, HostBatch, Rules, Scalars
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer

NET = "model"


class Stream(Protocol):
    """Training examples as a function of the seed and the step, see `data.pipeline.TrainStream`."""

    def identity(self) -> DataIdentity:
        """Returns what the examples are made of."""
        ...

    def example(self) -> HostBatch:
        """Returns one prepared example: the names, shapes and dtypes that all examples have."""
        ...

    def batches(
        self, *, seed: int, batch_size: int, start_step: int, process: int, num_processes: int
    ) -> Iterator[HostBatch]:
        """Yields this process's rows of each update's batch, from update `start_step` on."""
        ...


@dataclasses.dataclass(frozen=True)
class MovingAverage:
    """Of a network's variables: decay 0 for none; a plain copy before update `start`."""

    decay: float = 0.0
    start: int = 0


def new_net(variables: Variables, optim: OptimizerSpec) -> Net:
    """Returns the network before its first update.

    variables: what `module.init` returns; what is not under "params" are statistics.
    """
    stats = dict(variables)
    params = stats.pop("params")
    return Net(params, stats, make_optimizer(optim, params).init(params))


def frozen_net(variables: Variables) -> Net:
    """Returns a network of the state that no update changes: no parameters, no optimiser."""
    stats = dict(variables)
    weights = stats.pop("params")
    return Net({}, {"weights": weights, **stats}, ())


def frozen_variables(net: Net) -> Variables:
    """Returns what `module.apply` takes of a `frozen_net`."""
    stats = dict(net.stats)
    weights = stats.pop("weights")
    return {"params": weights, **stats}


def trained_variables(state: TrainState) -> Variables:
    """Returns the network that is measured and exported: its moving average where there is one."""
    return state.ema[NET] if NET in state.ema else state.nets[NET].variables


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Supervised(abc.ABC):
    """A Task of one network. A paper's Task is a subclass with `objective` and the measurements.

    module: the network. batch_size: examples of one update. rules: of `partition`. fixed: variables
    of further networks, such as a teacher, that no update changes, by name: they are in the state,
    so that they are laid over devices and come back with a checkpoint; see `fixed_outputs`.
    """

    module: Any
    stream: Stream
    optim: OptimizerSpec
    batch_size: int
    seed: int
    average: MovingAverage = MovingAverage()
    rules: Rules = ()
    fixed: Mapping[str, Variables] = dataclasses.field(default_factory=dict)

    # --- What a paper gives.

    @abc.abstractmethod
    def inputs(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns what the network is applied to, made of a batch's entries."""

    @abc.abstractmethod
    def objective(
        self, params: Params, stats: Collections, batch: Batch, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns (what is minimised, (the new statistics, what to log)).

        batch: what `prepared` returned. key: of this update; `random.named_key(key, "dropout")` is
        that of a purpose. step: int32 [], the number of updates done before this one.
        """

    def initial(self, key: jax.Array) -> Variables:
        """Returns the first variables: of the network applied to a batch of one example of zeros.

        key: the root key of the run.
        """
        zeros = {
            name: jnp.zeros((1, *spec.shape[1:]), spec.dtype)
            for name, spec in self.batch_spec.items()
        }
        rngs = {"params": named_key(key, "params"), **self.rngs(key)}
        return self.module.init(rngs, *self.inputs(zeros), train=False)

    @property
    def draws(self) -> tuple[str, ...]:
        """Names of the random numbers that the network draws, such as "dropout"."""
        return ()

    def rngs(self, key: jax.Array) -> dict[str, jax.Array]:
        """Returns the keys of `draws` under `key`, such as that of an update."""
        return {name: named_key(key, name) for name in self.draws}

    def prepared(self, batch: Batch, key: jax.Array) -> Batch:
        """Returns the batch that the objective sees: mixing and noising, inside the jitted step.

        Entries of another first axis than the batch's may come where `parts` is 1.
        """
        del key
        return batch

    def fixed_outputs(
        self, fixed: Mapping[str, Variables], batch: Batch, key: jax.Array
    ) -> Mapping[str, jax.Array]:
        """Returns what is added to the prepared batch, made with the fixed networks: nothing.

        It is computed before the objective, whose gradient therefore knows nothing of it. fixed:
        their variables, as in the state. key: of this update.
        """
        del fixed, batch, key
        return {}

    @property
    def parts(self) -> int:
        """In how many microbatches a batch passes through; it divides the batch size."""
        return 1

    @abc.abstractmethod
    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the measurements by name."""

    @abc.abstractmethod
    def model_card(self) -> Mapping[str, Any]:
        """Returns, as JSON, what rebuilds the network without config or data."""

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns what the run reads, by the key of the config that names it.

        The training examples as "data.source". A paper that reads more, such as a set to measure on
        or weights to start from (`data_identity.arrays_identity`), adds it.
        """
        return {"data.source": self.stream.identity()}

    # --- What follows.

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Shapes of one update's data, those of the first prepared example."""
        return self._batch_spec

    @functools.cached_property
    def _batch_spec(self) -> Mapping[str, BatchSpec]:
        return {
            name: BatchSpec((self.batch_size, *value.shape), value.dtype)
            for name, value in self.stream.example().items()
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the batches from update `start_step` on: a function of the seed and the step."""
        return self.stream.batches(
            seed=self.seed,
            batch_size=self.batch_size,
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def init(self, key: jax.Array) -> TrainState:
        """Returns the state before the first update."""
        net = new_net(self.initial(key), self.optim)
        nets = {NET: net, **{name: frozen_net(tree) for name, tree in self.fixed.items()}}
        ema = {NET: jax.tree.map(jnp.copy, net.variables)} if self.average.decay else {}
        return TrainState(jnp.zeros((), jnp.int32), key, nets, ema)

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, and the logs of the objective."""
        key = jax.random.fold_in(state.key, state.step)
        batch = self.prepared(batch, named_key(key, "prepared"))
        if self.fixed:
            fixed = {name: frozen_variables(state.nets[name]) for name in self.fixed}
            batch = {**batch, **self.fixed_outputs(fixed, batch, key)}

        def loss(params: Any, stats: Any, rows: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            return self.objective(params, stats, rows, key, state.step)

        optimizer = make_optimizer(self.optim, state.nets[NET].params)
        after, logs = step_lib.supervised_step(state, loss, batch, optimizer, self.parts)
        if not self.average.decay:
            return after, logs
        average = step_lib.ema_update(
            state.ema[NET],
            after.nets[NET].variables,
            state.step,
            decay=self.average.decay,
            start=self.average.start,
        )
        return TrainState(after.step, after.key, after.nets, {NET: average}), logs

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network that is measured."""
        return {NET: trained_variables(state)}
