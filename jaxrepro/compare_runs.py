r"""Prints the results of several runs side by side, as a table in Markdown.

  python -m jaxrepro.compare_runs --workdirs=runs/full,runs/no_style \
      --metrics=held_out/hole_l1,held_out/hole_psnr

A row names the run's folder, the keys of its config that are not as in the first run, and what it
measured at its end; of a run over several seeds the standard deviation as well.
"""

from collections.abc import Sequence

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files import places


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_list(
        "workdirs",
        None,
        "Folders of runs that are finished, the plain one first; on a disk, gs:// or s3://.",
    )
    flags.DEFINE_list("metrics", None, "Names of results, as results.json has them.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if not args.workdirs or not args.metrics:
        raise InputError(
            "give --workdirs and --metrics, such as --workdirs=runs/full,runs/no_style "
            "--metrics=held_out/hole_l1"
        )
    print(results_table([places.place(folder) for folder in args.workdirs], args.metrics))


def results_table(workdirs: Sequence[places.Place], metrics: Sequence[str]) -> str:
    """Returns the table as Markdown, a line a run.

    Raises InputError if a folder holds no finished run or a run did not measure one of `metrics`.
    """
    from jaxrepro.core.config import differing_keys
    from jaxrepro.core.reports.tables import markdown
    from jaxrepro.core.run import workdir as files

    first = files.read_json(workdirs[0] / files.CONFIG)
    rows = []
    for folder in workdirs:
        config = files.read_json(folder / files.CONFIG)
        changes = [line.replace(": ", " ", 1) for line in differing_keys(first, config, free=())]
        cells = _measured(folder / files.RESULTS, metrics)
        rows.append([folder.name, "; ".join(changes) or "-", *cells])
    return markdown(["run", "differs in", *metrics], rows)


def _measured(path: places.Place, metrics: Sequence[str]) -> list[str]:
    from jaxrepro.core.files.strict_json import number_of
    from jaxrepro.core.run.spread import STD, part_name
    from jaxrepro.core.run.workdir import read_json

    if not places.exists(path):
        raise InputError(f"{path} is not there: the run is not finished")
    results = read_json(path).get("results")
    if not isinstance(results, dict):
        raise InputError(f'{path} has no object "results"')
    if missing := sorted(set(metrics) - set(results)):
        raise InputError(f"no {', '.join(missing)} in {path}; it has {', '.join(sorted(results))}")
    cells = []
    for name in metrics:
        spread = results.get(part_name(name, STD))
        cells.append(
            f"{number_of(results[name]):.4g}" + (f" ± {spread:.2g}" if spread is not None else "")
        )
    return cells


if __name__ == "__main__":
    cli.run(define_flags, main)
