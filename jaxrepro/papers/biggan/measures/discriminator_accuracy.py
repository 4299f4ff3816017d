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
from jaxrepro.papers.biggan.measures.evaluators import generate
from jaxrepro.papers.biggan.network.model import Discriminator, Generator

# Per kind of image: its number, how many were judged rightly, and the sum of their logits.
Sums = dict[str, tuple[int, int, float]]


@dataclasses.dataclass(frozen=True, eq=False)
class DiscriminatorAccuracy:
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

    def init(self) -> Sums:
        """Returns sums over no images."""
        return {}

    def merge(self, acc: Sums, out: Mapping[str, np.ndarray]) -> Sums:
        """Returns the sums with those of one more batch."""
        is_training = out["is_training"]
        kinds = {
            "train": out["real"][is_training],
            "validation": out["real"][~is_training],
            # Samples are the negative class: turned round, they are right when above 0.
            "sample": -out["fake"][is_training],
        }
        new = dict(acc)
        for kind, logits in kinds.items():
            if len(logits):
                num, right, total = new.get(kind, (0, 0, 0.0))
                new[kind] = (
                    num + len(logits),
                    right + int((logits > 0).sum()),
                    total + float(logits.astype(np.float64).sum()),
                )
        return new

    def finish(self, acc: Sums) -> Mapping[str, float]:
        """Returns accuracies in [0, 1], mean logits, and how many images they are of."""
        results: dict[str, float] = {}
        for kind, (num, right, total) in acc.items():
            sign = -1 if kind == "sample" else 1
            results[f"{kind}_accuracy"] = right / num
            results[f"{kind}_logit"] = sign * total / num
            results[f"num_{kind}"] = float(num)
        return results
