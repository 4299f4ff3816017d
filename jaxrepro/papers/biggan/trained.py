"""A trained generator, ready to use: from a run, an export or a file of published weights."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.arrays.array_files import ENDINGS
from jaxrepro.core.checkpoints.export import Export
from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.inference import trained
from jaxrepro.core.state import Variables
from jaxrepro.papers.biggan.network.latents import DISTRIBUTIONS
from jaxrepro.papers.biggan.network.networks import generator_from_card
from jaxrepro.papers.biggan.network.standing_table import rows_at, statistics_at, table_name
from jaxrepro.papers.biggan.network.truncation import check_truncation

# The generator's name among the networks of a run or an export.
NET = "g"


@dataclasses.dataclass(frozen=True)
class TrainedGenerator(trained.Trained):
    """A generator with its variables.

    Attributes:
      module: has `embed(labels)` and `synthesize(z, embedding, train=False)`.
      variables: of the moving average by default, as `module.apply` takes them.
      latent: distribution of z, a key of `latents.DISTRIBUTIONS`.
      class_names: by class number.
      origin: where it is from, for messages.
      tables: of standing statistics, by name; see `standing_table`.
    """

    module: Any
    variables: Variables
    latent: str
    class_names: tuple[str, ...]
    origin: str

    def shapes(self) -> Any:
        """Returns the shapes of the variables."""
        z, labels = jnp.zeros((1, self.module.dim_z)), jnp.zeros((1,), jnp.int32)
        return jax.eval_shape(lambda: self.module.init(jax.random.key(0), z, labels, train=False))

    def variables_at(self, mode: str, threshold: float | None) -> tuple[Variables, str]:
        """Returns (variables, a sentence on them) for sampling with a truncation.

        The batch-norm statistics are those of the table of the mode, if there is one: its row, or
        what is between two rows. Without a table they are the moving averages of training, where
        z was not truncated.

        Raises InputError if mode, threshold and latent do not fit together, or the threshold is
        outside the table.
        """
        check_truncation(self.latent, mode, threshold)
        if threshold is None:
            return self.variables, "batch-norm statistics: moving averages of training"
        if table_name(mode) not in self.tables:
            others = f"; there is {', '.join(sorted(self.tables))}" if self.tables else ""
            return self.variables, (
                "batch-norm statistics: moving averages of training, where z was not truncated "
                f"(no table {table_name(mode)}{others})"
            )
        table = self.tables[table_name(mode)]
        lower, upper, weight = rows_at(table, threshold)
        statistics = statistics_at(table, threshold)
        trained.check_same_arrays(
            "batch_stats does not fit its generator", statistics, self.variables["batch_stats"]
        )
        low, high = (float(table["truncation"][row]) for row in (lower, upper))
        source = (
            f"interpolated between truncation {low:g} and {high:g}"
            if weight
            else f"row of truncation {low:g}"
        )
        return (
            {**self.variables, "batch_stats": statistics},
            f"batch-norm statistics: table {table_name(mode)}, {source}",
        )

    def inference_function(self) -> InferenceFunction:
        """Returns the images of latent vectors and classes."""
        size, classes = self.module.dim_z, self.module.num_classes
        return InferenceFunction(
            lambda variables, z, label: self.module.apply(variables, z, label, train=False),
            self.variables,
            (
                Input("z", f"batch, {size}", "float32", None, f"latent vectors, {self.latent}"),
                Input("label", "batch", "int32", classes, "class numbers"),
            ),
            "image",
            "[batch, height, width, channels] in [-1, 1]",
            {"batch": 1},
        )

    def to_export(self, tables: Mapping[str, Any]) -> Export:
        """Returns the generator as an export with `tables`."""
        return Export(self.card, {NET: self.variables}, tables)


def load_generator(
    path: str | os.PathLike[str], *, step: int | str | None = None, average: bool | None = None
) -> TrainedGenerator:
    """Returns the generator in `path`: of a run, an export or a file of published weights.

    path: a run may be going on; an export needs neither Orbax nor Optax; of files, those that
    `port` knows. step: of the run; the latest by default. average: of the run, the moving average,
    which is the default, or the generator as the last update left it. Raises InputError if there is
    no generator of this paper.
    """
    files = trained.Published(
        "a file of published BigGAN weights", is_file_of_arrays, _from_published
    )
    return trained.load(path, "biggan", NET, _from_card, [files], step, average)


def is_file_of_arrays(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a file of published weights."""
    path = pathlib.Path(path)
    return path.suffix in ENDINGS and path.is_file()


def _from_published(path: pathlib.Path) -> TrainedGenerator:
    from jaxrepro.papers.biggan.port import make_export
    from jaxrepro.papers.biggan.porting.published_models import read_published

    model = read_published(path)
    if model.network != NET:
        raise InputError(f"{path} holds a discriminator, which draws no images; give the G of it")
    export = make_export({"input": model}, {"input": path}, None)
    network = _from_card(export.card, str(path))
    return dataclasses.replace(
        network, variables=model.variables, card=export.card, tables=export.tables
    )


def _from_card(card: Mapping[str, Any], origin: str) -> TrainedGenerator:
    """Returns what a model card says, without variables; it may be of any file."""
    if missing := [key for key in ("generator", "latent", "class_names") if key not in card]:
        raise InputError(
            f"{origin}: its model card has no {' and no '.join(missing)}: another version wrote "
            "it; train again with this one, or add what the run had (for latent, a name such as "
            '"normal")'
        )
    if card["latent"] not in tuple(DISTRIBUTIONS):
        raise InputError(
            f"{origin}: its model card has latent {card['latent']!r}; allowed: "
            f"{', '.join(DISTRIBUTIONS)}"
        )
    module = generator_from_card(card["generator"])
    if not isinstance(card["class_names"], list):
        raise InputError(f"{origin}: its model card has no list class_names")
    class_names = tuple(map(str, card["class_names"]))
    if len(class_names) != module.num_classes:
        raise InputError(
            f"{origin}: its model card names {len(class_names)} classes for a generator of "
            f"{module.num_classes}"
        )
    return TrainedGenerator(module, {}, card["latent"], class_names, origin)
