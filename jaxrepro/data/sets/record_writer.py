"""Writes a prepared image set in parallel, so that it can be interrupted at any time.

While it is being written, a set has `unfinished.json` (the settings) instead of a manifest. Every
shard is written under a temporary name, flushed to disk and renamed; then its description is
written beside it in the same way. A shard with a description that fits it is kept by the next run.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import json_text, parse_json
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.core.run.workdir import read_json
from jaxrepro.data.sets.intact_files import file_sha256
from jaxrepro.data.sets.parallel_jobs import flush_to_disk, locked_folder, run_jobs
from jaxrepro.data.sets.records import (
    MANIFEST,
    Manifest,
    Shard,
    encode_record,
    read_manifest,
)
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import square_transform

UNFINISHED = "unfinished.json"


def write_set(
    source: Source,
    directory: pathlib.Path,
    *,
    size: int,
    shard_size: int,
    num_workers: int,
    skip_bad_images: bool = False,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Manifest:
    """Writes the images of `source`, cropped to the centre square and resized, to `directory`.

    The files do not depend on `num_workers` or on interruptions. A set that is complete and intact
    is left as it is; damaged shards of it are written again.

    Args:
      source: where the images are.
      directory: where the set goes; made if missing.
      size: side of the written images.
      shard_size: images a shard.
      num_workers: processes.
      skip_bad_images: leave unreadable images out and list them in the manifest.
      on_progress: called now and then with the number of images done, shards kept included.

    Returns:
      the manifest of the complete set.

    Raises:
      InputError: for an unreadable image, and if `directory` holds something else.
    """
    for name, value in {"size": size, "shard_size": shard_size, "workers": num_workers}.items():
        if value < 1:
            raise InputError(f"{name}={value} given; it must be at least 1")
    settings = {
        "source": source.spec,
        "split": source.split,
        "channels": source.channels,
        "size": size,
        "shard_size": shard_size,
        "num_source_images": len(source),
        "class_names": list(source.class_names),
        "fingerprint": source.fingerprint(),
        "not_read": source.not_read,
    }
    writer = _ShardWriter(source, directory, size, shard_size, skip_bad_images)
    with locked_folder(directory):
        if (complete := _resume(directory, settings)) is not None:
            return complete
        shards: dict[int, Shard] = {}
        for number in range(writer.num_shards):
            if (shard := writer.finished(number)) is not None:
                shards[number] = shard
        kept = sum(len(writer.indices(number)) for number in shards)
        on_progress(kept)
        missing = [number for number in range(writer.num_shards) if number not in shards]
        written = run_jobs(writer.write, missing, num_workers, lambda n: on_progress(kept + n))
        shards |= dict(zip(missing, written))
        manifest = Manifest(settings, tuple(shards[number] for number in sorted(shards)))
        if not any(shard.labels for shard in manifest.shards):
            raise InputError(f"{source!r}: not one of its {len(source)} images can be read")
        write_atomically(directory / MANIFEST, manifest.to_json())
        _remove_traces(directory)
    return manifest


@dataclasses.dataclass(frozen=True)
class _ShardWriter:
    """Writes any shard of a set, in any process."""

    source: Source
    directory: pathlib.Path
    size: int
    shard_size: int
    skip_bad_images: bool

    @property
    def num_shards(self) -> int:
        return -(-len(self.source) // self.shard_size)

    def indices(self, number: int) -> range:
        start = number * self.shard_size
        return range(start, min(start + self.shard_size, len(self.source)))

    def path(self, number: int) -> pathlib.Path:
        return self.directory / f"images-{number:05d}-of-{self.num_shards:05d}.array_record"

    def finished(self, number: int) -> Shard | None:
        """The shard, if an earlier run finished it, its file is intact and it may be kept."""
        path = self.path(number)
        description = _description(path)
        if not path.is_file() or not description.is_file():
            return None
        try:
            shard = Shard.from_json(parse_json(description.read_bytes()))
        except (ValueError, KeyError, TypeError):
            return None
        if shard.skipped and not self.skip_bad_images:
            return None
        return shard if _intact(path, shard) else None

    def write(self, number: int, on_image: Callable[[], None]) -> Shard:
        """Writes a shard and its description; InputError for an unreadable image."""
        # pyright does not see into the compiled module.
        from array_record.python import array_record_module  # pyright: ignore

        path = self.path(number)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # One record a group gives fast random access; PNG does not compress any further.
        writer = array_record_module.ArrayRecordWriter(str(temporary), "group_size:1,uncompressed")
        try:
            labels, skipped, num_enlarged = self._write_records(number, writer, on_image)
            writer.close()
            flush_to_disk(temporary)
            shard = Shard(
                name=path.name,
                num_bytes=temporary.stat().st_size,
                sha256=file_sha256(temporary),
                labels=tuple(labels),
                skipped=tuple(skipped),
                num_enlarged=num_enlarged,
            )
            temporary.replace(path)
        finally:
            if writer.is_open():
                writer.close()
            temporary.unlink(missing_ok=True)
        flush_to_disk(self.directory)
        _describe(self.directory, shard)
        return shard

    def _write_records(
        self, number: int, writer: Any, on_image: Callable[[], None]
    ) -> tuple[list[int], list[str], int]:
        prepare = square_transform(self.size, channels=self.source.channels).prepare
        labels, skipped, num_enlarged = [], [], 0
        for index in self.indices(number):
            on_image()
            try:
                item = self.source[index]
            except InputError as error:
                if not self.skip_bad_images:
                    raise InputError(f"{error}, or skip it with --skip_bad_images") from error
                skipped.append(str(error))
                continue
            num_enlarged += min(item["image"].shape[:2]) < self.size
            labels.append(int(item["label"]))
            writer.write(encode_record(prepare(item)["image"], labels[-1]))
        return labels, skipped, num_enlarged


def _resume(directory: pathlib.Path, settings: dict[str, Any]) -> Manifest | None:
    """The manifest of a complete, intact set; else None, with the folder ready for writing."""
    _remove_temporaries(directory)
    if (directory / MANIFEST).is_file():
        manifest = read_manifest(directory)
        _refuse_other_settings(directory, manifest.settings, settings)
        intact = [s for s in manifest.shards if _intact(directory / s.name, s)]
        if len(intact) == len(manifest.shards):
            _remove_traces(directory)
            return manifest
        for shard in intact:
            _describe(directory, shard)
        write_atomically(directory / UNFINISHED, json_text(settings).encode())
        (directory / MANIFEST).unlink()
    elif (directory / UNFINISHED).is_file():
        started = read_json(directory / UNFINISHED)
        _refuse_other_settings(directory, started, settings)
    else:
        found = [entry.name for entry in directory.iterdir() if not entry.name.startswith(".")]
        if found:
            raise InputError(
                f"output folder {directory} holds other files ({sorted(found)[0]}); give a new or "
                "empty folder"
            )
        write_atomically(directory / UNFINISHED, json_text(settings).encode())
    return None


def _refuse_other_settings(
    directory: pathlib.Path, found: dict[str, Any], wanted: dict[str, Any]
) -> None:
    meaning = {"fingerprint": "names or sizes of the source's files", "class_names": "class names"}
    different = [
        meaning.get(key) or f"{key} ({found.get(key)} there, {value} now)"
        for key, value in wanted.items()
        if found.get(key) != value and key != "not_read"
    ]
    if different:
        raise InputError(
            f"output folder {directory} holds another set; it differs in {', '.join(different)}; "
            "give another folder, or delete this one"
        )


def _describe(directory: pathlib.Path, shard: Shard) -> None:
    content = json_text(dataclasses.asdict(shard)).encode()
    write_atomically(_description(directory / shard.name), content)


def _description(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".json")


def _intact(path: pathlib.Path, shard: Shard) -> bool:
    return (
        path.is_file()
        and path.stat().st_size == shard.num_bytes
        and file_sha256(path) == shard.sha256
    )


def _remove_temporaries(directory: pathlib.Path) -> None:
    for pattern in (".images-*", f".{MANIFEST}.*", f".{UNFINISHED}.*"):
        for path in directory.glob(pattern):
            path.unlink()


def _remove_traces(directory: pathlib.Path) -> None:
    for path in (*directory.glob("images-*.json"), directory / UNFINISHED):
        path.unlink(missing_ok=True)
