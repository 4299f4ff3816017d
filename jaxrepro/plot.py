"""Draws the curves of a run: python -m jaxrepro.plot --workdir=runs/biggan_digits --output=a.png"""

import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, place


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run.")
    flags.DEFINE_string("output", None, "PNG file to write.")
    flags.DEFINE_list(
        "metrics", None, "Names to draw, such as loss/d,loss/g; all loss/ and logits/ by default."
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None or args.output is None:
        raise InputError(
            "give --workdir and --output, such as --workdir=runs/biggan_digits --output=curves.png"
        )
    workdir = place(args.workdir)
    curves = read_curves(workdir, args.metrics)
    draw(curves, pathlib.Path(args.output), workdir.resolve().name)
    print(f"{len(curves)} curves of {workdir} in {args.output}")


def read_curves(
    workdir: Place, names: list[str] | None
) -> dict[str, tuple[list[int], list[float]]]:
    """Returns {name: (steps, values)} from a run's metrics.jsonl.

    names: what to read; None for everything under loss/ and logits/. Raises InputError if the
    folder has no metrics, or not those.
    """
    from jaxrepro.core.reports.writers import read_json_lines

    records = read_json_lines(workdir / "metrics.jsonl")
    known = sorted({name for record in records for name in record} - {"step"})
    if not known:
        raise InputError(f"no metrics in {workdir}: give the folder of a run that was trained")
    names = names or [name for name in known if name.startswith(("loss/", "logits/"))]
    if unknown := sorted(set(names) - set(known)):
        raise InputError(f"no metric {', '.join(unknown)} in {workdir}; it has {', '.join(known)}")
    if not names:
        raise InputError(
            f"no metric under loss/ or logits/ in {workdir}; name some of {', '.join(known)} with "
            "--metrics"
        )
    curves = {}
    for name in names:
        for record in records:
            if type(record.get(name, 0)) not in (int, float):
                raise InputError(
                    f"{workdir / 'metrics.jsonl'}, step {record['step']}: {name} is "
                    f"{record[name]!r}, not a number; remove that line"
                )
        points = [(record["step"], record[name]) for record in records if name in record]
        steps, values = zip(*points, strict=True)
        curves[name] = (list(steps), list(values))
    return curves


def draw(
    curves: dict[str, tuple[list[int], list[float]]], output: pathlib.Path, title: str
) -> None:
    """Writes one PNG with a panel for each group of curves ("loss", "logits", ...).

    Raises InputError if `output` cannot be written.
    """
    import io

    import matplotlib
    from matplotlib.figure import Figure

    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.reports.text_output import one_line

    groups = sorted({name.partition("/")[0] for name in curves})
    # Names of folders and data sets are no formulas.
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(5 * len(groups), 3.2), layout="constrained")
        axes = figure.subplots(1, len(groups), squeeze=False)[0]
        for axis, group in zip(axes, groups, strict=True):
            for name, (steps, values) in curves.items():
                if name.partition("/")[0] == group:
                    axis.plot(steps, values, label=name.partition("/")[2], linewidth=1)
            axis.set_xlabel("update")
            axis.set_title(group)
            axis.grid(alpha=0.3)
            axis.legend()
        figure.suptitle(one_line(title), fontsize=9)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
    write_atomically(output, buffer.getvalue())


if __name__ == "__main__":
    cli.run(define_flags, main)
