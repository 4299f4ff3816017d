"""Prepares a folder of faces for training: sketches, colour maps, and where hair and face are.

  python -m jaxrepro.papers.scfegan.prepare --source=folder:DIR --output=OUT --size=256

DIR holds pictures, in any folders. Each is cropped to its centre square and resized; its maps are
derived once and stored beside it without loss. The result is opened as `faces:OUT`. Given again,
the command derives only what is missing: an interrupted run goes on where it stopped, and new
pictures are added.
"""

import os
import pathlib
import time

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("source", None, "folder:DIR with pictures of faces.")
    flags.DEFINE_string("output", None, "Folder for the prepared faces.")
    flags.DEFINE_integer("size", 512, "Side of the prepared pictures in pixels.")
    flags.DEFINE_string(
        "labels",
        None,
        "Folder of label maps: NAME.png, paletted or grey, for each picture; or the masks of "
        "CelebAMask-HQ. Superpixels take their place otherwise.",
    )
    flags.DEFINE_bool(
        "aligned",
        True,
        "The faces are aligned as those of CelebA-HQ and FFHQ are, so that the places of eyes and "
        "hair are known.",
    )
    flags.DEFINE_string(
        "edge_weights",
        None,
        "Weights of HED (.npz, .safetensors or PyTorch's) for the sketches; Canny otherwise.",
    )
    flags.DEFINE_integer(
        "held_out_every",
        20,
        "Every this-many-th picture, by name, is held out of training; 0 for none.",
    )
    flags.DEFINE_integer("shard_size", 64, "Pictures a file.")
    flags.DEFINE_integer("num_workers", 0, "Processes; 0 takes one a CPU core.")


def main(args: flags.FlagValues) -> None:
    """Prepares the faces that the flags describe and prints what the set holds."""
    for name in ("source", "output"):
        if args[name].value is None:
            raise InputError(f"--{name} is missing; see --help")
    try:
        _prepare(args, local_path(args.output))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("give the same command again to go on") from error


def _prepare(args: flags.FlagValues, output: pathlib.Path) -> None:
    from jaxrepro.core.reports.console import RunConsole
    from jaxrepro.data.sets.intact_files import file_sha256
    from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe
    from jaxrepro.papers.scfegan.faces.map_writer import write_faces

    weights = None
    if args.edge_weights is not None:
        from jaxrepro.papers.scfegan.faces.holistic_edges import EdgeSketcher

        weights = local_path(args.edge_weights)
        # Errors in the file shall come before any work, and once.
        EdgeSketcher.from_file(weights)
    recipe = MapRecipe(
        args.size,
        aligned=args.aligned,
        edge_weights="" if weights is None else file_sha256(weights),
    )
    console = RunConsole(highlight=False)
    progress = _progress(console)
    task = progress.add_task("preparing", total=None)

    def show(num_done: int, num_pictures: int) -> None:
        progress.update(task, completed=num_done, total=num_pictures)

    start = time.perf_counter()
    with progress:
        manifest, report = write_faces(
            args.source,
            output,
            recipe,
            labels=args.labels,
            held_out_every=args.held_out_every,
            edge_weights=weights,
            shard_size=args.shard_size,
            num_workers=args.num_workers or os.cpu_count() or 1,
            on_progress=show,
        )
    lines = _summary(manifest, report, output, time.perf_counter() - start)
    console.print("\n".join(lines), soft_wrap=True)


def _progress(console):
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        # In a file a bar is noise.
        disable=not console.is_terminal,
    )


def _summary(manifest, report, output: pathlib.Path, seconds: float) -> list[str]:
    """What a set holds, and what about it may surprise."""
    from jaxrepro.papers.scfegan.faces.face_sets import split_indices

    settings, count = manifest.settings, len(manifest.pictures)
    held_out = split_indices(count, split="held_out", held_out_every=settings["held_out_every"])
    number = settings["num_sketches"]
    sketches = "1 sketch" if number == 1 else f"{number} sketches"
    megabytes = sum(shard.num_bytes for shard in manifest.shards) / 1e6
    lines = [
        f"{output}: {count:,} pictures of {settings['size']}x{settings['size']} with "
        f"{sketches} each, {count - len(held_out):,} to train and "
        f"{len(held_out):,} held out, {megabytes:,.1f} MB",
        f"derived {report.num_derived:,} in {seconds:.1f} s"
        + (f", kept {report.num_kept:,} from before" if report.num_kept else ""),
    ]
    if report.num_without_labels:
        lines.append(
            f"warning: {report.num_without_labels:,} pictures have no label map; superpixels took "
            "its place"
        )
    if manifest.num_enlarged:
        lines.append(
            f"warning: {manifest.num_enlarged:,} pictures were smaller than {settings['size']} and "
            "were enlarged"
        )
    if manifest.left_out:
        lines.append(f"warning: {len(manifest.left_out):,} pictures were left out:")
        lines += [f"  {message}" for message in manifest.left_out]
    if report.unused_bytes:
        lines.append(
            f"{report.unused_bytes / 1e6:,.1f} MB of maps of other pictures or settings are kept "
            f"in {output} for later; delete the folder to be rid of them"
        )
    lines.append(f"open it as faces:{output}")
    return lines


if __name__ == "__main__":
    cli.run(define_flags, main)
