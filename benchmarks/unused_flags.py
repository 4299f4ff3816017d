"""Refuses flags that a command would take and then leave unread."""

from collections.abc import Sequence

from absl import flags

from jaxrepro.core.errors import InputError


def refuse(args: flags.FlagValues, names: Sequence[str], because: str) -> None:
    """Raises InputError if one of the flags `names` is given, even with the value it has anyway.

    because: why it has no effect, and what to do, to stand after "--size has no effect ".
    """
    if given := [f"--{name}" for name in names if args[name].present]:
        has = "has" if len(given) == 1 else "have"
        raise InputError(f"{', '.join(given)} {has} no effect {because}")
