"""Flags of the commands that use a trained generator, and what they stand for."""

import pathlib
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place

if TYPE_CHECKING:
    from jaxrepro.papers.biggan.trained import TrainedGenerator


def define_generator_flags() -> None:
    """Defines --workdir, --step, --export and --seed."""
    flags.DEFINE_string("workdir", None, "Folder of the run; or give --export.")
    cli.define_step("Checkpoint of the run to use.")
    flags.DEFINE_string("export", None, "Folder of an export; or give --workdir.")
    flags.DEFINE_integer("seed", 0, "Of all that is drawn.")


def define_sampling_flags() -> None:
    """Defines --truncation, --mode and --batch_size."""
    flags.DEFINE_float("truncation", None, "Threshold of the truncation of z; none by default.")
    define_mode_flag()
    flags.DEFINE_integer("batch_size", 50, "Images that a device makes at once.")


def define_mode_flag() -> None:
    """Defines --mode."""
    flags.DEFINE_string(
        "mode",
        None,
        "What truncation T means. resample: a normal truncated to [-T, T], as in the paper, the "
        "default. scaled: T times a normal truncated to [-2, 2], as in TF-Hub's networks. "
        "gaussian: N(0, T^2), as in the author's PyTorch code.",
    )


def check_generator_flags(args: flags.FlagValues, *, output: str) -> None:
    """Raises InputError unless one of --workdir and --export, and --output, are given.

    output: an example, for the message.
    """
    if (args.workdir is None) == (args.export is None):
        raise InputError(
            "give either --workdir, the folder of a run such as --workdir=runs/biggan_digits, or "
            "--export, the folder of an export"
        )
    if args.output is None:
        raise InputError(f"give --output, such as --output={output}")
    if (seed := int(args.seed)) < 0:
        raise InputError(f"--seed={seed}; it must be 0 or more")


def check_at_least_one(args: flags.FlagValues, *names: str) -> None:
    """Raises InputError for a number below 1 among the named flags."""
    for name in names:
        if (number := int(getattr(args, name))) < 1:
            raise InputError(f"--{name}={number}; it must be 1 or more")


def truncation_mode(args: flags.FlagValues) -> str:
    """Returns the mode of --mode and --truncation: the paper's for a truncation without a mode."""
    return args.mode or ("none" if args.truncation is None else "resample")


def generator_from_flags(args: flags.FlagValues) -> "TrainedGenerator":
    """Returns the generator that --workdir, --step and --export name."""
    from jaxrepro.papers.biggan.trained import load_generator

    return load_generator(
        workdir=None if args.workdir is None else place(args.workdir),
        export=None if args.export is None else pathlib.Path(args.export),
        step=args.step,
    )
