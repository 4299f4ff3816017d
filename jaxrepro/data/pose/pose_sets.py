"""Names of pose data sets to people."""

import dataclasses
import os
import pathlib
import posixpath
import re
import unicodedata

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

    Who is left out, because of a missing picture or by the reader, stands in `People.notes`.

    Raises:
      InputError: for an unknown set or split, unreadable annotations, pictures of other sizes than
        were annotated, and, but for "all", if the picture of a person is missing.
    """
    kind, _, place = spec.partition(":")
    if spec == "figures":
        return DrawnFigures(split)
    if kind not in ("lsp", "lspet", "mpii", "coco") or not place:
        raise InputError(f"unknown pose data {spec!r}; allowed are {_ALLOWED}")
    path = local_path(place)
    read = _read(kind, path, validation)
    beside = path if kind in ("lsp", "lspet") else path.parent
    inner = beside / "images"
    folder = local_path(images) if images else inner if inner.is_dir() else beside
    name = f"{kind}:{path.absolute()}, {split}"
    chosen = [_plain_name(p) for p in _split(read.persons, read.parts, split, spec)]
    found, notes = _with_picture(chosen, folder, split, spec)
    people = People(
        name,
        read.joint_set,
        found,
        folder=folder.absolute(),
        file_offset=read.offset,
        notes=[f"{spec}: {read.left_out}"] * bool(read.left_out) + notes,
    )
    people.check_sizes()
    return people


@dataclasses.dataclass(frozen=True)
class _Read:
    """What a file of annotations holds; offset: of its coordinates; left_out: a sentence or ""."""

    joint_set: JointSet
    persons: list[Person]
    parts: list[str]
    offset: float
    left_out: str = ""


def _read(kind: str, path: pathlib.Path, validation: str | None) -> _Read:
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
        left_out = f"{people.left_out} people without a place, a size or joints left out"
        return _Read(
            MPII,
            people.persons,
            parts,
            mpii_annotations.FILE_OFFSET,
            left_out * bool(people.left_out),
        )
    if kind == "coco":
        coco = coco_keypoints.read_coco_keypoints(path)
        parts = [""] * len(coco.persons)
        offset = coco_keypoints.FILE_OFFSET
        return _Read(coco.joint_set, coco.persons, parts, offset, coco.left_out)
    persons = leeds_sports.read_leeds_sports(path)
    parts = [""] * len(persons)
    if kind == "lsp":
        parts = ["train" if p.image_number <= 1000 else "test" for p in persons]
    return _Read(LSP, persons, parts, leeds_sports.FILE_OFFSET)


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


def _plain_name(person: Person) -> Person:
    """Returns the person with ./a.png called a.png, as a listing of the folder has it."""
    plain = posixpath.normpath(person.image) if person.image else ""
    return person if plain == person.image else dataclasses.replace(person, image=plain)


def _with_picture(
    persons: list[Person], folder: pathlib.Path, split: str, spec: str
) -> tuple[list[Person], list[str]]:
    """Returns (the people whose picture is there, a note of the others if there are some).

    Raises InputError if nobody's is there, and, unless `split` is all, if somebody's is missing.
    """
    folders = {pathlib.PurePosixPath(person.image).parent for person in persons}
    there = {
        (inner / name).as_posix()
        for inner in folders
        if (folder / inner).is_dir()
        for name in os.listdir(folder / inner)
    }
    found = [person for person in persons if person.image in there]
    if len(found) == len(persons):
        return found, []
    missing = next(person.image for person in persons if person.image not in there)
    said = (
        f"{spec}: {len(persons) - len(found)} of {len(persons)} people have no picture in "
        f"{folder}, such as {missing}{_near_miss(missing, there)}"
    )
    if found and split == "all":
        return found, [said]
    advice = ", or take split=all for those that are there" if found else ""
    raise InputError(f"{said}; name the folder of the images{advice}")


def _near_miss(name: str, there: set[str]) -> str:
    """Returns what to say of a file whose name differs in capitals or in its Unicode form only."""

    def form(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    for other in sorted(there):
        if form(other) == form(name):
            return f" (there is {other}, whose name is in another Unicode form)"
    for other in sorted(there):
        if form(form(other).casefold()) == form(form(name).casefold()):
            return f" (there is {other}: capitals count)"
    return ""
