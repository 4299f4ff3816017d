"""Whether the discriminator has learnt what is real, or which images it was shown.

A discriminator that is right about its training images and no better than chance about others
remembers them (Brock et al., arXiv 1809.11096, section 4.2).
"""

import dataclasses
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.data.views import AsTrained, random_subset
from jaxrepro.metrics.evaluators import Columns, KeepsRows
from jaxrepro.papers.biggan.measures.evaluators import generate
from jaxrepro.papers.biggan.network.model import Discriminator, Generator


@dataclasses.dataclass(frozen=True, eq=False)
class DiscriminatorAccuracy(KeepsRows):
    """An Evaluator: how often D(x, y) > 0 on real images and < 0 on samples, and mean logits.

    The discriminator is in evaluation mode. Samples are of the generator's moving average, for
    the labels of the training images.

    num_images: training images, validation images and samples, at most.
    """

    generator: Generator
    discriminator: Discriminator
    latent: str
    every: Every
    batch_size: int
    source: Source
    validation: Source | None
    transform: Transform
    num_images: int

    @property
    def measured_on(self) -> str:
        """The real images; how many samples and images of each kind are results themselves."""
        others = f" and of {self.validation.words}" if self.validation else ""
        return (
            f"at most {self.num_images:,} each of {self.source.words}{others}, and samples of the "
            "generator's moving average"
        )

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields real images as training shows them, and whether they are of the training set."""
        first = 0
        for source in filter(None, (self.source, self.validation)):
            images = random_subset(AsTrained(source, self.transform), self.num_images)
            batches = eval_batches(
                images,
                Transform(prepare=dict),
                self.batch_size,
                process=process,
                num_processes=num_processes,
            )
            is_training = source is self.source
            for batch in batches:
                yield {
                    **batch,
                    "index": batch["index"] + first,
                    "is_training": np.full(len(batch["label"]), is_training),
                }
            first += len(images)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns logits [B] of the images and of samples for the same labels."""
        index, label = batch["index"], batch["label"]
        fake = generate(self.generator, self.latent, state.ema["g"], key, index, label)
        variables = state.nets["d"].variables
        logits = [
            self.discriminator.apply(
                variables, x.astype(jnp.float32) / 127.5 - 1, label, train=False
            )
            for x in (batch["image"], fake)
        ]
        real, fake_logits = (jnp.asarray(x) for x in logits)
        return {"real": real, "fake": fake_logits, "is_training": batch["is_training"]}

    def results(self, rows: Columns) -> Mapping[str, float]:
        """Returns accuracies in [0, 1], mean logits, and how many images they are of."""
        is_training = rows["is_training"]
        kinds = {
            "train": rows["real"][is_training],
            "validation": rows["real"][~is_training],
            "sample": rows["fake"][is_training],
        }
        results: dict[str, float] = {}
        for kind, logits in kinds.items():
            if not len(logits):
                continue
            # Samples are the negative class: right where they are below 0.
            right = logits < 0 if kind == "sample" else logits > 0
            results[f"{kind}_accuracy"] = float(right.mean())
            results[f"{kind}_logit"] = float(logits.mean(dtype=np.float64))
            results[f"num_{kind}"] = float(len(logits))
        return results
