"""Measurements of the generator's moving average, in evaluation mode."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.task import Batch, Evaluator, Every, HostBatch, Image
from jaxrepro.data.padding import padded_batches
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import Transform
from jaxrepro.draw.sheet import class_sheet
from jaxrepro.metrics.evaluators import Columns, KeepsRows
from jaxrepro.metrics.samples.digits import DigitsJudge
from jaxrepro.papers.biggan.network.latents import indexed_latents
from jaxrepro.papers.biggan.network.networks import AnyGenerator

# Samples of each digit for the judge.
_DIGITS_PER_CLASS = 100


def generate(
    generator: AnyGenerator,
    latent: str,
    variables: Variables,
    key: jax.Array,
    index: jax.Array,
    labels: jax.Array,
) -> jax.Array:
    """Returns images uint8 [B, H, W, C], image i a function of (key, index[i], labels[i]) alone.

    latent: a key of `latents.DISTRIBUTIONS`; index, labels: int32 [B].
    """
    z = indexed_latents(latent, key, index, generator.dim_z)
    return to_pixels(generator.apply(variables, z, labels, train=False))


def to_pixels(images: Any) -> jax.Array:
    """Returns uint8 pixels of images in [-1, 1], rounded."""
    return jnp.round((images + 1) * 127.5).astype(jnp.uint8)


@dataclasses.dataclass(frozen=True)
class _Samples(KeepsRows):
    """What the evaluators below share: images made for given labels."""

    generator: AnyGenerator
    latent: str
    every: Every
    batch_size: int
    labels: tuple[int, ...]

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields labels and sample numbers."""
        labels = np.asarray(self.labels, np.int32)
        rows = {"label": labels, "index": np.arange(len(labels), dtype=np.int32)}
        return padded_batches(rows, self.batch_size, process, num_processes)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the samples, uint8 [B, H, W, C], and their labels."""
        index, label = batch["index"], batch["label"]
        image = generate(self.generator, self.latent, state.ema["g"], key, index, label)
        return {"image": image, "label": label}


@dataclasses.dataclass(frozen=True)
class SampleSheet(_Samples):
    """A sheet of samples, one row a class; the same latents at every step of a run."""

    class_names: tuple[str, ...]

    def results(self, rows: Columns) -> Mapping[str, float | Image]:
        """Returns the sheet."""
        images, labels = rows["image"], rows["label"]
        return {"sheet": Image(class_sheet(images, labels, self.class_names))}


@dataclasses.dataclass(frozen=True)
class DigitsJudgement(_Samples):
    """Samples of digits beside held-out real ones: see `jaxrepro.metrics.samples.digits`."""

    transform: Transform

    @property
    def measured_on(self) -> str:
        """The samples, and the digits that they are judged by."""
        return (
            f"{len(self.labels):,} samples of the generator's moving average, of each class as "
            "many; judged by real digits, the features being their 64 pixels"
        )

    def results(self, rows: Columns) -> Mapping[str, float | Image]:
        """Returns the judge's figures."""
        images, labels = rows["image"], rows["label"]
        return _digits_judge(self.transform, images.shape[-1]).judge(images, labels)


def make_evaluators(
    generator: AnyGenerator,
    latent: str,
    source: Source,
    transform: Transform,
    *,
    every: Every,
    batch_size: int,
    sheet_classes: int,
    sheet_columns: int,
) -> dict[str, Evaluator]:
    """Returns the evaluators of a run: the sheet, and the judge where the data are digits."""
    num_rows = min(sheet_classes, source.num_classes)
    classes = np.linspace(0, source.num_classes - 1, num_rows).round().astype(int)
    evaluators: dict[str, Evaluator] = {
        "samples": SampleSheet(
            generator,
            latent,
            every,
            batch_size,
            tuple(int(c) for c in np.repeat(classes, sheet_columns)),
            tuple(source.class_names),
        )
    }
    if source.spec == "digits":
        labels = tuple(range(source.num_classes)) * _DIGITS_PER_CLASS
        evaluators["digits"] = DigitsJudgement(
            generator, latent, every, batch_size, labels, transform
        )
    return evaluators


@functools.cache
def _digits_judge(transform: Transform, channels: int) -> DigitsJudge:
    arrays = []
    for split in ("train", "test"):
        source = open_source("digits", split=split, channels=channels)
        (batch,) = eval_batches(source, transform, len(source))
        arrays += [batch["image"], batch["label"]]
    return DigitsJudge(*arrays)
