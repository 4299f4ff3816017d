"""The two commands that prepare data, in several processes, as something to kill."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.kills.training import STARTING

WRITING, BETWEEN, FINISHING = "writing a shard", "between shards", "finishing"
_MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Preparing:
    """A command that makes shards `prefix*.array_record` out of pictures."""

    name: str
    module: str
    prefix: str
    pictures: pathlib.Path
    arguments: tuple[str, ...]

    @property
    def phases(self) -> dict[str, float]:
        """Seconds after the first sign of each phase within which the kill comes."""
        return {STARTING: 3.0, WRITING: 0.5, BETWEEN: 0.5, FINISHING: 0.02}

    def command(self, workdir: pathlib.Path) -> tuple[str, ...]:
        """Returns what follows `python -m`."""
        source = f"--source=folder:{self.pictures}"
        return (self.module, source, f"--output={workdir}", "--num_workers=2", *self.arguments)

    def sign(self, phase: str, workdir: pathlib.Path, log: pathlib.Path) -> Callable[[], bool]:
        """Returns what tells whether the command, started after this call, is in `phase`."""
        del log
        before = {path.name for path in workdir.glob("*")}
        shards = f"{self.prefix}*.array_record"

        def new(pattern: str) -> set[str]:
            return {path.name for path in workdir.glob(pattern)} - before

        return {
            STARTING: lambda: True,
            WRITING: lambda: bool(new(f".{shards}.*")),
            BETWEEN: lambda: bool(new(shards)),
            FINISHING: lambda: bool(new(f".{_MANIFEST}*") or new(_MANIFEST)),
        }[phase]

    def hit(self, workdir: pathlib.Path, log: pathlib.Path) -> tuple[str, int]:
        """Returns the phase in which a killed command was, and how many shards are whole."""
        del log
        shards = len(list(workdir.glob(f"{self.prefix}*.array_record")))
        if (workdir / _MANIFEST).exists() or list(workdir.glob(f".{_MANIFEST}*")):
            return FINISHING, shards
        if list(workdir.glob(f".{self.prefix}*")):
            return WRITING, shards
        return (BETWEEN, shards) if shards else (STARTING, shards)

    def compare(self, workdir: pathlib.Path, reference: pathlib.Path) -> tuple[list[str], int]:
        """Returns what differs from an uninterrupted run, and how many files were compared."""
        ours, theirs = _content(workdir), _content(reference)
        found = [f"a file of one run only: {name}" for name in sorted(ours.keys() ^ theirs.keys())]
        found += [
            f"{k} differs" for k in sorted(ours.keys() & theirs.keys()) if ours[k] != theirs[k]
        ]
        return found, len(ours)


def _content(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def draw_pictures(folder: pathlib.Path, number: int, side: int) -> None:
    """Writes pictures of coloured squares with noise in three folders, and two that are damaged."""
    random = np.random.default_rng(0)
    for index in range(number):
        picture = random.integers(0, 64, (side, side, 3), np.uint8)
        for _ in range(6):
            x, y = random.integers(0, side, 2)
            picture[y : y + side // 3, x : x + side // 3] += random.integers(0, 192, 3, np.uint8)
        path = folder / f"class{index % 3}" / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
        if index in (number // 3, number // 2):
            path.write_bytes(path.read_bytes()[:1000])


def images(folder: pathlib.Path) -> Preparing:
    """Returns `jaxrepro.prepare` on pictures in `folder`, made here."""
    draw_pictures(folder, 120, 300)
    options = ("--size=64", "--shard_size=10", "--skip_bad_images")
    return Preparing("prepare", "jaxrepro.prepare", "images-", folder, options)


def faces(folder: pathlib.Path) -> Preparing:
    """Returns `jaxrepro.papers.scfegan.prepare` on pictures in `folder`, made here."""
    draw_pictures(folder, 48, 96)
    module = "jaxrepro.papers.scfegan.prepare"
    return Preparing("scfegan.prepare", module, "maps-", folder, ("--size=64", "--shard_size=6"))
