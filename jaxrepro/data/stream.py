"""Training examples as a Task of one network takes them: a source, a transform, any step."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.source import Items, Source, identity_of
from jaxrepro.data.transforms import Transform


@dataclasses.dataclass(frozen=True, eq=False)
class TrainStream:
    """The examples of `source`, each varied anew at every visit: a `core.supervised.Stream`."""

    source: Items
    transform: Transform

    def identity(self) -> DataIdentity:
        """Returns what tells whether the source is the same."""
        return identity_of(self.source)

    def example(self) -> Mapping[str, np.ndarray]:
        """Returns one prepared example as arrays; those of a batch have its names and shapes."""
        source, transform = self.source, self.transform
        item = transform.prepare(source.example() if isinstance(source, Source) else source[0])
        if transform.augment is not None:
            item = transform.augment(item, np.random.default_rng(0))
        return {name: np.asarray(value) for name, value in item.items()}

    def batches(
        self, *, seed: int, batch_size: int, start_step: int, process: int, num_processes: int
    ) -> Iterator[Mapping[str, np.ndarray]]:
        """Yields what `pipeline.train_iterator` yields for batches of `batch_size` examples."""
        return train_iterator(
            self.source,
            self.transform,
            seed=seed,
            batch_shape=(batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )
