"""Prepared faces on disk: pictures and their maps in ArrayRecord files beside a manifest.

A record is the letters "JXM1", four little-endian uint32, and as many PNG files of those lengths:
picture, sketches, colours and regions. Nothing in a set is executable. A shard is named after what
it holds, and its description, FILE.json, lists the keys of its records: a key stands for the
content of a picture and the way its maps were made, so that shards can be taken over when pictures
are added. The manifest is written last: a folder with a manifest is complete.
"""

import dataclasses
import pathlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import json_digest, json_text, parse_json
from jaxrepro.data.formats.images import decode_image, encode_png
from jaxrepro.data.sets.intact_files import altered_files, file_sha256
from jaxrepro.data.sets.records import check_digest
from jaxrepro.data.source import Item

MANIFEST = "manifest.json"
_FORMAT = "scfegan faces 1"
_HEADER = struct.Struct("<4s4I")
_MAGIC = b"JXM1"
_CHANNELS = {"image": 3, "sketches": 1, "color": 3, "regions": 1}
REPAIR = "run the same python -m jaxrepro.papers.scfegan.prepare command again to repair it"


def encode_maps(item: Item) -> bytes:
    """The record of a picture and its maps, as `derived_maps.derive_maps` gives them."""
    files = [encode_png(item[name]) for name in _CHANNELS]
    return _HEADER.pack(_MAGIC, *map(len, files)) + b"".join(files)


def decode_maps(record: bytes, *, size: int, name: str) -> Item:
    """The picture and maps of a record; InputError naming it if it is damaged."""
    broken = InputError(f"{name}: not a record of prepared faces; {REPAIR}")
    if len(record) < _HEADER.size:
        raise broken
    magic, *lengths = _HEADER.unpack_from(record)
    if magic != _MAGIC or len(record) != _HEADER.size + sum(lengths):
        raise broken
    item, start = {}, _HEADER.size
    for (map_name, channels), length in zip(_CHANNELS.items(), lengths):
        content = record[start : start + length]
        item[map_name] = decode_image(content, channels=channels, name=f"{name}, {map_name}")
        if item[map_name].shape != (size, size, channels):
            raise InputError(f"{name}, {map_name}: shape {item[map_name].shape}; {REPAIR}")
        start += length
    return item


@dataclasses.dataclass(frozen=True)
class MapShard:
    """One ArrayRecord file.

    name: of the file. num_bytes: its size. sha256: its hash. keys: of its records, in order.
    enlarged: keys of the pictures that were smaller than the set's size.
    """

    name: str
    num_bytes: int
    sha256: str
    keys: tuple[str, ...]
    enlarged: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MapShard":
        """The shard that `dataclasses.asdict` described; TypeError or KeyError if damaged."""
        # Shards of earlier versions do not say which pictures were enlarged.
        keys = {name: tuple(content.get(name, ())) for name in ("keys", "enlarged")}
        shard = cls(**{**content, **keys})
        if pathlib.PurePath(shard.name).name != shard.name:
            raise TypeError(f"{shard.name!r} is not a plain file name")
        return shard

    def is_intact(self, directory: pathlib.Path) -> bool:
        """Whether the file is in the folder and has the right content."""
        path = directory / self.name
        return (
            path.is_file()
            and path.stat().st_size == self.num_bytes
            and file_sha256(path) == self.sha256
        )


@dataclasses.dataclass(frozen=True)
class FaceManifest:
    """What a set of prepared faces holds.

    Attributes:
      settings: how it was made: `source`, `size`, `aligned`, `num_sketches`, `held_out_every`,
        `not_read` (a line on other files in the folder) and more.
      pictures: (name, key) of each picture, in the order of the names.
      left_out: a line for each picture that is not in the set, with the reason.
      shards: the files that hold them.
    """

    settings: dict[str, Any]
    pictures: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    shards: tuple[MapShard, ...]

    @property
    def num_enlarged(self) -> int:
        """The number of pictures that were smaller than the set's size."""
        keys = {key for _, key in self.pictures}
        return sum(key in keys for shard in self.shards for key in shard.enlarged)

    def to_json(self) -> bytes:
        """The content of the manifest, a line for each picture and shard."""

        def lines(values: list[Any]) -> str:
            return "[\n" + ",\n".join(map(json_text, values)) + "]"

        shards = [dataclasses.asdict(shard) for shard in self.shards]
        digest = json_digest([self.settings, self.pictures, self.left_out, shards])
        return (
            f'{{"format": {json_text(_FORMAT)},\n"sha256": "{digest}",\n'
            f'"settings": {json_text(self.settings)},\n'
            f'"pictures": {lines(list(self.pictures))},\n"left_out": {lines(list(self.left_out))},'
            f'\n"shards": {lines(shards)}}}\n'
        ).encode()


def read_face_manifest(directory: pathlib.Path) -> FaceManifest:
    """The manifest of prepared faces; InputError if it is missing or cannot be understood."""
    path = directory / MANIFEST
    if not path.is_file():
        raise InputError(
            f"{directory} holds no prepared faces (no {MANIFEST}); make them with python -m "
            "jaxrepro.papers.scfegan.prepare, or run that again if it did not finish"
        )
    try:
        content = parse_json(path.read_bytes())
        if content["format"] != _FORMAT:
            raise InputError(f"{path} has the format {content['format']!r}, not {_FORMAT!r}")
        manifest = FaceManifest(
            content["settings"],
            tuple((str(name), str(key)) for name, key in content["pictures"]),
            tuple(map(str, content["left_out"])),
            tuple(map(MapShard.from_json, content["shards"])),
        )
        known = {key for shard in manifest.shards for key in shard.keys}
        if not manifest.pictures or not {key for _, key in manifest.pictures} <= known:
            raise ValueError("pictures without a record")
        settings = manifest.settings
        if min(settings["size"], settings["num_sketches"], settings["held_out_every"] + 1) < 1:
            raise ValueError("settings out of range")
        bool(settings["aligned"])
        listed = ("settings", "pictures", "left_out", "shards")
        check_digest(content, [content[name] for name in listed])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({error}); delete it and prepare the faces anew"
        ) from error
    return manifest


class MapRecords:
    """Random access to the records of a set, checked when they are read. It can be pickled."""

    def __init__(self, directory: pathlib.Path, shards: tuple[MapShard, ...]):
        """Raises InputError if a file is missing or has another size."""
        from array_record.python import array_record_data_source

        for shard in shards:
            path = directory / shard.name
            if not path.is_file() or path.stat().st_size != shard.num_bytes:
                raise InputError(f"{path} is missing or damaged; {REPAIR}")
        # Before ArrayRecord sees them: an altered file may end the process.
        for path in altered_files({directory / shard.name: shard.sha256 for shard in shards}):
            raise InputError(f"{path} is damaged: its SHA-256 is another one; {REPAIR}")
        self._directory = directory
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard.keys) for shard in shards)])
        # The [start:stop] form spares opening every file once more; readers open at first use.
        self._records = array_record_data_source.ArrayRecordDataSource(
            [f"{directory / shard.name}[0:{len(shard.keys)}]" for shard in shards]
        )
        keys = [key for shard in shards for key in shard.keys]
        self._place = {key: place for place, key in enumerate(keys)}

    def read(self, key: str, *, size: int) -> Item:
        """The picture and maps of a key; InputError names a damaged shard."""
        place = self._place[key]
        shard = self._shards[int(np.searchsorted(self._starts, place, side="right")) - 1]
        name = f"record {key[:12]} in {self._directory / shard.name}"
        try:
            record = self._records[place]
        # array_record reports damage as any of these.
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise InputError(f"{name}: damaged ({error}); {REPAIR}") from error
        return decode_maps(record, size=size, name=name)
