"""A trained generator, ready to use: from the checkpoint of a run, or from an export."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.checkpoints.export import Export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.run.workdir import MODEL_CARD, read_model_card
from jaxrepro.core.state import Variables
from jaxrepro.papers.biggan.network.latents import DISTRIBUTIONS
from jaxrepro.papers.biggan.network.networks import generator_from_card
from jaxrepro.papers.biggan.network.standing_table import rows_at, statistics_at, table_name
from jaxrepro.papers.biggan.network.truncation import check_truncation

# The generator's name among the networks of a run or an export.
NET = "g"


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
    """A generator with its variables.

    Attributes:
      module: has `embed(labels)` and `synthesize(z, embedding, train=False)`.
      variables: of the moving average, as `module.apply` takes them.
      latent: distribution of z, a key of `latents.DISTRIBUTIONS`.
      class_names: by class number.
      card: the whole model card.
      tables: of standing statistics, by name; see `standing_table`.
      origin: where it is from, for messages.
    """

    module: Any
    variables: Variables
    latent: str
    class_names: tuple[str, ...]
    card: Mapping[str, Any]
    tables: Mapping[str, Any]
    origin: str

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
        _check_same_arrays("batch_stats", statistics, self.variables["batch_stats"])
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

    def to_export(self, tables: Mapping[str, Any]) -> Export:
        """Returns the generator as an export with `tables`."""
        return Export(self.card, {NET: self.variables}, tables)


def load_generator(
    *,
    workdir: Place | None = None,
    export: pathlib.Path | None = None,
    step: int | str | None = None,
) -> TrainedGenerator:
    """Returns the generator of a run's checkpoint, its moving average, or of an export.

    workdir: of a run, finished or going on; only its model card and the average are read. export:
    a folder of `core.checkpoints.export`, which needs neither Orbax nor Optax. step: of the run;
    the latest by default. Raises InputError unless one of the two folders is given and is what it
    should be.
    """
    if (workdir is None) == (export is None):
        raise InputError("give either the workdir of a run or an export")
    if workdir is not None:
        return _from_workdir(workdir, step)
    assert export is not None
    if step is not None:
        raise InputError(f"step {step} given with an export, which has one set of variables only")
    content = read_export(export)
    module, latent, class_names = _from_card(content.card, export)
    if NET not in content.nets:
        raise InputError(f"{export} has no network {NET!r}: it holds no generator")
    _check_same_arrays(str(export), content.nets[NET], _shapes(module))
    return TrainedGenerator(
        module,
        content.nets[NET],
        latent,
        class_names,
        content.card,
        content.tables,
        f"export {export}",
    )


def _from_workdir(workdir: Place, step: int | str | None) -> TrainedGenerator:
    # Here, so that exports are read where Orbax is not installed.
    from jaxrepro.core.checkpoints.restore import on_first_device, open_checkpoint

    card = read_model_card(workdir)
    module, latent, class_names = _from_card(card, workdir)
    shapes = on_first_device(_shapes(module))
    with open_checkpoint(workdir, step) as (checkpoints, step):
        part = checkpoints.restore_part(step, {"ema": {NET: shapes}})
    return TrainedGenerator(
        module,
        part["ema"][NET],
        latent,
        class_names,
        {**card, "step": step},
        {},
        f"step {step} of {workdir}",
    )


def _from_card(card: Mapping[str, Any], folder: Place) -> tuple[Any, str, tuple[str, ...]]:
    if card.get("paper") != "biggan":
        raise InputError(f"{folder} is a run of {card.get('paper')!r}, not of biggan")
    if missing := [key for key in ("generator", "latent", "class_names") if key not in card]:
        raise InputError(
            f"{folder / MODEL_CARD} has no {' and no '.join(missing)}: another version wrote it; "
            "train again with this one, or add what the run had (for latent, a name such as "
            '"normal")'
        )
    if card["latent"] not in tuple(DISTRIBUTIONS):
        raise InputError(
            f"{folder / MODEL_CARD} has latent {card['latent']!r}; allowed: "
            f"{', '.join(DISTRIBUTIONS)}"
        )
    module = generator_from_card(card["generator"])
    if not isinstance(card["class_names"], list):
        raise InputError(f"{folder / MODEL_CARD} has no list class_names")
    class_names = tuple(map(str, card["class_names"]))
    if len(class_names) != module.num_classes:
        raise InputError(
            f"{folder / MODEL_CARD} names {len(class_names)} classes for a generator of "
            f"{module.num_classes}"
        )
    return module, card["latent"], class_names


def _shapes(module: Any) -> Any:
    z, labels = jnp.zeros((1, module.dim_z)), jnp.zeros((1,), jnp.int32)
    return jax.eval_shape(lambda: module.init(jax.random.key(0), z, labels, train=False))


def _check_same_arrays(what: str, given: Any, expected: Any) -> None:
    """Raises InputError unless both trees have the same names and shapes."""

    def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
        flat = jax.tree_util.tree_flatten_with_path(tree)[0]
        return {jax.tree_util.keystr(path): tuple(x.shape) for path, x in flat}

    given_shapes, expected_shapes = shapes(given), shapes(expected)
    for name in sorted(set(given_shapes) | set(expected_shapes)):
        if given_shapes.get(name) != expected_shapes.get(name):
            raise InputError(
                f"{what} does not fit its generator: {name} has the shape "
                f"{given_shapes.get(name, 'of nothing, it is absent')}, expected "
                f"{expected_shapes.get(name, 'none at all')}"
            )
