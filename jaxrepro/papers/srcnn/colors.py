"""Measures colour, plane by plane:

    python -m jaxrepro.papers.srcnn.colors --model=runs/srcnn_demo --data=folder:Set5

One row each for bicubic interpolation of the Y, Cb, Cr planes and of the R, G, B planes, and for
every network given: a run, an export or a .mat file of the authors. A network of luma alone gets
its Cb and Cr by interpolation. Columns: PSNR of Y, Cb and Cr; of the three pooled, which the paper
prints as "RGB colour image"; and of R, G, B. Grey pictures are left out: they have no chroma.
"""

from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.papers.srcnn.tables import table_flags


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(several=True)
    table_flags.define_data()
    table_flags.define_scale(3)
    flags.DEFINE_string("degradation", "matlab-bicubic", "How resolution is lost, for all rows.")
    table_flags.define_output()


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if not args.data:
        raise InputError("no pictures given; for example --data=folder:Set5")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.run import run_record
    from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
    from jaxrepro.papers.srcnn.tables.color_table import color_table
    from jaxrepro.papers.srcnn.trained import load_trained

    if args.degradation not in DEGRADATIONS:
        raise InputError(
            f"--degradation={args.degradation} given; allowed: {', '.join(DEGRADATIONS)}"
        )
    pictures = table_flags.given_pictures(args.data)
    networks = {
        given["path"]: load_trained(**given, scale=args.scale)
        for given in network_flags.given_networks(args)
    }
    for name, trained in networks.items():
        if trained.degradation != args.degradation:
            print(f"{name} was trained for {trained.degradation}, measured on {args.degradation}")
    table = color_table(networks, pictures.spec, args.degradation, args.scale)
    if table["left_out"]:
        print(f"grey, left out: {', '.join(table['left_out'])}")
    _print(table, args.data)
    if args.output:
        write_strict_json(cli.given_path(args.output), table | run_record.noticed())


def _print(table: dict[str, Any], data: str) -> None:
    from jaxrepro.core.reports.console import RunConsole, table_of_names
    from jaxrepro.papers.srcnn.measures.color_quality import MEASURES

    title = f"PSNR in dB, {data} x{table['scale']}, {table['degradation']}"
    shown = table_of_names("network", "Y", "Cb", "Cr", "pooled Y Cb Cr", "R G B", title=title)
    for row in table["rows"]:
        shown.add_row(row["name"], *(f"{row[name]:.3f}" for name in MEASURES))
    RunConsole().print(shown)


if __name__ == "__main__":
    cli.run(define_flags, main)
