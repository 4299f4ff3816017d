"""The contract between a paper and the framework.

A paper is a package with a `Task`; the one loop in `jaxrepro.core.loop` trains every Task and
the evaluation in `jaxrepro.core.evaluation` runs every Evaluator.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.state import TrainState, Variables

HostBatch = Mapping[str, np.ndarray]
Batch = Mapping[str, jax.Array]
Scalars = Mapping[str, jax.Array]
Accumulator = Any
# A rule sees a leaf's shape, its size in bytes and the mesh, and says how to split the leaf.
Rule = Callable[[tuple[int, ...], int, Mesh], PartitionSpec]
# The first rule whose pattern is found in the leaf's path applies; none: replicate.
Rules = Sequence[tuple[str, Rule]]


@dataclasses.dataclass(frozen=True)
class BatchSpec:
    """Shape of one entry of a training batch over all processes.

    shape: the global shape; dtype: as the pipeline yields it; batch_axis: the axis of examples,
    the one that is split over devices. Axes before it are sequential work inside one update
    (discriminator steps, microbatches).
    """

    shape: tuple[int, ...]
    dtype: Any
    batch_axis: int = 0

    @property
    def num_examples(self) -> int:
        """Examples that one update consumes."""
        return int(np.prod(self.shape[: self.batch_axis + 1]))


@dataclasses.dataclass(frozen=True)
class Every:
    """When something periodic is due.

    steps: the period; 0 means at the end only.
    """

    steps: int

    def due(self, step: int, total_steps: int) -> bool:
        """Whether it is due after `step` of `total_steps` updates; always after the last."""
        return step == total_steps or (self.steps > 0 and step % self.steps == 0)


@dataclasses.dataclass(frozen=True)
class Image:
    """A picture that an evaluator made: uint8 [H, W, 1 or 3]."""

    pixels: np.ndarray


class Evaluator(Protocol):
    """One measurement of a state: what to run over which data, and how to reduce it."""

    @property
    def every(self) -> Every:
        """When it runs during training; it always runs at the end."""
        ...

    @property
    def batch_size(self) -> int:
        """Examples of one batch over all processes: any number, see `data`."""
        ...

    def data(self, process: int, num_processes: int) -> Iterable[HostBatch]:
        """Yields this process's rows: finite, batch axis 0; has "mask" bool [B], False for padding.

        All processes yield equally many batches of equally many rows, see
        `data.padding.batch_rows`. What is in a batch depends neither on the number of processes
        nor on that of devices, nor on the run's seed.
        """
        ...

    @property
    def step(self) -> Callable[..., Mapping[str, jax.Array]]:
        """The method step(state, batch, key) that returns per-example outputs, axis 0 = batch.

        Pure, compiled by the caller. With a fourth argument where `UsesVariables`. Rows that do
        not count are added where a batch does not divide over the devices, also between those of
        two processes: what a row gets may depend on the first row, but not on its own place in the
        batch or on the batch's size.
        """
        ...

    def init(self) -> Accumulator:
        """Returns an empty accumulator."""
        ...

    def merge(self, acc: Accumulator, out: Mapping[str, np.ndarray]) -> Accumulator:
        """Returns `acc` with the (unpadded) rows of `out` added; host, float64."""
        ...

    def finish(self, acc: Accumulator) -> Mapping[str, float | Image]:
        """Returns the results by name."""
        ...


@runtime_checkable
class UsesVariables(Protocol):
    """An Evaluator whose step needs arrays that are not in the state: a feature network's.

    What `step` closes over would be compiled in as constants, so these reach it as a fourth
    argument: step(state, batch, key, variables).
    """

    def load_variables(self) -> Any:
        """Returns a tree of arrays; called once, before the first `step` is traced.

        Whatever can fail or takes long, such as reading a file or training, belongs here: a run
        calls it before its first update.
        """
        ...


class Task(Protocol):
    """What a paper implements: a frozen dataclass of hyper-parameters and modules, no arrays.

    The seed of a run enters through `train_data` and the root key that `init` takes, and through
    nothing else: `jaxrepro.core.seeds` makes one Task of several seeds.
    """

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Global shapes of one item of `train_data`."""
        ...

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields, from update `start_step` on, all data of one update: this process's rows."""
        ...

    def init(self, key: jax.Array) -> TrainState:
        """Returns the state before the first update; pure, and usable under `jax.eval_shape`."""
        ...

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update and what to log; pure, not jitted (the loop is)."""
        ...

    def partition(self) -> Rules:
        """Returns how the state is laid over the mesh; `()` replicates all of it."""
        ...

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the measurements by name."""
        ...

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the variables that inference needs, by network."""
        ...

    def model_card(self) -> Mapping[str, Any]:
        """Returns, as JSON, what rebuilds the exported modules without config or data."""
        ...


@dataclasses.dataclass(frozen=True)
class PublishedFigure:
    """One number that somebody published, to stand beside a run's own.

    name: that of the run's result for the same quantity, such as "metrics/fid@50000"; what
    follows "@" is part of the protocol, and results match by what stands before it. protocol: on
    what and how it was measured. source: where it can be read.
    """

    name: str
    value: float
    protocol: str
    source: str


@dataclasses.dataclass(frozen=True)
class PublishedCurve:
    """The course of a published quantity: points are (step, value), steps ascending.

    name, protocol and source are those of `PublishedFigure`.
    """

    name: str
    points: tuple[tuple[int, float], ...]
    protocol: str
    source: str


@dataclasses.dataclass(frozen=True)
class Caption:
    """What is on a picture of a run: text, and columns, the names of its equal columns if any."""

    text: str
    columns: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class References:
    """What was published about the quantities that a run measures, and what its results mean.

    descriptions: what a result's name means, by the name or its part before "@"; for readers of
    the run's page. citation: the paper. levels: by the name of a result, the names of others that
    do not change over the run and are drawn beside it: what methods without a network reach, by
    the words for each method. targets: the same of what the data themselves score, which no run is
    expected to pass. headline: the result that stands first, with or without what follows
    "@". captions: by the name of a picture; the first that a run has stands first.

    The others are by the name of a result, its part before "@" or before a "/": the longest that
    is known counts for all results that begin so. better: "higher" or "lower", for what has a
    better direction. after_at: the words for what follows "@", such as "{} samples". measured_on:
    what the evaluator measured; see `references_of`.
    """

    rows: tuple[PublishedFigure, ...] = ()
    curves: tuple[PublishedCurve, ...] = ()
    descriptions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    citation: str = ""
    levels: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    targets: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    better: Mapping[str, str] = dataclasses.field(default_factory=dict)
    headline: str = ""
    after_at: Mapping[str, str] = dataclasses.field(default_factory=dict)
    measured_on: Mapping[str, str] = dataclasses.field(default_factory=dict)
    captions: Mapping[str, Caption] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Guard:
    """When training counts as broken, and what is done then.

    action: "off"; "stop" ends the run; "rollback" goes back to the best checkpoint before and
    continues with other random numbers, at most `max_rollbacks` times.
    watched: a pattern of the names of watched scalars. factor: how much larger than the median of
    its last `window` measurements one may become, from step `start` on.
    metric: the name of an evaluated result of which less is better, with or without what follows
    "@" in it, "" for none: its best checkpoint is kept. worse: how many times the best it may
    become; 0: any.
    """

    action: str
    watched: str
    factor: float
    window: int
    start: int
    metric: str
    worse: float
    max_rollbacks: int


@dataclasses.dataclass(frozen=True)
class Monitor:
    """Scalars of the state, such as singular values of weights, measured now and then.

    measure: state -> scalars; pure, compiled by the loop. guard: what watches over them.
    """

    every: Every
    measure: Callable[[TrainState], Scalars]
    guard: Guard


@runtime_checkable
class IsMonitored(Protocol):
    """A Task whose state is watched over: optional."""

    def monitor(self) -> Monitor:
        """Returns what is measured, and when training counts as broken."""
        ...


@runtime_checkable
class IdentifiesData(Protocol):
    """A Task that says which of its config's keys name data, and what they hold."""

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns what the run reads, by the key of the config that names it: "data.source".

        Training and validation sets, and weights that it starts from or measures with. Cheap, as
        every start asks for it: no second reading of a large set.
        """
        ...


@runtime_checkable
class HasReferences(Protocol):
    """A Task that knows what was published: optional, for the page of a run."""

    def references(self) -> References:
        """Returns the published figures that belong to this setting."""
        ...


def identities_of(task: Any) -> Mapping[str, DataIdentity]:
    """Returns what a Task reads, nothing if it does not say so."""
    return task.identities() if isinstance(task, IdentifiesData) else {}


def references_of(task: Any) -> References | None:
    """Returns what a Task offers, None if it offers nothing.

    An Evaluator may have `measured_on`: in words, what it measures, the set and how many before a
    ";", the protocol behind it. The page says it of all results that begin with the evaluator's
    name.
    """
    evaluators: Mapping[str, Evaluator] = task.evaluators()
    told = {
        name: words
        for name, evaluator in evaluators.items()
        if (words := getattr(evaluator, "measured_on", ""))
    }
    references = task.references() if isinstance(task, HasReferences) else None
    if not told:
        return references
    references = references or References()
    return dataclasses.replace(references, measured_on={**told, **references.measured_on})
