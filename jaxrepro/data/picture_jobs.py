"""Which picture files a command reads, and where it writes what it makes of each."""

import collections
import contextlib
import dataclasses
import glob
import os
import pathlib
from collections.abc import Iterator, Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.data.picture_files import FORMATS


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
    given, output = pathlib.Path(source).expanduser(), pathlib.Path(target).expanduser()
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
        root, files = _files(given, source)
        jobs = []
        inside = output.resolve()
        for path in files:
            if inside != root.resolve() and path.resolve().is_relative_to(inside):
                continue  # Made by an earlier command.
            if path.suffix.lower() in FORMATS:
                jobs.append(Job(path, output / path.relative_to(root)))
            else:
                left_out[path.suffix.lower() or "no ending"] += 1
        if not jobs:
            others = ", ".join(f"{count} {suffix}" for suffix, count in left_out.items())
            raise InputError(
                f"no pictures in {source} (endings {', '.join(FORMATS)})"
                + (f"; left out: {others}" if others else "")
            )
    _check_targets(jobs)
    there = [job for job in jobs if os.path.lexists(job.target)]
    if there and existing == "refuse":
        raise InputError(
            f"{len(there)} of {len(jobs)} outputs exist already, such as {there[0].target}; give "
            "--overwrite to replace them or --skip_existing to do only the others"
        )
    if existing == "skip":
        jobs = [job for job in jobs if job not in there]
    return Jobs(tuple(jobs), left_out, len(there) if existing == "skip" else 0)


def _is_folder(target: str) -> bool:
    return target.endswith(("/", os.sep)) or pathlib.Path(target).expanduser().is_dir()


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
