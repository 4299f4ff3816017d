"""Says how typical pictures are of what a network was trained on, by the density of its features:

  python -m jaxrepro.papers.lgm.outliers PICTURES --model=runs/both --output=scores.csv

PICTURES are files and folders. For each: the likeliest class, its log-likelihood, the percentage of
held-out images, of the run or of --source, with a lower one, and a mark where that is below
--quantile.
"""

import csv
import io

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.tasks.classification import measured_images


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_arguments("pictures", "Files and folders of pictures.")
    network_flags.define_network()
    measured_images.define_source()
    flags.DEFINE_float("quantile", 0.01, "Share of held-out images to be marked.", 0.0, 1.0)
    flags.DEFINE_string("output", None, "FILE.csv for the table.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    network = network_flags.given_network(args, "runs/both")
    if not args.pictures:
        raise InputError("no pictures given; name files or folders")
    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import numpy as np

    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.reports.tables import aligned
    from jaxrepro.data.formats.picture_files import read_colors
    from jaxrepro.data.formats.picture_jobs import raise_failures
    from jaxrepro.data.sets.pictures import open_pictures
    from jaxrepro.papers.lgm.loaded import load

    given = [cli.given_path(name) for name in args.pictures]
    folders = {p: open_pictures(f"folder:{p}").paths for p in given if p.is_dir()}
    trained = load(**network)
    images = measured_images.images_of(args, trained)
    known, _ = measured_images.arrays_of(images.test, images, args.num)
    held_out = np.sort(trained.log_likelihood(known).max(axis=1))
    rows, failures = [["picture", "class", "log-likelihood", "percentile", "mark"]], []
    for path in [path for p in given for path in folders.get(p, [p])]:
        try:
            scores = trained.log_likelihood(read_colors(path))
        except InputError as error:
            failures.append(error)
            continue
        below = np.searchsorted(held_out, scores.max()) / len(held_out)
        name = trained.class_names[scores.argmax()]
        mark = "odd" if below < args.quantile else ""
        rows.append([str(path), name, f"{scores.max():.3f}", f"{100 * below:.1f}", mark])
    print(aligned(rows[0], rows[1:]))
    if args.output:
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows(rows)
        write_atomically(
            cli.given_path(args.output), table.getvalue().encode(errors="surrogateescape")
        )
    raise_failures(failures, len(rows) - 1 + len(failures))


if __name__ == "__main__":
    cli.run(define_flags, main)
