"""Names of pose data sets to people."""

import os
import pathlib
import re

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.pose import coco_keypoints, leeds_sports, mpii_annotations
from jaxrepro.data.pose.drawn_figures import DrawnFigures
from jaxrepro.data.pose.joint_sets import LSP, MPII, JointSet
from jaxrepro.data.pose.people import People, Person

_ALLOWED = "figures, lsp:DIR, lspet:DIR, mpii:FILE (.mat, .h5 or .json) and coco:FILE.json"
_RANGE = re.compile(r"(\d+)-(\d+)")


def open_people(
    spec: str,
    *,
    split: str = "all",
    images: str | None = None,
    validation: str | None = None,
) -> People:
    """Returns the people of a data set.

    Args:
      spec: `lsp:DIR` or `lspet:DIR`, a folder with joints.mat and images; `mpii:FILE` or
        `coco:FILE`, annotations; `figures`, drawn ones, see `DrawnFigures`.
      split: "all", everybody whose picture is there; "1-1000", these in the order of the file,
        counted from 1; for LSP also "train" and "test" (1-1000 and 1001-2000); for MPII a part
        of the file, see `read_mpii`, and with `validation` "train" and "valid"; for figures
        "train" or "test".
      images: the folder of the pictures; without it `images` beside the annotations, or, where
        there is none, their own folder.
      validation: for the .mat of MPII, a list of the people who are not for training; see
        `read_person_list`.

    Raises:
      InputError: for an unknown set or split, unreadable annotations, and, but for "all", if the
        picture of a person is missing.
    """
    kind, _, place = spec.partition(":")
    if spec == "figures":
        return DrawnFigures(split)
    if kind not in ("lsp", "lspet", "mpii", "coco") or not place:
        raise InputError(f"unknown pose data {spec!r}; allowed are {_ALLOWED}")
    path = local_path(place)
    joint_set, persons, parts, offset = _read(kind, path, validation)
    beside = path if kind in ("lsp", "lspet") else path.parent
    inner = beside / "images"
    folder = local_path(images) if images else inner if inner.is_dir() else beside
    name = f"{kind}:{path.absolute()}, {split}"
    chosen = _with_picture(_split(persons, parts, split, spec), folder, split, spec)
    return People(name, joint_set, chosen, folder=folder.absolute(), file_offset=offset)


def _read(
    kind: str, path: pathlib.Path, validation: str | None
) -> tuple[JointSet, list[Person], list[str], float]:
    if validation and not (kind == "mpii" and path.suffix.lower() == ".mat"):
        raise InputError("a list for validation is of use with the .mat file of MPII only")
    if kind == "mpii":
        people = mpii_annotations.read_mpii(path)
        parts = people.parts
        if validation:
            held_out = mpii_annotations.read_person_list(local_path(validation))
            parts = [
                "valid" if (p.image_number, p.person_number) in held_out else part
                for p, part in zip(people.persons, parts)
            ]
        return MPII, people.persons, parts, mpii_annotations.FILE_OFFSET
    if kind == "coco":
        joint_set, persons = coco_keypoints.read_coco_keypoints(path)
        return joint_set, persons, [""] * len(persons), coco_keypoints.FILE_OFFSET
    persons = leeds_sports.read_leeds_sports(path)
    parts = [""] * len(persons)
    if kind == "lsp":
        parts = ["train" if p.image_number <= 1000 else "test" for p in persons]
    return LSP, persons, parts, leeds_sports.FILE_OFFSET


def _split(persons: list[Person], parts: list[str], split: str, spec: str) -> list[Person]:
    if split == "all":
        return persons
    if split in parts:
        return [person for person, part in zip(persons, parts) if part == split]
    match = _RANGE.fullmatch(split)
    if match and 1 <= int(match[1]) <= int(match[2]) <= len(persons):
        return persons[int(match[1]) - 1 : int(match[2])]
    allowed = ["all", *sorted(set(parts) - {""}), f"a range such as 1-{len(persons)}"]
    raise InputError(f"{spec} has no split {split!r}; allowed are {', '.join(allowed)}")


def _with_picture(
    persons: list[Person], folder: pathlib.Path, split: str, spec: str
) -> list[Person]:
    """Returns the people whose picture is there, which must be everybody unless `split` is all."""
    folders = {pathlib.PurePosixPath(person.image).parent for person in persons}
    there = {
        (inner / name).as_posix()
        for inner in folders
        if (folder / inner).is_dir()
        for name in os.listdir(folder / inner)
    }
    found = [person for person in persons if person.image in there]
    if (persons and not found) or (len(found) < len(persons) and split != "all"):
        missing = next(person.image for person in persons if person.image not in there)
        raise InputError(
            f"{spec}: {len(persons) - len(found)} of {len(persons)} people have no picture in "
            f"{folder}, such as {missing}; name the folder of the images, or take split=all for "
            "those that are there"
        )
    return found
