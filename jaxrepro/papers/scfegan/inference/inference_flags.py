"""Flags of the commands that use a trained generator, and what they stand for."""

import os
import pathlib
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place

if TYPE_CHECKING:
    from jaxrepro.papers.scfegan.trained import Trained


def define_model_flags() -> None:
    """Defines --workdir, --step, --export and --checkpoint."""
    flags.DEFINE_string("workdir", None, "Folder of the run; or give --export or --checkpoint.")
    cli.define_step("Checkpoint of the run to use.")
    flags.DEFINE_string("export", None, "Folder of an export.")
    flags.DEFINE_string(
        "checkpoint",
        None,
        "The authors' TensorFlow checkpoint: the beginning of its files' names, such as "
        "SC-FEGAN.ckpt, or their folder.",
    )


def check_model_flags(args: flags.FlagValues) -> None:
    """Raises InputError unless one of --workdir, --export and --checkpoint is given."""
    given = [name for name in ("workdir", "export", "checkpoint") if args[name].value is not None]
    if len(given) != 1:
        raise InputError(
            "give one of --workdir, the folder of a run such as --workdir=runs/scfegan_128, "
            "--export, the folder of an export, and --checkpoint, the authors' TensorFlow files"
            + (f"; given are --{' and --'.join(given)}" if given else "")
        )
    if args.step is not None and args.workdir is None:
        raise InputError(f"--step={args.step} goes with --workdir alone")


def trained_from_flags(args: flags.FlagValues) -> "Trained":
    """Returns the generator that the flags name."""
    from jaxrepro.papers.scfegan.trained import load_trained

    return load_trained(
        workdir=None if args.workdir is None else place(os.path.expanduser(args.workdir)),
        export=given_path(args.export),
        checkpoint=given_path(args.checkpoint),
        step=args.step,
    )


def given_path(name: str | None) -> pathlib.Path | None:
    """Returns the path that a flag names, "~" as the user's folder; None of None."""
    return None if name is None else pathlib.Path(name).expanduser()
