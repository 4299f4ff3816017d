"""The files of edits: which picture goes with which mask, sketch and colours, and their pixels."""

import dataclasses
import pathlib
from collections.abc import Collection, Sequence

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices
from jaxrepro.data.formats.other_files import OtherFiles
from jaxrepro.data.formats.picture_files import FORMATS, Picture, read_picture
from jaxrepro.data.formats.picture_jobs import distinct_targets
from jaxrepro.papers.scfegan.inference.mark_pictures import colors_of, marks_of

# Formats that keep every pixel; JPEG would change what is outside of the mask.
LOSSLESS = (".png", ".tif", ".tiff", ".webp", ".bmp")


@dataclasses.dataclass(frozen=True)
class EditJob:
    """One picture with the files that go with it, and the file of each result."""

    image: pathlib.Path
    mask: pathlib.Path
    sketch: pathlib.Path | None
    color: pathlib.Path | None
    targets: tuple[pathlib.Path, ...]


def find_edits(
    image: pathlib.Path,
    mask: pathlib.Path,
    sketch: pathlib.Path | None,
    color: pathlib.Path | None,
    output: pathlib.Path,
    *,
    num: int,
    overwrite: bool,
) -> list[EditJob]:
    """Returns what is to be done.

    image: a picture, or a folder of pictures. mask, sketch, color: a file for all pictures, or a
    folder in which a picture's file has the same name up to its ending; every picture must have a
    mask, the others may be absent. output: a file for one picture, else a folder, where results
    are PNG files of the picture's name, see `picture_jobs.distinct_targets`. Of several results,
    names end in _1, _2 and so on. Other files in these folders are told.

    Raises InputError for files that are not there, and for results that exist (unless overwrite),
    that would replace an input or that a lossy format would change.
    """
    inputs = _pictures(image)
    one_file = not image.is_dir() and not output.is_dir() and bool(output.suffix)
    if one_file and output.suffix.lower() not in LOSSLESS:
        raise InputError(
            f"{output}: {output.suffix} would change what is not erased; write "
            f"one of {', '.join(LOSSLESS)}"
        )
    if image.is_dir() and output.suffix.lower() in FORMATS:
        raise InputError(f"{output} names one file; the pictures of {image} need a folder")
    jobs = []
    places = distinct_targets([output / path.name for path in inputs], ".png")
    for path, place in zip(inputs, places, strict=True):
        target = output if one_file else place
        numbered = [target.with_stem(f"{target.stem}_{i + 1}") for i in range(num)]
        jobs.append(
            EditJob(
                path,
                _mask_of(path, mask),
                None if sketch is None else _partner(path, sketch, "sketch"),
                None if color is None else _partner(path, color, "color"),
                (target,) if num == 1 else tuple(numbered),
            )
        )
    _check_targets(jobs, overwrite)
    for what, folder in (("mask", mask), ("sketch", sketch), ("color", color)):
        if folder is not None and folder.is_dir():
            used = [path for job in jobs if (path := getattr(job, what)) is not None]
            _tell_of_others(folder, used)
    return jobs


def read_image(path: pathlib.Path, max_pixels: int | None = None) -> Picture:
    """Returns the picture in RGB, with 8 or 16 bits and whatever alpha it has.

    Raises InputError also for grey with a colour profile, which would mean nothing for RGB.
    """
    picture = read_picture(path, max_pixels=max_pixels)
    if picture.color.shape[2] == 3:
        return picture
    if picture.icc_profile is not None:
        raise InputError(f"{path} is grey with a colour profile; convert it to RGB first")
    color = np.repeat(picture.color, 3, axis=2)
    return dataclasses.replace(picture, color=color, stored_as="rgb")


def with_result(picture: Picture, edited: np.ndarray, mask: np.ndarray) -> Picture:
    """Returns the picture with `edited` uint8 [H, W, 3] where the mask [H, W, 1] is not 0.

    In a picture of 16 bits what was generated has 8 of them, and the rest keeps its 16. Alpha and
    all that the file says are kept.
    """
    scale = picture.maximum // 255
    color = np.where(mask != 0, edited.astype(picture.color.dtype) * scale, picture.color)
    return dataclasses.replace(picture, color=color.astype(picture.color.dtype))


def read_marks(path: pathlib.Path, like: np.ndarray) -> np.ndarray:
    """Returns uint8 {0, 1} [H, W, 1] of a mask or sketch, see `mark_pictures.marks_of`.

    Raises InputError unless it is as large as `like` [H, W, C].
    """
    return marks_of(_of_size(path, like))


def read_colors(path: pathlib.Path, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (uint8 colours [H, W, 3], uint8 {0, 1} strokes [H, W, 1]) of a layer of colour.

    See `mark_pictures.colors_of`. Raises InputError unless it is as large as `like` [H, W, C].
    """
    return colors_of(_of_size(path, like))


def _of_size(path: pathlib.Path, like: np.ndarray) -> Picture:
    picture = read_picture(path)
    if picture.color.shape[:2] != like.shape[:2]:
        (height, width), (h, w) = picture.color.shape[:2], like.shape[:2]
        raise InputError(f"{path} has {width} x {height} pixels, its picture {w} x {h}")
    return picture


def _pictures(place: pathlib.Path) -> list[pathlib.Path]:
    if not place.is_dir():
        if not place.is_file():
            raise InputError(f"no picture or folder {place}, seen from {pathlib.Path.cwd()}")
        return [place]
    if found := [path for path in sorted(place.iterdir()) if _is_picture(path)]:
        _tell_of_others(place, found)
        return found
    raise InputError(f"no pictures in {place} (endings {', '.join(FORMATS)})")


def _tell_of_others(folder: pathlib.Path, used: Collection[pathlib.Path]) -> None:
    """Tells of the files in a folder that no edit reads."""
    others = OtherFiles()
    for path in sorted(folder.iterdir()):
        if path not in used and not path.name.startswith(".") and path.is_file():
            others.add(path)
    notices.tell(others.text(folder))


def _is_picture(path: pathlib.Path) -> bool:
    return path.suffix.lower() in FORMATS and not path.name.startswith(".") and path.is_file()


def _mask_of(image: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    if (found := _partner(image, place, "mask")) is None:
        raise InputError(f"no mask for {image}: no {place / image.stem} with any ending")
    return found


def _partner(image: pathlib.Path, place: pathlib.Path, what: str) -> pathlib.Path | None:
    """Returns the file that goes with `image`: `place`, or the one of its name in there, if any."""
    if not place.is_dir():
        if not place.is_file():
            raise InputError(f"no {what} {place}, seen from {pathlib.Path.cwd()}")
        return place
    found = [path for path in sorted(place.iterdir()) if path.stem == image.stem]
    found = [path for path in found if _is_picture(path)]
    if len(found) > 1:
        raise InputError(f"{image} has two {what}s: {found[0]} and {found[1]}")
    return found[0] if found else None


def _check_targets(jobs: Sequence[EditJob], overwrite: bool) -> None:
    inputs = {
        path.resolve()
        for job in jobs
        for path in (job.image, job.mask, job.sketch, job.color)
        if path is not None
    }
    targets: dict[pathlib.Path, EditJob] = {}
    for job in jobs:
        for target in job.targets:
            if target.resolve() in inputs:
                raise InputError(f"{target} would replace an input; choose another output")
            other = targets.setdefault(target.resolve(), job)
            if other is not job:
                raise InputError(f"{other.image} and {job.image} would both be written to {target}")
            if target.exists() and not overwrite:
                raise InputError(f"{target} exists already; give --overwrite to replace it")
