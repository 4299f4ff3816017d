"""Exports: what inference needs of a trained model, in one folder that runs no code when read.

    model.json          the model card: what rebuilds the modules, class names, where it is from
    <net>.safetensors   the variables of each network, named "params/first/kernel"
    <table>.safetensors further arrays, such as batch statistics for several truncations

Every file's SHA-256 is in the card, and so is that of the rest of the card.
"""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import flax
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import reason, refuse_url
from jaxrepro.core.files.strict_json import json_digest, json_text
from jaxrepro.core.files.whole_files import whole_folder
from jaxrepro.core.run.workdir import read_json
from jaxrepro.core.state import Variables

CARD = "model.json"
_SUFFIX = ".safetensors"
_CARD_DIGEST = "sha256"


@dataclasses.dataclass(frozen=True)
class Export:
    """A trained model.

    card: JSON, what rebuilds the modules. nets: variables by network, as `module.apply` takes
    them. tables: other trees of arrays, by name.
    """

    card: Mapping[str, Any]
    nets: Mapping[str, Variables]
    tables: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


def write_export(folder: str | os.PathLike[str], export: Export) -> None:
    """Writes `export` as `folder`, whole or not at all; an export that is there is replaced.

    Raises InputError if `folder` holds something else or cannot be written.
    """
    folder = pathlib.Path(folder)
    refuse_url(folder)
    if folder.exists() and not (folder / CARD).is_file():
        raise InputError(f"{folder} is there and is not an export; choose another folder")
    try:
        with whole_folder(folder) as new:
            _write_files(new, export)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {reason(error)}") from error


def _write_files(folder: pathlib.Path, export: Export) -> None:
    from safetensors.numpy import save

    files: dict[str, dict[str, str]] = {"nets": {}, "tables": {}}
    for kind, trees in (("nets", export.nets), ("tables", export.tables)):
        for name, tree in trees.items():
            flat = flax.traverse_util.flatten_dict(dict(tree), sep="/")
            path = folder / f"{name}{_SUFFIX}"
            # A slice or a transposed view would be written with its base's bytes.
            path.write_bytes(save({k: np.array(x, order="C") for k, x in flat.items()}))
            files[kind][name] = _sha256(path)
    card = {**export.card, "files": files}
    card[_CARD_DIGEST] = json_digest(card)
    (folder / CARD).write_text(json_text(card, indent=2) + "\n", encoding="utf-8")


def read_export(folder: str | os.PathLike[str]) -> Export:
    """Returns the export in `folder`, its arrays as numpy.

    Raises InputError if it is none, or a file is absent, damaged or changed.
    """
    folder = pathlib.Path(folder)
    card = _read_card(folder)
    # Cards of earlier versions have none.
    digest = card.pop(_CARD_DIGEST, None)
    if digest is not None and digest != json_digest(card):
        raise InputError(
            f"{folder / CARD} is damaged or changed: its SHA-256 is not the one in it; write the "
            "export anew"
        )
    files = card.get("files")
    if (
        not isinstance(files, dict)
        or set(files) != {"nets", "tables"}
        or not all(isinstance(digests, dict) for digests in files.values())
    ):
        raise InputError(f"{folder / CARD} lists no files: this is not an export")
    trees = {
        kind: {name: _read_arrays(folder, name, digest) for name, digest in files[kind].items()}
        for kind in files
    }
    return Export({k: v for k, v in card.items() if k != "files"}, **trees)


def is_export(folder: str | os.PathLike[str]) -> bool:
    """Returns whether `folder` is an export, and not, say, the workdir of a run."""
    folder = pathlib.Path(folder)
    return (folder / CARD).is_file() and "files" in _read_card(folder)


def _read_card(folder: pathlib.Path) -> dict[str, Any]:
    if not (folder / CARD).is_file():
        raise InputError(f"{folder} is not an export: no {CARD}")
    return read_json(folder / CARD)


def _read_arrays(folder: pathlib.Path, name: str, digest: Any) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    # A name from the card must not lead out of the folder.
    if pathlib.Path(name).name != name:
        raise InputError(f"{folder / CARD} names a file {name!r}; only plain names are allowed")
    path = folder / f"{name}{_SUFFIX}"
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"{path} is damaged or changed: its SHA-256 is not that of {CARD}; "
                "write the export anew"
            )
        arrays = load(content)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    return flax.traverse_util.unflatten_dict(arrays, sep="/")


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
