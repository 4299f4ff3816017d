"""A trained network, opened by its path: the folder of a run, an export, or a published file.

Which of them a path is, is told by looking at it. A paper says how its model card becomes a network
and which published files it reads; see any `papers/*/trained.py`.
"""

import abc
import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import jax

from jaxrepro.core.checkpoints.export import is_export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction
from jaxrepro.core.files.places import Place, exists, place
from jaxrepro.core.run.workdir import MODEL_CARD, read_json, read_model_card

_SHOWN = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained(abc.ABC):
    """What is said of a trained network wherever it is from; papers add what theirs need.

    They add at least `module`, `variables`, as `module.apply` takes them, and `origin`, where it is
    from, for messages.

    Attributes:
      weights: of a run, "moving average" or "last update"; else "as published".
      run: the folder of the run that it is read from; None for an export or a published file.
      card: the whole model card, of a run with its "step".
      tables: of an export, its further arrays by name.
    """

    weights: str = "as published"
    run: Place | None = None
    card: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tables: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @abc.abstractmethod
    def shapes(self) -> Any:
        """Returns the shapes and dtypes of the variables that the module takes."""

    def inference_function(self) -> InferenceFunction:
        """Returns what the network computes, for programs without this package.

        Raises InputError for networks that have not said it.
        """
        raise InputError(f"{type(self).__name__} has no inference_function, which exports need")


Network = TypeVar("Network", bound=Trained)


@dataclasses.dataclass(frozen=True)
class Published(Generic[Network]):
    """A kind of published file that a paper reads.

    described: with its article, such as "a .mat file of the authors". fits: whether a path looks
    like one, its contents unread. read: returns the network in it, or raises InputError.
    """

    described: str
    fits: Callable[[pathlib.Path], bool]
    read: Callable[[pathlib.Path], Network]


def load(
    path: str | os.PathLike[str],
    paper: str,
    net: str,
    build: Callable[[Mapping[str, Any], str], Network],
    readers: Sequence[Published[Network]] = (),
    step: int | str | None = None,
    average: bool | None = None,
) -> Network:
    """Returns the trained network in `path`, on the first device. Reading runs no code.

    path: "~" in it is the user's folder; in a store (gs://, s3://) it is a run's. paper: whose
    networks are taken. net: which network of a run's state or an export. build: makes, of a model
    card of this paper and a name of where it is from, the network without variables, or raises
    InputError. step: of the run, a number or "best"; the latest by default. average: the run's
    moving average, or the network as the last update left it; the average by default, where one is
    kept.

    Raises InputError if there is no such network, its arrays are not those of its card, or step or
    average are given of what is no run.
    """
    where = place(os.path.expanduser(path))
    ways = [f"the folder of a run of {paper} or of an export", *(one.described for one in readers)]
    taken = ", or ".join(ways)
    if _is_run(where):
        _check_paper(read_json(where / MODEL_CARD), where, paper, taken)
        return _of_run(where, read_model_card(where), net, build, step, average)
    if step is not None or average is not None:
        choice = f"step {step} is" if step is not None else "a moving average, or none, is"
        raise InputError(f"{choice} chosen of {where}, which is not the folder of a run")
    if isinstance(where, pathlib.Path) and is_export(where):
        content = read_export(where)
        _check_paper(content.card, where, paper, taken)
        network = build(content.card, f"export {where}")
        if net not in content.nets:
            raise InputError(f"{where} has no network {net!r}")
        return _with_variables(
            network, content.nets[net], f"export {where}", card=content.card, tables=content.tables
        )
    for published in readers:
        if isinstance(where, pathlib.Path) and published.fits(where):
            return published.read(where)
    _refuse(where, paper, taken)


def run_of(path: str | os.PathLike[str], paper: str) -> tuple[Place, dict[str, Any]]:
    """Returns (folder, model card) of a run of the paper; raises InputError for anything else."""
    where = place(os.path.expanduser(path))
    taken = f"the folder of a run of {paper}"
    if not _is_run(where):
        _refuse(where, paper, taken)
    _check_paper(read_json(where / MODEL_CARD), where, paper, taken)
    return where, read_model_card(where)


def card_at(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Returns the model card of a run or an export, None where there is neither.

    Only the card is read. Raises InputError for one that cannot be read.
    """
    where = place(os.path.expanduser(path))
    if not _is_run(where) and not (isinstance(where, pathlib.Path) and is_export(where)):
        return None
    return read_json(where / MODEL_CARD)


def check_same_arrays(what: str, given: Any, expected: Any) -> None:
    """Raises InputError unless both trees have the same names and shapes.

    It begins with `what` and names the first array that differs.
    """

    def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
        flat = jax.tree_util.tree_flatten_with_path(tree)[0]
        return {jax.tree_util.keystr(path): tuple(x.shape) for path, x in flat}

    given_shapes, expected_shapes = shapes(given), shapes(expected)
    for name in sorted(set(given_shapes) | set(expected_shapes)):
        if given_shapes.get(name) != expected_shapes.get(name):
            raise InputError(
                f"{what}: {name} has the shape "
                f"{given_shapes.get(name, 'of nothing, it is absent')}, expected "
                f"{expected_shapes.get(name, 'none at all')}"
            )


def _of_run(
    workdir: Place,
    card: Mapping[str, Any],
    net: str,
    build: Callable[[Mapping[str, Any], str], Network],
    step: int | str | None,
    average: bool | None,
) -> Network:
    # Here, so that exports are read where Orbax is not installed.
    from jaxrepro.core.checkpoints.restore import on_first_device, open_checkpoint

    network = build(card, str(workdir))
    shapes = dict(on_first_device(network.shapes()))
    stats = {name: tree for name, tree in shapes.items() if name != "params"}
    with open_checkpoint(workdir, step) as (checkpoints, step):
        kept = any(name.startswith(f"ema/{net}/") for name in checkpoints.saved_shapes(step))
        if average and not kept:
            raise InputError(f"{workdir} keeps no moving average of {net!r}")
        averaged = kept if average is None else average
        if averaged:
            variables = checkpoints.restore_part(step, {"ema": {net: shapes}})["ema"][net]
        else:
            wanted = {"params": shapes["params"], **({"stats": stats} if stats else {})}
            part = checkpoints.restore_part(step, {"nets": {net: wanted}})["nets"][net]
            variables = {"params": part["params"], **part.get("stats", {})}
    return _with_variables(
        network,
        variables,
        f"step {step} of {workdir}",
        weights="moving average" if averaged else "last update",
        run=workdir,
        card={**card, "step": step},
    )


def _with_variables(network: Network, variables: Any, origin: str, **known: Any) -> Network:
    what = f"{origin}: the arrays are not those of its model card"
    check_same_arrays(what, variables, network.shapes())
    return dataclasses.replace(network, variables=variables, origin=origin, **known)


def _is_run(where: Place) -> bool:
    if not isinstance(where, pathlib.Path):
        return exists(where / MODEL_CARD)
    return (where / MODEL_CARD).is_file() and not is_export(where)


def _check_paper(card: Mapping[str, Any], where: Place, paper: str, taken: str) -> None:
    if card.get("paper") != paper:
        _refuse(where, paper, taken)


def _refuse(where: Place, paper: str, taken: str) -> NoReturn:
    """Raises the error for what is no trained network of the paper. taken: what would be."""
    raise InputError(f"{where} is no trained network of {paper}: {_looks(where)}; give {taken}")


def _looks(where: Place) -> str:
    """Returns in words what is at a path."""
    if exists(where / MODEL_CARD):
        card = read_json(where / MODEL_CARD)
        kind = "an export" if "files" in card else "a run"
        return f"it is {kind} of {card.get('paper', 'another paper')}"
    if not exists(where):
        return "there is nothing of that name"
    if not isinstance(where, pathlib.Path):
        return f"it has no {MODEL_CARD}"
    if not where.is_dir():
        return f"it is a file that ends in {where.suffix!r}"
    names = sorted(path.name for path in where.iterdir())
    if not names:
        return "it is an empty folder"
    more = ", ..." if len(names) > _SHOWN else ""
    return f"it is a folder of {', '.join(names[:_SHOWN])}{more}, without {MODEL_CARD}"
