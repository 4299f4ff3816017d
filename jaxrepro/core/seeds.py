"""Several seeds of one setting, trained in one program: a Task made of k Tasks.

Every array of the networks has the seed as its leading axis. Seed s computes what a run of its own
with `seed=s` computes, up to rounding: the same data, the same first state, the same keys. A Task's
seed therefore enters through `train_data` and the root key only; the update, the evaluators, the
card and the published figures are those of the first.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jaxrepro.core.config import Settings, checked_seed
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices.partition import Rule, Rules
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import evaluation_key
from jaxrepro.core.run.spread import over_seeds, part_name, seed_part
from jaxrepro.core.run.workdir import CARD_SEEDS
from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.task import (
    Accumulator,
    Batch,
    BatchSpec,
    Evaluator,
    Every,
    HostBatch,
    Image,
    IsMonitored,
    Monitor,
    References,
    Scalars,
    Task,
    UsesVariables,
    identities_of,
    references_of,
)
from jaxrepro.core.update.step import gathered_net, replicated


@dataclasses.dataclass(frozen=True)
class SeedsTask:
    """A Task that trains `tasks[i]` from the root key of `seeds[i]`, for all i at once.

    In the state, `step` and `key` are those of the run; leaves of `nets` and `ema` are [k, ...].
    """

    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]

    # --- Data.

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """The specs of one Task with the seed as leading axis."""
        return {
            name: BatchSpec((len(self.seeds), *spec.shape), spec.dtype, spec.batch_axis + 1)
            for name, spec in self.tasks[0].batch_spec.items()
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the batches of every seed, stacked."""
        return _Stacked([t.train_data(start_step, process, num_processes) for t in self.tasks])

    # --- State.

    def init(self, key: jax.Array) -> TrainState:
        """Returns the first states of all seeds; `key` is kept as the run's own."""

        def first(seed_key: jax.Array) -> tuple[Any, Any]:
            state = self.tasks[0].init(seed_key)
            return state.nets, state.ema

        nets, ema = replicated(first, root_keys(self.seeds))
        return TrainState(jnp.zeros((), jnp.int32), key, nets, ema)

    def partition(self) -> Rules:
        """Lays out each seed's leaves as the Task does; the axis of seeds is never split."""
        return [(pattern, _behind_seeds(rule)) for pattern, rule in self.tasks[0].partition()]

    def replica(self, state: TrainState, seed: int) -> TrainState:
        """Returns the state of one seed, as of a run of its own."""
        index = self.seeds.index(seed)
        nets, ema = jax.tree.map(lambda x: x[index], (state.nets, state.ema))
        return TrainState(state.step, jax.random.key(seed), nets, ema)

    # --- The update.

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update of every seed; scalars as mean and by seed."""

        def update(key: jax.Array, nets: Any, ema: Any, rows: Batch) -> tuple[Any, ...]:
            whole = {name: gathered_net(net) for name, net in nets.items()}
            one = TrainState(state.step, key, whole, ema)
            after, scalars = self.tasks[0].train_step(one, rows)
            return after.step, after.nets, after.ema, scalars

        keys = root_keys(self.seeds)
        steps, nets, ema, scalars = replicated(update, keys, state.nets, state.ema, dict(batch))
        return TrainState(steps[0], state.key, nets, ema), by_seed(scalars, self.seeds)

    # --- What comes out.

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the Task's evaluators, each measuring every seed on the same data."""
        return {
            name: (_EvaluatorWithVariables if isinstance(one, UsesVariables) else _Evaluator)(
                one, name, self.seeds
            )
            for name, one in self.tasks[0].evaluators().items()
        }

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Raises InputError: inference takes the networks of one seed, see `one_seed`."""
        raise InputError(f"this run trained {_listed(self.seeds)}: choose one of them")

    def model_card(self) -> Mapping[str, Any]:
        """Returns the Task's card with the seeds; the card of an export has none."""
        return {**self.tasks[0].model_card(), CARD_SEEDS: list(self.seeds)}

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns what the first Task reads: the seed is no part of it."""
        return identities_of(self.tasks[0])

    def references(self) -> References:
        """Returns the published figures of the Task, without any if it offers none."""
        return references_of(self.tasks[0]) or References()


class MonitoredSeedsTask(SeedsTask):
    """A `SeedsTask` of a Task with a monitor, which measures every seed."""

    def monitor(self) -> Monitor:
        """Returns the Task's monitor over all seeds; its guard is off."""
        inner = self._inner_monitor()

        def measure(state: TrainState) -> Scalars:
            def one(key: jax.Array, nets: Any, ema: Any) -> Scalars:
                return inner.measure(TrainState(state.step, key, nets, ema))

            scalars = replicated(one, root_keys(self.seeds), state.nets, state.ema)
            return by_seed(scalars, self.seeds)

        return dataclasses.replace(inner, measure=measure)

    def check_guard(self) -> None:
        """Raises InputError if a guard is to act: it judges, and goes back with, one run."""
        if (action := self._inner_monitor().guard.action) != "off":
            raise InputError(
                f"guard.action is {action!r} with num_seeds={len(self.seeds)}: the guard watches "
                "over a single run; set guard.action=off, or num_seeds=1"
            )

    def _inner_monitor(self) -> Monitor:
        task: Any = self.tasks[0]
        return task.monitor()


def make_seeds_task(settings: Settings, from_settings: Callable[[Settings], Task]) -> Task:
    """Returns the Task of a config: for `num_seeds` k > 1 one of seeds seed, ..., seed + k - 1.

    from_settings: the paper's. A config without the key `num_seeds` has one seed. Raises
    InputError for fewer, and where a guard is to act on several.
    """
    number = settings.at_least("num_seeds", 1, default=1)
    if not isinstance(number, int):
        raise InputError(f"num_seeds is {number!r}; it must be a whole number")
    if number == 1:
        return from_settings(settings)
    checked_seed(settings.seed + number - 1, f"the last of {number} seeds from {settings.seed}")
    seeds = tuple(range(settings.seed, settings.seed + number))
    tasks = tuple(from_settings(settings.replaced(seed=seed)) for seed in seeds)
    if not isinstance(tasks[0], IsMonitored):
        return SeedsTask(tasks, seeds)
    monitored = MonitoredSeedsTask(tasks, seeds)
    monitored.check_guard()
    return monitored


def one_seed(task: Task, seed: int | None) -> tuple[Task, Callable[[TrainState], TrainState]]:
    """Returns the Task of `seed` and what takes its state out of the run's, for exports.

    seed: None where the run has only one. Raises InputError naming the seeds of a run over several
    if none or another one is given, and if a seed is given for a run of one.
    """
    if not isinstance(task, SeedsTask):
        if seed is not None:
            raise InputError(f"--seed={seed} given, but this run trained one seed; leave it out")
        return task, lambda state: state
    if seed not in task.seeds:
        given = "no --seed" if seed is None else f"--seed={seed}"
        raise InputError(
            f"{given} given, and this run trained {_listed(task.seeds)}; choose one, such as "
            f"--seed={task.seeds[0]}"
        )
    return task.tasks[task.seeds.index(seed)], lambda state: task.replica(state, seed)


def refuse_several_seeds(task: Task, what: str) -> None:
    """Raises InputError if `task` trains several seeds; `what`: the command, for the message."""
    if isinstance(task, SeedsTask):
        raise InputError(f"num_seeds is {len(task.seeds)}; {what} takes a run of one seed")


def root_keys(seeds: Sequence[int]) -> jax.Array:
    """Returns the root keys of runs with these seeds, key [k]."""
    return jnp.stack([jax.random.key(seed) for seed in seeds])


def by_seed(scalars: Scalars, seeds: Sequence[int]) -> dict[str, jax.Array]:
    """Returns scalars [k] as their mean, under the plain name, and each seed's value."""
    named = {}
    for name, values in scalars.items():
        named[name] = values.mean(axis=0)
        named |= {part_name(name, seed_part(s)): values[i] for i, s in enumerate(seeds)}
    return named


def _listed(seeds: Sequence[int]) -> str:
    return f"the seeds {', '.join(map(str, seeds))}"


def _behind_seeds(rule: Rule) -> Rule:
    def behind(shape: tuple[int, ...], num_bytes: int, mesh: Mesh) -> PartitionSpec:
        if not shape:  # The step and the key have no axis of seeds.
            return rule(shape, num_bytes, mesh)
        return PartitionSpec(None, *rule(shape[1:], num_bytes // shape[0], mesh))

    return behind


class _Stacked(Iterator[HostBatch]):
    """Several iterators over batches as one, each batch with a new leading axis."""

    def __init__(self, iterators: Sequence[Any]):
        self._iterators = iterators

    def __next__(self) -> HostBatch:
        batches = [next(iterator) for iterator in self._iterators]
        return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}

    def close(self) -> None:
        """Closes all of them."""
        for iterator in self._iterators:
            if hasattr(iterator, "close"):
                iterator.close()


@dataclasses.dataclass(frozen=True)
class _Evaluator:
    """An Evaluator that measures every seed: outputs [B, k, ...], results as mean and spread."""

    inner: Evaluator
    name: str
    seeds: tuple[int, ...]

    @property
    def every(self) -> Every:
        return self.inner.every

    @property
    def batch_size(self) -> int:
        return self.inner.batch_size

    def data(self, process: int, num_processes: int) -> Iterable[HostBatch]:
        return self.inner.data(process, num_processes)

    def step(
        self, state: TrainState, batch: Batch, key: jax.Array, *variables: Any
    ) -> Mapping[str, jax.Array]:
        del key  # Every seed draws what its own run would.

        def one(root: jax.Array, nets: Any, ema: Any) -> Mapping[str, jax.Array]:
            replica = TrainState(state.step, root, nets, ema)
            return self.inner.step(replica, batch, evaluation_key(root, self.name), *variables)

        outputs = replicated(one, root_keys(self.seeds), state.nets, state.ema)
        return {name: jnp.moveaxis(values, 0, 1) for name, values in outputs.items()}

    def init(self) -> Accumulator:
        return [self.inner.init() for _ in self.seeds]

    def merge(self, acc: Accumulator, out: Mapping[str, np.ndarray]) -> Accumulator:
        return [
            self.inner.merge(one, {name: rows[:, i] for name, rows in out.items()})
            for i, one in enumerate(acc)
        ]

    def finish(self, acc: Accumulator) -> Mapping[str, float | Image]:
        return over_seeds(
            {seed: self.inner.finish(one) for seed, one in zip(self.seeds, acc, strict=True)}
        )


class _EvaluatorWithVariables(_Evaluator):
    """The same for one that `UsesVariables`: loaded once, shared by the seeds."""

    def load_variables(self) -> Any:
        inner: Any = self.inner
        return inner.load_variables()
