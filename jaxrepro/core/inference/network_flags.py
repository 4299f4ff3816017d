"""The flags that name a trained network: one spelling for every command that uses one."""

from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_network(*, several: bool = False, average: bool = False, default: str = "") -> None:
    """Defines --model and --step, and with `average` --average.

    several: whether --model takes a list. average: whether the paper's runs keep moving averages.
    default: what is taken without --model, for its help.
    """
    text = "the folder of a run or of an export, or a published file that the paper reads"
    text = f"{text}; {default}." if default else f"{text}."
    if several:
        flags.DEFINE_list("model", [], f"Trained networks with commas between them, each {text}")
    else:
        flags.DEFINE_string("model", None, f"Trained network: {text}")
    cli.define_step("Checkpoint of the run.")
    if average:
        flags.DEFINE_bool(
            "average", None, "The run's moving average, or not; by default where there is one."
        )


def given_network(args: flags.FlagValues, example: str) -> dict[str, Any]:
    """Returns what the flags give as arguments of a paper's function that loads a network.

    These are path, step and, where it is defined, average. example: of a path, for the message.
    Raises InputError without --model.
    """
    if args.model is None:
        raise InputError(f"give a trained network, such as --model={example}")
    return {"path": args.model} | _choices(args)


def given_networks(args: flags.FlagValues) -> list[dict[str, Any]]:
    """Returns the same for each network of a list, whose --step and --average are those of all.

    Empty items do not count.
    """
    return [{"path": path} | _choices(args) for path in args.model if path]


def _choices(args: flags.FlagValues) -> dict[str, Any]:
    return {"step": args.step} | ({"average": args.average} if hasattr(args, "average") else {})
