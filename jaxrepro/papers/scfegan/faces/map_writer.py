"""Derives the maps of many pictures in parallel and keeps them, whenever it is interrupted.

Every shard is written under a temporary name, flushed to disk and renamed; then its description is
written beside it. What a later run finds described and intact it does not derive again.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Callable

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import json_text, parse_json
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.data.formats.images import decode_image
from jaxrepro.data.sets.intact_files import file_sha256
from jaxrepro.data.sets.parallel_jobs import flush_to_disk, locked_folder, run_jobs
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.papers.scfegan.faces.derived_maps import (
    MapRecipe,
    Sketcher,
    derive_maps,
    square_labels,
    square_picture,
)
from jaxrepro.papers.scfegan.faces.label_maps import LabelMaps, fitted_labels, read_labels
from jaxrepro.papers.scfegan.faces.map_records import MANIFEST, FaceManifest, MapShard, encode_maps

_PREFIX = "maps-"
_SUFFIX = ".array_record"


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture: its name, its file, the files of its label map and the key of its maps."""

    name: str
    path: pathlib.Path
    label_files: tuple[pathlib.Path, ...]
    key: str


@dataclasses.dataclass(frozen=True)
class Report:
    """What a run did: pictures derived, pictures whose maps were kept, pictures without labels,
    and the bytes of shards that the set does not need.
    """

    num_derived: int
    num_kept: int
    num_without_labels: int
    unused_bytes: int


def write_faces(
    source: str,
    directory: pathlib.Path,
    recipe: MapRecipe,
    *,
    labels: str | None = None,
    held_out_every: int = 20,
    edge_weights: pathlib.Path | None = None,
    shard_size: int = 64,
    num_workers: int = 1,
    on_progress: Callable[[int, int], None] = lambda num_done, num_pictures: None,
) -> tuple[FaceManifest, Report]:
    """Derives the maps of all pictures of `source` and writes them to `directory`.

    The files do not depend on `num_workers`. Pictures that cannot be read, and copies of other
    pictures, are left out and listed in the manifest.

    Args:
      source: `folder:DIR`, all pictures in it and in folders below it, or `photos:train` and
        `photos:test`.
      directory: where the set goes; made if missing.
      recipe: how the maps are made.
      labels: folder of label maps, see `label_maps.LabelMaps`; None for none.
      held_out_every: every this-many-th picture is held out of training, in the order of the names;
        0 for none.
      edge_weights: file of the weights that `recipe.edge_weights` is the hash of.
      shard_size: pictures a file: what an interruption may lose, for each worker.
      num_workers: processes.
      on_progress: called now and then with the numbers of pictures done and of all pictures.

    Raises:
      InputError: if there is no picture that can be read, or `directory` holds something else.
    """
    for name, value in {"shard_size": shard_size, "num_workers": num_workers}.items():
        if value < 1:
            raise InputError(f"{name}={value} given; it must be at least 1")
    if held_out_every < 0 or held_out_every == 1:
        raise InputError(f"held_out_every={held_out_every} given; it must be 0 or at least 2")
    found = open_pictures(source)
    label_maps = None if labels is None else LabelMaps(labels)
    with locked_folder(directory):
        _refuse_other_files(directory)
        pictures, left_out = _identify(found.names, found.paths, label_maps, recipe)
        cached = _cached_shards(directory)
        known = {key for shard in cached for key in shard.keys}
        missing = [picture for picture in pictures if picture.key not in known]
        num_kept = len(pictures) - len(missing)
        # A first run that was interrupted gets the shards that it would have had; pictures added
        # to a finished set fill shards of their own.
        places = missing if (directory / MANIFEST).exists() else pictures
        chunks = [places[i : i + shard_size] for i in range(0, len(places), shard_size)]
        jobs = [job for chunk in chunks if (job := [p for p in chunk if p.key not in known])]
        writer = _MapWriter(directory, recipe, edge_weights)

        def show(num_done: int) -> None:
            on_progress(num_kept + num_done, len(pictures))

        show(0)
        results = run_jobs(writer.write, jobs, num_workers, show) if jobs else []
        shards = [*cached, *(shard for shard, _ in results if shard is not None)]
        left_out += [message for _, messages in results for message in messages]
        known = {key for shard in shards for key in shard.keys}
        kept = [(picture.name, picture.key) for picture in pictures if picture.key in known]
        if not kept:
            raise InputError(
                f"{found.spec}: none of its {len(found)} pictures can be used: {left_out[0]}"
            )
        wanted = {key for _, key in kept}
        needed = [shard for shard in shards if wanted & set(shard.keys)]
        manifest = FaceManifest(
            settings={
                "source": found.spec,
                "not_read": found.not_read,
                "size": recipe.size,
                "aligned": recipe.aligned,
                "num_sketches": recipe.num_sketches,
                "held_out_every": held_out_every,
                "recipe": json.loads(recipe.to_json()),
            },
            pictures=tuple(kept),
            left_out=tuple(left_out),
            shards=tuple(sorted(needed, key=lambda shard: shard.name)),
        )
        write_atomically(directory / MANIFEST, manifest.to_json())
    unused = sum(shard.num_bytes for shard in shards) - sum(s.num_bytes for s in needed)
    without = sum(not p.label_files and p.key in wanted for p in pictures) if labels else 0
    return manifest, Report(len(kept) - num_kept, num_kept, without, unused)


@dataclasses.dataclass(frozen=True)
class _MapWriter:
    """Derives and writes the maps of some pictures, in any process."""

    directory: pathlib.Path
    recipe: MapRecipe
    edge_weights: pathlib.Path | None

    def write(
        self, pictures: list[Picture], on_picture: Callable[[], None]
    ) -> tuple[MapShard | None, list[str]]:
        """The shard, None if no picture could be read, and a line for each that could not."""
        # pyright does not see into the compiled module.
        from array_record.python import array_record_module  # pyright: ignore

        _use_one_core()
        name = hashlib.sha256(" ".join(picture.key for picture in pictures).encode()).hexdigest()
        path = self.directory / f"{_PREFIX}{name[:16]}{_SUFFIX}"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # One record a group gives fast random access; PNG does not compress any further.
        writer = array_record_module.ArrayRecordWriter(str(temporary), "group_size:1,uncompressed")
        keys, enlarged, failures = [], [], []
        try:
            for picture in pictures:
                on_picture()
                try:
                    record, is_enlarged = self._record(picture)
                    writer.write(record)
                except InputError as error:
                    failures.append(str(error))
                else:
                    keys.append(picture.key)
                    enlarged += [picture.key] * is_enlarged
            writer.close()
            if not keys:
                return None, failures
            flush_to_disk(temporary)
            shard = MapShard(
                path.name,
                temporary.stat().st_size,
                file_sha256(temporary),
                tuple(keys),
                tuple(enlarged),
            )
            temporary.replace(path)
        finally:
            if writer.is_open():
                writer.close()
            temporary.unlink(missing_ok=True)
        flush_to_disk(self.directory)
        write_atomically(path.with_suffix(".json"), json_text(dataclasses.asdict(shard)).encode())
        return shard, failures

    def _record(self, picture: Picture) -> tuple[bytes, bool]:
        """The record of a picture, and whether it was smaller than the set's size."""
        recipe = self.recipe
        pixels = decode_image(picture.path, channels=3, name=str(picture.path))
        image = square_picture(pixels, recipe.size)
        labels = None
        if picture.label_files:
            labels = fitted_labels(read_labels(picture.label_files), picture.path, pixels)
            labels = square_labels(labels, recipe.size)
        maps = derive_maps(image, labels, recipe, _sketcher(self.edge_weights))
        return encode_maps(maps), min(pixels.shape[:2]) < recipe.size


@functools.cache
def _sketcher(weights: pathlib.Path | None) -> Sketcher | None:
    if weights is None:
        return None
    from jaxrepro.papers.scfegan.faces.holistic_edges import EdgeSketcher

    return EdgeSketcher.from_file(weights)


def _use_one_core() -> None:
    """Keeps OpenCV from starting threads: there is a process for each core already."""
    import cv2

    cv2.setNumThreads(1)


def _identify(
    names: tuple[str, ...],
    paths: tuple[pathlib.Path, ...],
    label_maps: LabelMaps | None,
    recipe: MapRecipe,
) -> tuple[list[Picture], list[str]]:
    """The pictures with their keys, and a line for each that is left out."""
    pictures: dict[str, Picture] = {}
    left_out = []
    for name, path in zip(names, paths):
        files = label_maps.find(name) if label_maps is not None else ()
        try:
            key = recipe.key(*(file.read_bytes() for file in (path, *files)))
        except OSError as error:
            left_out.append(f"{path}: cannot be read ({error.strerror})")
            continue
        if key in pictures:
            # A copy on the other side of the split would make the evaluation worthless.
            left_out.append(f"{path}: the same content as {pictures[key].path}")
        else:
            pictures[key] = Picture(name, path, files, key)
    return list(pictures.values()), left_out


def _cached_shards(directory: pathlib.Path) -> list[MapShard]:
    """Shards of earlier runs that are intact; removes what is neither described nor whole."""
    for pattern in (f".{_PREFIX}*", f".{MANIFEST}.*"):
        for path in directory.glob(pattern):
            path.unlink()
    shards = []
    for path in sorted(directory.glob(f"{_PREFIX}*{_SUFFIX}")):
        description = path.with_suffix(".json")
        try:
            shard = MapShard.from_json(parse_json(description.read_bytes()))
            intact = shard.name == path.name and shard.is_intact(directory)
        except (OSError, ValueError, KeyError, TypeError):
            intact = False
        if intact:
            shards.append(shard)
        else:
            description.unlink(missing_ok=True)
            path.unlink()
    return shards


def _refuse_other_files(directory: pathlib.Path) -> None:
    others = [
        entry.name
        for entry in sorted(directory.iterdir())
        if not entry.name.startswith((".", _PREFIX)) and entry.name != MANIFEST
    ]
    manifest = directory / MANIFEST
    if not others and manifest.is_file() and b"scfegan faces" not in manifest.read_bytes()[:40]:
        others = [MANIFEST]
    if others:
        raise InputError(
            f"output folder {directory} holds other files ({others[0]}); give a new or empty folder"
        )
