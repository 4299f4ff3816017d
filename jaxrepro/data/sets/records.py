"""Prepared image sets: PNG images in sharded ArrayRecord files beside a manifest.

A record is 8 bytes, the letters "JXR1" and the label as little-endian uint32, followed by a PNG
file. Nothing in a set is executable. The manifest is written last, so that a folder with a manifest
is complete.
"""

import dataclasses
import pathlib
import struct
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import check_is_text, local_path
from jaxrepro.core.files.strict_json import json_digest, json_text, parse_json
from jaxrepro.data.formats.images import decode_image, encode_png
from jaxrepro.data.sets.intact_files import altered_files
from jaxrepro.data.source import Source

MANIFEST = "manifest.json"
_FORMAT = 1
_HEADER = struct.Struct("<4sI")
_MAGIC = b"JXR1"
_REPAIR = "run the same python -m jaxrepro.prepare command again to repair it"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One ArrayRecord file of a set.

    Attributes:
      name: of the file.
      num_bytes: its size.
      sha256: its hash.
      labels: those of its records, in order.
      skipped: unreadable images that were left out.
      num_enlarged: images that were smaller than the set's size.
    """

    name: str
    num_bytes: int
    sha256: str
    labels: tuple[int, ...]
    skipped: tuple[str, ...]
    num_enlarged: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Shard":
        """The shard that `dataclasses.asdict` described; TypeError or KeyError if it is damaged."""
        shard = cls(
            **{**content, "labels": tuple(content["labels"]), "skipped": tuple(content["skipped"])}
        )
        if pathlib.PurePath(shard.name).name != shard.name:
            raise TypeError(f"{shard.name!r} is not a plain file name")
        return shard


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a prepared set holds.

    `settings` says how it was made: `source`, `split`, `channels`, `size`, `class_names` and more.
    """

    settings: dict[str, Any]
    shards: tuple[Shard, ...]

    @property
    def labels(self) -> np.ndarray:
        """Labels of all images, int32 [N]."""
        return np.concatenate([np.array(shard.labels, np.int32) for shard in self.shards])

    def to_json(self) -> bytes:
        """The content of `manifest.json`, a line for each shard."""
        shards = ",\n".join(json_text(dataclasses.asdict(shard)) for shard in self.shards)
        settings = json_text(self.settings)
        digest = json_digest([self.settings, [dataclasses.asdict(s) for s in self.shards]])
        return (
            f'{{"format": {_FORMAT},\n"sha256": "{digest}",\n"settings": {settings},\n'
            f'"shards": [\n{shards}]}}\n'
        ).encode()


def read_manifest(directory: pathlib.Path) -> Manifest:
    """The manifest of a prepared set.

    Raises:
      InputError: if the folder or the manifest is missing, or the manifest cannot be understood.
    """
    path = directory / MANIFEST
    if not directory.is_dir():
        raise InputError(f"{directory} is not a folder; make it with python -m jaxrepro.prepare")
    if not path.is_file():
        raise InputError(
            f"{directory} has no {MANIFEST}: it was not made by python -m jaxrepro.prepare, or "
            "that did not finish; run the same command again and it goes on where it stopped"
        )
    try:
        content = parse_json(path.read_bytes())
        if content["format"] != _FORMAT:
            raise InputError(f"{path} has format {content['format']}, not {_FORMAT}; prepare anew")
        manifest = Manifest(content["settings"], tuple(map(Shard.from_json, content["shards"])))
        names, split = manifest.settings["class_names"], manifest.settings["split"]
        if not isinstance(names, list) or not all(isinstance(x, str) for x in [*names, split]):
            raise TypeError("class names or split that are no text")
        num_classes = len(names)
        labels = manifest.labels
        if not len(labels) or labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError("labels outside the classes")
        check_digest(content, [content["settings"], content["shards"]])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path} is damaged ({error}); delete {directory} and prepare it anew"
        ) from error
    return manifest


def check_digest(manifest: dict[str, Any], value: Any) -> None:
    """Raises ValueError if `manifest` has a digest that is not that of `value`, what it lists."""
    # Manifests of earlier versions have none.
    if "sha256" in manifest and manifest["sha256"] != json_digest(value):
        raise ValueError("its SHA-256 is not the one in it")


def encode_record(image: np.ndarray, label: int) -> bytes:
    """The record of an image, uint8 [H, W, 1 or 3], and its label."""
    return _HEADER.pack(_MAGIC, label) + encode_png(image)


def decode_record(record: bytes, *, channels: int, name: str) -> tuple[np.ndarray, int]:
    """Image, uint8 [H, W, channels], and label of a record; InputError naming it if damaged."""
    if len(record) < _HEADER.size or record[:4] != _MAGIC:
        raise InputError(f"{name}: not a record of jaxrepro; {_REPAIR}")
    _, label = _HEADER.unpack_from(record)
    return decode_image(record[_HEADER.size :], channels=channels, name=name), label


class RecordSource(Source):
    """A set written by `python -m jaxrepro.prepare`.

    `split` must be the one that was prepared, or "all". Opening checks the size, the hash and the
    number of records of every shard, hashes of large sets once; reading checks the checksums that
    ArrayRecord and PNG carry.
    """

    def __init__(self, directory: str, *, split: str = "train", channels: int = 3):
        root = local_path(directory)
        check_is_text(root)
        self.manifest = read_manifest(root)
        settings = self.manifest.settings
        if split not in ("all", settings["split"]):
            raise InputError(
                f"array_record:{directory} holds the split {settings['split']!r}, not {split!r}; "
                "ask for that one or for 'all', or prepare the other one in another folder"
            )
        super().__init__(
            f"array_record:{directory}",
            split=split,
            channels=channels,
            class_names=tuple(settings["class_names"]),
        )
        shards = self.manifest.shards
        self._paths = [root / shard.name for shard in shards]
        for path, shard in zip(self._paths, shards):
            _check_size(path, shard)
        # Before ArrayRecord sees them: an altered file may end the process.
        digests = {path: shard.sha256 for path, shard in zip(self._paths, shards)}
        for path in altered_files(digests):
            raise InputError(f"shard {path} is damaged: its SHA-256 is another one; {_REPAIR}")
        for path, shard in zip(self._paths, shards):
            _check_number(path, shard)
        self._ends = np.cumsum([len(shard.labels) for shard in shards])
        self._labels = self.manifest.labels
        self._records = _open_records(self._paths, shards)

    def content_digest(self) -> str:
        """A hash of what the manifest says of the shards: their own hashes and labels."""
        return json_digest([[s.sha256, s.labels] for s in self.manifest.shards])

    @property
    def labels(self) -> np.ndarray:
        """Labels as the manifest lists them, int32 [N]."""
        return self._labels

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, uint8 [size, size, channels]; InputError names a damaged shard."""
        path = self._paths[int(np.searchsorted(self._ends, index, side="right"))]
        name = f"image {index} of the set, in shard {path}"
        try:
            record = self._records[index]
        # array_record reports damage as any of these.
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise InputError(f"{name}: damaged ({error}); {_REPAIR}") from error
        image, label = decode_record(record, channels=self.channels, name=name)
        if label != self._labels[index]:
            raise InputError(f"{name}: its label {label} is not the manifest's; {_REPAIR}")
        return image


def _check_size(path: pathlib.Path, shard: Shard) -> None:
    if not path.is_file():
        raise InputError(f"shard {path} is missing; {_REPAIR}")
    num_bytes = path.stat().st_size
    if num_bytes != shard.num_bytes:
        raise InputError(
            f"shard {path} is damaged: {num_bytes} bytes instead of {shard.num_bytes}; {_REPAIR}"
        )


def _check_number(path: pathlib.Path, shard: Shard) -> None:
    num_records = _count_records(path)
    if num_records != len(shard.labels):
        raise InputError(
            f"shard {path} is damaged: {num_records} records instead of {len(shard.labels)}; "
            f"{_REPAIR}"
        )


def _count_records(path: pathlib.Path) -> int:
    # pyright does not see into the compiled module.
    from array_record.python import array_record_module  # pyright: ignore

    reader = array_record_module.ArrayRecordReader(str(path))
    num_records = reader.num_records()
    # Closing a reader of a damaged file raises.
    if reader.ok():
        reader.close()
    return num_records


def _open_records(paths: list[pathlib.Path], shards: tuple[Shard, ...]):
    from array_record.python import array_record_data_source

    # The [start:stop] form spares opening every file once more; readers open at first use.
    return array_record_data_source.ArrayRecordDataSource(
        [f"{path}[0:{len(shard.labels)}]" for path, shard in zip(paths, shards) if shard.labels]
    )
