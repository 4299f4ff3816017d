"""Measures networks on sets of pictures, beside bicubic interpolation and the published figures:

    python -m jaxrepro.papers.srcnn.evaluate --model=runs/srcnn_demo --data=folder:Set5

A network is the folder of a run or an export, or a .mat file of the authors' release; several are
separated by commas. A .mat file does not say its scale: give --scale, or leave it its name, such as
x3.mat. A folder of such files, 9-1-5(ImageNet)/x3.mat and so on, stands for all of them. With
--linear=folder:T91 the best linear filter fitted on these pictures is measured too.

PSNR and SSIM are those of luma by the protocol of the paper, for networks of colour too.
--check=0.01 makes the exit status 1 if a mean is further than so many dB from what was published of
the very same weights.
"""

import os
import pathlib
import re
import sys
from collections.abc import Sequence

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, place
from jaxrepro.core.inference import network_flags
from jaxrepro.papers.srcnn.tables import table_flags
from jaxrepro.papers.srcnn.tables.table_flags import given_pictures


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(several=True)
    table_flags.define_data_list("photos:test")
    table_flags.define_scale()
    flags.DEFINE_string("linear", None, "Pictures to fit the best linear filter on: folder:T91.")
    flags.DEFINE_integer("linear_side", 13, "Side of that filter in pixels, odd.", lower_bound=1)
    flags.DEFINE_float("check", None, "Largest difference to published means, dB.", lower_bound=0)
    table_flags.define_output()


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    networks = network_flags.given_networks(args)
    if not networks or not args.data:
        raise InputError(
            "no networks or no data given; for example --model=x3.mat --data=folder:Set5"
        )
    if args.linear_side % 2 == 0:
        raise InputError(f"--linear_side={args.linear_side} is even; a filter needs an odd side")
    files = [file for one in networks for file in weight_files(one["path"], args.scale)]

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.run import run_record
    from jaxrepro.papers.srcnn.tables.measured import load_models, measure
    from jaxrepro.papers.srcnn.tables.score_table import deviations, means_text, pictures_text

    pictures = [given_pictures(name) for name in args.data if name]
    linear = given_pictures(args.linear).spec if args.linear else None
    models = load_models(
        ((path, scale_in_name(path) if args.scale is None else args.scale) for path in files),
        args.step,
    )
    tables = measure(models, pictures, linear, args.linear_side)
    for table in tables:
        print(pictures_text(table), end="\n\n")
    print(means_text(tables))
    if args.output:
        record = {
            **run_record.provenance(),
            "weights": [model.as_json() for model in models],
            "linear": {"data": linear, "side": args.linear_side} if linear else None,
            "results": [table.as_json() for table in tables],
        }
        write_strict_json(cli.given_path(args.output), record)
    if args.check is not None:
        wrong, number = deviations(tables, args.check)
        for sentence in wrong:
            print(f"check failed: {sentence}", file=sys.stderr)
        if wrong:
            sys.exit(1)
        print(f"\nchecked: {number} means, all within {args.check:g} dB of the published ones")


def weight_files(path: str | os.PathLike[str], scale: int | None) -> Sequence[Place]:
    """Returns `path`, or the files of a release folder: all of them, or those of one scale.

    Raises InputError if a release folder has no file of this scale.
    """
    folder = place(os.path.expanduser(path))
    if not isinstance(folder, pathlib.Path):
        return [folder]
    found = {p: scale_in_name(p) for p in sorted(folder.glob("*/x*.mat"))}
    found = {p: own for p, own in found.items() if own is not None}
    if not found:
        return [folder]
    chosen = [p for p, own in found.items() if scale in (None, own)]
    if not chosen:
        raise InputError(f"{path} has no weights for --scale={scale}")
    return chosen


def scale_in_name(path: str | os.PathLike[str]) -> int | None:
    """Returns 3 for x3.mat, None for a file without its scale in its name."""
    match = re.fullmatch(r"x([2-9])\.mat", os.path.basename(path))
    return int(match[1]) if match else None


if __name__ == "__main__":
    cli.run(define_flags, main)
