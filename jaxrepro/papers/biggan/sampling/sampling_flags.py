"""The flags that the commands which use a trained generator share, and what they stand for."""

from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags


def define_generator_flags() -> None:
    """Defines --model, --step, --average and --seed."""
    network_flags.define_network(average=True)
    cli.define_seed("Of all that is drawn.")


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


def given_generator(args: flags.FlagValues, *, output: str) -> dict[str, Any]:
    """Returns the arguments of `trained.load_generator`.

    Raises InputError unless --model and --output are given. output: an example, for the message.
    """
    given = network_flags.given_network(args, "runs/biggan_digits")
    if args.output is None:
        raise InputError(f"give --output, such as --output={output}")
    return given


def truncation_mode(args: flags.FlagValues) -> str:
    """Returns the mode of --mode and --truncation: the paper's for a truncation without a mode."""
    return args.mode or ("none" if args.truncation is None else "resample")
