"""TensorFlow Datasets that were prepared as ArrayRecord; TensorFlow is not needed to read them."""

import functools
import os
import pathlib
import re
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import check_is_text, local_path
from jaxrepro.core.run.workdir import read_json
from jaxrepro.data.formats.images import decode_image
from jaxrepro.data.source import Item, Source


class TfdsSource(Source):
    """A prepared data set of TensorFlow Datasets with an `image` and a `label`.

    `name` is `dataset`, `dataset/config` or either with `:version`; without a version, the highest
    one that is prepared is taken. `data_dir` defaults to $TFDS_DATA_DIR or ~/tensorflow_datasets.
    `split` is anything that tfds reads without TensorFlow, such as "train" or "train[:90%]".
    Nothing is ever downloaded.
    """

    def __init__(
        self, name: str, *, data_dir: str | None = None, split: str = "train", channels: int = 3
    ):
        root = local_path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
        check_is_text(root)
        builder_dir = _prepared_version(root, name)
        spec = f"tfds:{name}@{data_dir}" if data_dir else f"tfds:{name}"
        self._records, features = _open_records(builder_dir, split)
        super().__init__(
            spec, split=split, channels=channels, class_names=tuple(features["label"].names)
        )
        self._features = features

    def __len__(self) -> int:
        return len(self._records)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """Labels, int32 [N]; the first use reads through the records once."""
        return np.array([self._record(i)["label"] for i in range(len(self))], np.int32)

    def read_image(self, index: int) -> np.ndarray:
        """Image `index` decoded, uint8 [H, W, channels]."""
        return self._decode(self._record(index)["image"], index)

    def __getitem__(self, index: int) -> Item:
        # Not through `labels`, which would read everything.
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)} in {self!r}")
        record = self._record(index)
        return {
            "image": self._decode(record["image"], index),
            "label": np.int32(record["label"]),
        }

    def _record(self, index: int) -> dict[str, Any]:
        try:
            return self._records[int(index)]
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(
                f"{self.spec}: example {index} cannot be read ({error}); prepare the data set anew"
            ) from error

    def _decode(self, encoded: Any, index: int) -> np.ndarray:
        return decode_image(bytes(encoded), channels=self.channels, name=f"{self.spec}[{index}]")


def _prepared_version(root: pathlib.Path, name: str) -> pathlib.Path:
    """Folder of the wanted version, or an InputError with the command that prepares it."""
    command = f"tfds build {name} --file_format=array_record --data_dir={root}"
    dataset, _, version = name.partition(":")
    base = root / dataset
    found = {
        info.parent.name: info
        for info in base.glob("*/dataset_info.json")
        if re.fullmatch(r"\d+\.\d+\.\d+", info.parent.name)
    }
    if version:
        found = {number: info for number, info in found.items() if number == version}
    if not found:
        raise InputError(
            f"tfds:{name} is not prepared under {root}; prepare it with `{command}` (that needs "
            "tensorflow and may download), or name another folder as tfds:NAME@DATA_DIR"
        )
    newest = max(found, key=lambda number: tuple(map(int, number.split("."))))
    file_format = read_json(found[newest]).get("fileFormat")
    if file_format != "array_record":
        raise InputError(
            f"tfds:{name} is prepared as {file_format or 'tfrecord'} in {found[newest].parent}, "
            f"which cannot be read at random; prepare it with `{command}`"
        )
    return found[newest].parent


def _open_records(builder_dir: pathlib.Path, split: str) -> tuple[Any, Any]:
    """Random access to undecoded examples, and the features."""
    import tensorflow_datasets as tfds

    builder: Any = tfds.builder_from_directory(builder_dir)
    features = dict(builder.info.features.items())
    wanted = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    lacking = [key for key, kind in wanted.items() if not isinstance(features.get(key), kind)]
    if lacking:
        raise InputError(
            f"{builder_dir} has the features {sorted(features)}; needed are an Image called image "
            "and a ClassLabel called label"
        )
    try:
        records = builder.as_data_source(
            split=split, decoders={"image": tfds.decode.SkipDecoding()}
        )
    except (ValueError, KeyError, AssertionError) as error:
        raise InputError(
            f"{builder_dir} has no split {split!r}; its splits are {sorted(builder.info.splits)}"
        ) from error
    return records, features
