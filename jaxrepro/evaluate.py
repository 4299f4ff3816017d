"""Measures a run: python -m jaxrepro.evaluate --workdir=runs/biggan_digits

Reads the workdir only, so the run may be finished or still going on.
"""

import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run.")
    flags.DEFINE_integer("step", None, "Checkpoint to measure; the latest by default.")
    flags.DEFINE_string("output", None, "Folder for pictures; none are kept by default.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None:
        raise InputError("no workdir given; for example --workdir=runs/biggan_digits")

    from jaxrepro.core import runtime

    runtime.set_up()

    from jaxrepro.core import config, workdir
    from jaxrepro.core.evaluation import evaluate_workdir
    from jaxrepro.core.tables import print_results
    from jaxrepro.core.task import Image
    from jaxrepro.core.writers import Pictures

    folder = pathlib.Path(args.workdir)
    settings = config.Settings(workdir.read_json(folder / workdir.CONFIG))
    task = config.make_task(settings)
    step, results = evaluate_workdir(task, settings.seed, folder, args.step)
    if args.output:
        Pictures(pathlib.Path(args.output)).write(step, results)
    numbers = {k: v for k, v in results.items() if not isinstance(v, Image)}
    print_results(numbers, folder, step)


if __name__ == "__main__":
    cli.run(define_flags, main)
