"""Draws a run's page: python -m jaxrepro.report --workdir=runs/biggan_digits

The page shows the run as far as it got; the run may be finished or still going on.
"""

import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run.")
    flags.DEFINE_string("output", None, "HTML file to write; page.html in the workdir by default.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None:
        raise InputError("no workdir given; for example --workdir=runs/biggan_digits")

    from jaxrepro import contents, papers
    from jaxrepro.core import config
    from jaxrepro.core.run import workdir
    from jaxrepro.core.task import references_of
    from jaxrepro.page import write_page

    folder = place(args.workdir)
    settings = config.Settings(workdir.read_json(folder / workdir.CONFIG))
    try:
        references = references_of(papers.make_task(settings))
    except InputError as error:
        # A run whose data are elsewhere can be looked at all the same.
        references = None
        print(f"no published figures on the page, because the task cannot be made here: {error}")
    output = pathlib.Path(args.output) if args.output else None
    steps = contents.next_steps(args.workdir, str(settings.task))
    print(f"page of {folder}: {write_page(folder, references, output, steps)}")


if __name__ == "__main__":
    cli.run(define_flags, main)
