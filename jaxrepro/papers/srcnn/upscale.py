"""Enlarges your own pictures.

  python -m jaxrepro.papers.srcnn.upscale INPUT OUTPUT --scale=3
  python -m jaxrepro.papers.srcnn.upscale INPUT OUTPUT --model=runs/srcnn_demo

INPUT is a picture, a folder or a quoted pattern such as 'photos/**/*.jpg'; OUTPUT is a file or a
folder. PNG, JPEG, WebP, TIFF and BMP are read and written, 8 and 16 bits, grey and colour. Alpha,
ICC profile and EXIF data are kept, and the picture is turned as its EXIF orientation says. Inputs
are never written over. Pictures that cannot be done are listed at the end, the rest is done, and
the exit status is 1.

The network works on tiles, so its memory does not grow with the picture; the picture itself is
held in memory, as 32-bit numbers.
"""

import time
from typing import TYPE_CHECKING, Any, Self

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.papers.srcnn.tables import table_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxrepro.data.formats.picture_jobs import Job
    from jaxrepro.papers.srcnn.enlarge import Enlarger


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_argument("input", "Picture, folder, or pattern in quotes.")
    cli.define_argument("output", "File for one picture, else a folder.")
    table_flags.define_scale(3)
    network_flags.define_network(default="by default the one that comes with the package")
    flags.DEFINE_bool(
        "ensemble", False, "Average over the 8 flips and rotations: 8 times slower, a bit better."
    )
    flags.DEFINE_integer(
        "tile",
        None,
        "Side of the tiles in pixels: it bounds the network's memory, the result is the same. By "
        "default 128 on a CPU and 512 elsewhere.",
        lower_bound=8,
    )
    flags.DEFINE_bool("overwrite", False, "Replace outputs that exist (inputs never).")
    flags.DEFINE_bool("skip_existing", False, "Do only pictures whose output does not exist.")
    flags.DEFINE_float(
        "max_megapixels",
        None,
        "Larger inputs are refused as decompression bombs; by default Pillow's 89.5. Enlarging "
        "takes some 50 bytes of memory for every pixel of the output.",
        lower_bound=0,
    )


def main(args: flags.FlagValues) -> None:
    """Enlarges the pictures that the flags name."""
    for name in ("input", "output"):
        if args[name].value is None:
            raise InputError(f"no {name} given; write INPUT OUTPUT --scale=3, and see --help")
    if args.overwrite and args.skip_existing:
        raise InputError("--overwrite and --skip_existing contradict each other; give one")
    from jaxrepro.data.formats.other_files import counts_text
    from jaxrepro.data.formats.picture_jobs import find_jobs, raise_failures

    existing = "replace" if args.overwrite else "skip" if args.skip_existing else "refuse"
    found = find_jobs(args.input, args.output, existing=existing)

    if found.done:
        print(f"{found.done} pictures are done already")
    if found.left_out:
        print(f"left out, no pictures of a known kind: {counts_text(found.left_out)}")
    if not found.jobs:
        return
    try:
        failures = _enlarge_all(found.jobs, args)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            "what is written is whole; with --skip_existing the command goes on"
        ) from error
    raise_failures(failures, len(found.jobs))


def _enlarge_all(jobs: "Sequence[Job]", args: flags.FlagValues) -> list[InputError]:
    """Returns the errors of the pictures that could not be done."""
    enlarger = _enlarger(args)
    failures = []
    with _Progress(len(jobs)) as progress:
        for job in jobs:
            try:
                _enlarge(job, enlarger, args, progress)
            except InputError as error:
                failures.append(error)
                progress.picture_done(f"failed: {error}")
    return failures


def _enlarger(args: flags.FlagValues) -> "Enlarger":
    from jaxrepro.core.machine import platforms, runtime

    runtime.set_up()

    from jaxrepro.papers.srcnn.enlarge import Enlarger
    from jaxrepro.papers.srcnn.packaged import packaged_weights
    from jaxrepro.papers.srcnn.trained import load_trained

    path = args.model or packaged_weights(args.scale)
    trained = load_trained(path, args.scale, step=args.step)
    # On a CPU, the maps of small tiles stay in its cache.
    side = args.tile or (128 if platforms.cpu_only() else 512)
    return Enlarger(trained, ensemble=args.ensemble, side=side)


def _enlarge(
    job: "Job", enlarger: "Enlarger", args: flags.FlagValues, progress: "_Progress"
) -> None:
    from jaxrepro.data.formats.picture_files import check_format, read_picture, write_picture

    start = time.perf_counter()
    limit = None if args.max_megapixels is None else round(args.max_megapixels * 1e6)
    picture = read_picture(job.source, max_pixels=limit)
    check_format(job.target, picture, args.scale)
    progress.picture_begins(job.source.name, enlarger.num_tiles(picture.color.shape))
    try:
        enlarged = enlarger(picture, progress.tile_done)
        write_picture(job.target, enlarged)
    except MemoryError as error:
        raise InputError(f"{job.source}: not enough memory for it, enlarged") from error
    height, width = enlarged.color.shape[:2]
    seconds = time.perf_counter() - start
    progress.picture_done(f"{job.source} -> {job.target}  {width} x {height}  {seconds:.1f} s")


class _Progress:
    """Bars for the pictures and for the tiles of one on a terminal; a line for each picture."""

    def __init__(self, num_pictures: int):
        from rich import progress

        from jaxrepro.core.reports.console import RunConsole

        self._console = RunConsole(highlight=False, soft_wrap=True)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._pictures = self._bars.add_task("pictures", total=num_pictures)
        self._tiles = self._bars.add_task("tiles", total=None)
        self._total = num_pictures
        self._done = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bars.stop()

    def picture_begins(self, name: str, num_tiles: int) -> None:
        """Starts the bar of tiles anew."""
        self._bars.reset(self._tiles, total=num_tiles, description=f"tiles of {name}")

    def tile_done(self) -> None:
        """Moves the bar of tiles."""
        self._bars.advance(self._tiles)

    def picture_done(self, line: str) -> None:
        """Moves the bar of pictures and prints what became of one."""
        self._done += 1
        self._bars.update(self._pictures, completed=self._done)
        self._console.print(f"{self._done}/{self._total}  {line}")


if __name__ == "__main__":
    cli.run(define_flags, main)
