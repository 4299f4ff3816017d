"""Which picture files a command reads, and where it writes what it makes of each."""

import collections
import contextlib
import dataclasses
import glob
import os
import pathlib
from collections.abc import Iterator, Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.formats.other_files import counts_text, ending_of
from jaxrepro.data.formats.picture_files import FORMATS


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture: the file it is read from and the one that is written."""

    source: pathlib.Path
    target: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Jobs:
    """All pictures of one command.

    jobs: what is to be done, by source. left_out: files that are no pictures, by their ending.
    done: pictures left out because their target exists.
    """

    jobs: tuple[Job, ...]
    left_out: collections.Counter[str]
    done: int = 0


# So many errors of pictures are repeated at the end of a command.
_REPEATED = 3


def raise_failures(failures: Sequence[InputError], num_pictures: int) -> None:
    """Raises one InputError for pictures of a command that could not be done; nothing for none.

    num_pictures: of the command, those that were done among them. Each failure has been printed in
    its place; the error repeats the first ones.
    """
    if not failures:
        return
    if num_pictures == 1:
        raise failures[0]
    more = len(failures) - _REPEATED
    raise InputError(
        f"{len(failures)} of {num_pictures} pictures failed: "
        + "; ".join(map(str, failures[:_REPEATED]))
        + (f"; and {more} more, listed above" if more > 0 else "")
    )


def find_jobs(source: str, target: str, *, existing: str = "refuse") -> Jobs:
    """Returns the pictures that `source` names, each with a file below `target`.

    source: a picture; a folder, whose pictures and those in folders below it are taken; or a
      pattern such as "photos/**/*.png". Folders that are links, and hidden files, are left out.
    target: for one picture, a file or an existing folder; else a folder, in which the pictures
      lie as they do below `source`, under their own names.
    existing: what becomes of targets that exist: "refuse" is an error, "skip" leaves them as they
      are and their pictures out, "replace" writes them anew.

    Raises InputError if there is no picture, or a target is one of the sources, under whatever
    name.
    """
    given, output = local_path(source), local_path(target)
    left_out: collections.Counter[str] = collections.Counter()
    if given.is_file():
        jobs = [Job(given, output / given.name if _is_folder(target) else output)]
        if jobs[0].target.suffix.lower() not in FORMATS:
            raise InputError(
                f"{target} is neither a folder nor a name that ends in {', '.join(FORMATS)}; give "
                f"one, such as {pathlib.Path(given.name).stem}_large.png"
            )
    else:
        if output.suffix.lower() in FORMATS or output.is_file():
            raise InputError(f"{target} is a file; the pictures of {source} need a folder")
        pictures, left_out = _pictures(given, source, output)
        jobs = [Job(path, output / path.relative_to(root)) for path, root in pictures]
    return chosen_jobs(jobs, left_out, existing=existing)


def find_drawings(
    sources: Sequence[str], folder: str, *, endings: Sequence[str], existing: str = "refuse"
) -> Jobs:
    """Returns the pictures that several names stand for, each with files of its own below `folder`.

    sources: each a picture, a folder or a pattern, as for `find_jobs`; what is named twice is done
      once. Pictures of a folder or pattern lie below `folder` as they do there, others in it.
    endings: of the files that are made of one picture, in place of its own; targets end in the
      first.
    existing: see `find_jobs`; a picture is done if all its files are there.

    Pictures of one name in one folder, a.jpg and a.png, keep their endings: a.jpg.json, a.png.json.

    Raises InputError if a name stands for no picture, or a file that is made would replace a source
    or another.
    """
    output = local_path(folder)
    check_is_folder(output)
    left_out: collections.Counter[str] = collections.Counter()
    places: dict[pathlib.Path, tuple[pathlib.Path, pathlib.Path]] = {}
    for source in sources:
        given = local_path(source)
        pictures = [(given, given.parent)]
        if not given.is_file():
            pictures, others = _pictures(given, source, output)
            left_out += others
        for path, root in pictures:
            places.setdefault(path.resolve(), (path, output / path.relative_to(root)))
    targets = distinct_targets([place for _, place in places.values()], endings[0])
    jobs = [Job(path, target) for (path, _), target in zip(places.values(), targets, strict=True)]
    return chosen_jobs(jobs, left_out, existing=existing, endings=endings)


def distinct_targets(places: Sequence[pathlib.Path], ending: str) -> list[pathlib.Path]:
    """Returns each place with another ending; places that differ in their ending only keep theirs.

    Of a.jpg alone a.png is made, of a.jpg and a.webp a.jpg.png and a.webp.png.
    """
    uses = collections.Counter(place.with_suffix("") for place in places)
    return [
        place.with_suffix(ending)
        if uses[place.with_suffix("")] == 1
        else place.with_name(place.name + ending)
        for place in places
    ]


def check_is_folder(output: pathlib.Path) -> None:
    """Raises InputError if `output` is a file, or is called like a picture."""
    if output.suffix.lower() in FORMATS or (output.exists() and not output.is_dir()):
        raise InputError(f"{output} is a file; what is drawn needs a folder")


def chosen_jobs(
    jobs: Sequence[Job],
    left_out: collections.Counter[str],
    *,
    existing: str,
    endings: Sequence[str] = (),
) -> Jobs:
    """Returns the jobs that are to be done.

    left_out, existing: see `Jobs` and `find_jobs`. endings: of all files that are made of one
    picture, in place of the target's; none for the target alone. Raises InputError as `find_jobs`
    does.
    """
    made = [[job.target.with_suffix(ending) for ending in endings] or [job.target] for job in jobs]
    _check_targets([Job(job.source, path) for job, paths in zip(jobs, made) for path in paths])
    there = [[path for path in paths if os.path.lexists(path)] for paths in made]
    if existing == "refuse" and any(there):
        example = next(paths[0] for paths in there if paths)
        raise InputError(
            f"{sum(map(bool, there))} of {len(jobs)} outputs exist already, such as {example}; "
            "give --overwrite to replace them or --skip_existing to do only the others"
        )
    kept = tuple(
        job
        for job, found, paths in zip(jobs, there, made)
        if existing != "skip" or len(found) < len(paths)
    )
    return Jobs(kept, left_out, len(jobs) - len(kept))


def _is_folder(target: str) -> bool:
    return target.endswith(("/", os.sep)) or local_path(target).is_dir()


def _pictures(
    given: pathlib.Path, pattern: str, output: pathlib.Path
) -> tuple[list[tuple[pathlib.Path, pathlib.Path]], collections.Counter[str]]:
    """Returns ((picture, the folder that is searched) for each, what else is there by ending)."""
    root, files = _files(given, pattern)
    found, left_out = [], collections.Counter()
    inside = output.resolve()
    for path in files:
        if inside != root.resolve() and path.resolve().is_relative_to(inside):
            continue  # Made by an earlier command.
        if path.suffix.lower() in FORMATS:
            found.append((path, root))
        else:
            left_out[ending_of(path)] += 1
    if not found:
        others = counts_text(left_out)
        raise InputError(
            f"no pictures in {pattern} (endings {', '.join(FORMATS)})"
            + (f"; left out: {others}" if others else "")
        )
    return found, left_out


def _files(given: pathlib.Path, pattern: str) -> tuple[pathlib.Path, list[pathlib.Path]]:
    """Returns a folder and the files below it that are meant, in the order of their names."""
    if given.is_dir():
        return given, sorted(_walk(given))
    if not glob.has_magic(pattern):
        raise InputError(f"no file, folder or pattern {pattern!r}, seen from {pathlib.Path.cwd()}")
    parts = given.parts
    num_fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = pathlib.Path(*parts[:num_fixed])
    found = glob.glob(str(given), recursive=True)
    return root, sorted(path for path in map(pathlib.Path, found) if path.is_file())


def _walk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = pathlib.Path(root, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _check_targets(jobs: Sequence[Job]) -> None:
    """Raises InputError if a target is a source or another target."""
    # By path and by identity: links of both kinds lead to a file under another name.
    sources: dict[object, pathlib.Path] = {}
    for job in jobs:
        for key in _keys(job.source):
            sources[key] = job.source
    targets: dict[pathlib.Path, Job] = {}
    for job in jobs:
        for key in _keys(job.target):
            if key in sources:
                raise InputError(
                    f"{job.target} would replace the input {sources[key]}; choose another output"
                )
        other = targets.setdefault(job.target.resolve(), job)
        if other is not job:
            raise InputError(
                f"{other.source} and {job.source} would both be written to {job.target}"
            )


def _keys(path: pathlib.Path) -> list[object]:
    """Returns what a file is known by: its path and, if it exists, its device and number."""
    keys: list[object] = [path.resolve()]
    with contextlib.suppress(OSError):
        status = path.stat()
        keys.append((status.st_dev, status.st_ino))
    return keys
