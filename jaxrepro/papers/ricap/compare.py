"""Sets finished runs side by side, with the differences of their errors seed by seed:

    python -m jaxrepro.papers.ricap.compare --workdirs=runs/none,runs/ricap,runs/mixup

The first run is the plain one. An interval that has 0 in it says that these seeds show no
difference.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

COLUMNS = (
    ("test/top1_error", "test error, %", 2),
    ("test/cross_entropy", "cross entropy", 3),
    ("calibration/error", "calibration error, %", 2),
    ("train/top1_error", "training error, %", 2),
)


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_list("workdirs", None, "Folders of finished runs, the plain one first.")


def main(args: flags.FlagValues) -> None:
    """Prints the table."""
    if not args.workdirs:
        raise InputError("no runs given; for example --workdirs=runs/none,runs/ricap")

    from jaxrepro.core.files.places import place
    from jaxrepro.tasks.classification.paired_table import paired_table

    print(paired_table([place(folder) for folder in args.workdirs], COLUMNS))


if __name__ == "__main__":
    cli.run(define_flags, main)
