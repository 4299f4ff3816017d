"""Prepares images for training: centre squares of one size, in files that are fast to read.

  python -m jaxrepro.prepare --source=folder:DIR --size=128 --output=OUT

DIR holds one folder of images a class. Each image is cropped to its centre square, area-resampled
and stored without loss; the result is opened as `array_record:OUT`. An interrupted run goes on
where it stopped when the same command is given again.
"""

import contextlib
import os
import pathlib
import time

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path

SMALL_CLASS = 50


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string(
        "source",
        None,
        "folder:DIR with a folder for each class, or tfds:NAME[@DATA_DIR].",
    )
    flags.DEFINE_string("split", "train", "Split of the source.")
    flags.DEFINE_string("output", None, "Folder for the prepared set.")
    flags.DEFINE_integer("size", None, "Side of the prepared images in pixels.")
    flags.DEFINE_integer("channels", 3, "3 for RGB, 1 for grey.")
    flags.DEFINE_integer("shard_size", 2048, "Images a file.")
    flags.DEFINE_integer("num_workers", 0, "Processes; 0 takes one a CPU core.")
    flags.DEFINE_bool(
        "skip_bad_images", False, "Leave unreadable images out and list them, instead of stopping."
    )


def main(args: flags.FlagValues) -> None:
    """Prepares the set that the flags describe and prints what it holds."""
    for name in ("source", "output", "size"):
        if args[name].value is None:
            raise InputError(f"--{name} is missing; see --help")
    try:
        _prepare(args, local_path(args.output))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("give the same command again to go on") from error


def _prepare(args: flags.FlagValues, output: pathlib.Path) -> None:
    from jaxrepro.core.reports.console import RunConsole
    from jaxrepro.data.sets.record_writer import write_set
    from jaxrepro.data.sources import open_source

    console = RunConsole(highlight=False)
    source = open_source(args.source, split=args.split, channels=args.channels)
    progress = _progress(console)
    task = progress.add_task("preparing", total=len(source))
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:

        def show(num_done: int) -> None:
            if not progress.live.is_started:
                stack.enter_context(progress)
            progress.update(task, completed=num_done)

        manifest = write_set(
            source,
            output,
            size=args.size,
            shard_size=args.shard_size,
            num_workers=args.num_workers or os.cpu_count() or 1,
            skip_bad_images=args.skip_bad_images,
            on_progress=show,
        )
    # Only a set that was complete and intact before reports no progress.
    if not progress.tasks[0].completed:
        console.print(f"{output} is complete already", soft_wrap=True)
    _summarise(console, manifest, output, time.perf_counter() - start)


def _progress(console):
    from rich import progress

    class Rate(progress.ProgressColumn):
        """Images a second."""

        def render(self, task):
            return f"{task.speed:,.0f} images/s" if task.speed else ""

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TimeRemainingColumn(),
        console=console,
    )


def _summarise(console, manifest, output: pathlib.Path, seconds: float) -> None:
    """Prints the content of a set, and what about it may hurt training."""
    import numpy as np

    names = manifest.settings["class_names"]
    size = manifest.settings["size"]
    counts = np.bincount(manifest.labels, minlength=len(names))
    num_images = len(manifest.labels)
    megabytes = sum(shard.num_bytes for shard in manifest.shards) / 1e6
    lines = [
        f"{output}: {num_images:,} images of {size}x{size} in {len(names)} classes, "
        f"{len(manifest.shards)} files, {megabytes:,.1f} MB, {seconds:.1f} s",
        f"images a class: {counts.min():,} ({names[counts.argmin()]}) to {counts.max():,} "
        f"({names[counts.argmax()]}), mean {counts.mean():,.1f}",
    ]
    if len(names) == 1:
        lines.append("warning: one class only; train an unconditional model")
    small = [name for name, count in zip(names, counts) if count < SMALL_CLASS]
    if small:
        lines.append(
            f"warning: {len(small)} classes of fewer than {SMALL_CLASS} images: "
            + ", ".join(small[:5])
            + (", ..." if len(small) > 5 else "")
        )
    num_enlarged = sum(shard.num_enlarged for shard in manifest.shards)
    if num_enlarged:
        lines.append(f"warning: {num_enlarged:,} images were smaller than {size} and were enlarged")
    skipped = [message for shard in manifest.shards for message in shard.skipped]
    if skipped:
        lines.append(f"warning: {len(skipped):,} unreadable images were left out:")
        lines += [f"  {message}" for message in skipped]
    lines.append(f"open it as array_record:{output}")
    console.print("\n".join(lines), soft_wrap=True)


if __name__ == "__main__":
    cli.run(define_flags, main)
