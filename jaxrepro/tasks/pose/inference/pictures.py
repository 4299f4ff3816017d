"""Pictures in which people are looked for: the user's own, or those of a data set."""

import collections
import dataclasses
import fnmatch
import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.formats.picture_files import read_colors
from jaxrepro.data.formats.picture_jobs import (
    Job,
    check_is_folder,
    chosen_jobs,
    distinct_targets,
    find_drawings,
)
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import Padding
from jaxrepro.data.pose.pose_sets import open_people
from jaxrepro.tasks.pose.inference.person_boxes import (
    PersonBox,
    annotated_person,
    boxes_of,
    given_person,
    parse_box,
    read_boxes,
    whole_picture,
)

ENDINGS = (".png", ".json")


@dataclasses.dataclass(frozen=True)
class PictureOfPeople:
    """One picture. Its functions raise InputError if it cannot be done.

    name: for messages and records. target: the drawing, .png. read: returns uint8 [H, W, 3].
    boxes: returns the people of a picture of (width, height) pixels.
    """

    name: str
    target: pathlib.Path
    read: Callable[[], np.ndarray]
    boxes: Callable[[int, int], Sequence[PersonBox]]


@dataclasses.dataclass(frozen=True)
class PeoplePictures:
    """All pictures of one command; left_out and done as in `data.formats.picture_jobs.Jobs`.

    notes: of the data set, if they are of one, such as who has no picture.
    """

    pictures: tuple[PictureOfPeople, ...]
    left_out: collections.Counter[str]
    done: int
    notes: tuple[str, ...] = ()


def own_pictures(
    inputs: Sequence[str],
    output: str,
    *,
    boxes: Sequence[str],
    boxes_file: pathlib.Path | None,
    padding: Padding,
    existing: str,
) -> PeoplePictures:
    """Returns the pictures that `inputs` name, as `picture_jobs.find_drawings` finds them.

    boxes: of the people in every picture, see `parse_box`. boxes_file: see `read_boxes`. Without
    both, one person is looked for in the whole picture. padding: room around a given box.
    """
    given = [parse_box(text) for text in boxes]
    listed = None if boxes_file is None else read_boxes(boxes_file)
    found = find_drawings(inputs, output, endings=ENDINGS, existing=existing)
    folder = local_path(output)

    def people(job: Job, width: int, height: int) -> list[PersonBox]:
        if listed is None and not given:
            return [whole_picture(width, height)]
        below = (job.target.parent.relative_to(folder) / job.source.name).as_posix()
        places = given if listed is None else boxes_of(listed, job.source, below)
        try:
            return [given_person(box, width, height, padding) for box in places]
        except InputError as error:
            raise InputError(f"{job.source}: {error}") from error

    return PeoplePictures(
        tuple(
            PictureOfPeople(
                str(job.source),
                job.target,
                functools.partial(read_colors, job.source),
                functools.partial(people, job),
            )
            for job in found.jobs
        ),
        found.left_out,
        found.done,
    )


def annotated_pictures(
    inputs: Sequence[str],
    output: str,
    *,
    people: str,
    split: str,
    images: str | None,
    padding: Padding,
    existing: str,
) -> PeoplePictures:
    """Returns pictures of a data set with its people, whose places and sizes are annotated.

    inputs: names of its pictures or the last part of them, patterns of names, or paths of its
      pictures and of folders that hold some; none for all. people, split, images: see
      `open_people`; figures that are drawn have the names "figure 0", "figure 1", ... padding: how
      the square around a person follows.

    Raises InputError for an input that stands for no picture of the set.
    """
    folder = local_path(output)
    check_is_folder(folder)
    if people == "figures" and split == "all":
        split = "test"
    members = open_people(people, split=split, images=images)
    numbers: dict[str, list[int]] = collections.defaultdict(list)
    for number, person in enumerate(members.persons):
        path = pathlib.PurePosixPath(person.image)
        # A name out of a file must not lead out of the output folder.
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{people} names a picture {person.image!r} outside its folder")
        numbers[person.image].append(number)
    names = list(numbers) if not inputs else _chosen(inputs, list(numbers), members)
    below = members.folder or pathlib.Path()
    by_source = {below / name: name for name in names}
    targets = distinct_targets([folder / name for name in names], ENDINGS[0])
    jobs = [Job(source, target) for source, target in zip(by_source, targets, strict=True)]
    found = chosen_jobs(jobs, collections.Counter(), existing=existing, endings=ENDINGS)

    def places(name: str, width: int, height: int) -> list[PersonBox]:
        for number in numbers[name]:
            members.check_place(number, width, height)
        return [annotated_person(members.persons[n], padding) for n in numbers[name]]

    return PeoplePictures(
        tuple(
            PictureOfPeople(
                (name := by_source[job.source]),
                job.target,
                functools.partial(members.read_image, numbers[name][0]),
                functools.partial(places, name),
            )
            for job in found.jobs
        ),
        found.left_out,
        found.done,
        members.notes,
    )


def _chosen(inputs: Sequence[str], names: Sequence[str], people: People) -> list[str]:
    """Returns the names of pictures that the inputs stand for, each once, in their order."""
    chosen: dict[str, None] = {}
    for given in inputs:
        found = [
            name
            for name in names
            if given in (name, pathlib.PurePosixPath(name).name) or fnmatch.fnmatchcase(name, given)
        ]
        path = local_path(given)
        if not found and people.folder is not None and path.exists():
            place, root = path.resolve(), people.folder.resolve()
            found = [name for name in names if (root / name).is_relative_to(place)]
        if not found:
            raise InputError(
                f"{given!r} is no picture of {people.spec}; it has {len(names)}, such as "
                f"{names[0]!r}"
            )
        chosen |= dict.fromkeys(found)
    return list(chosen)
