"""Flags of the commands that use a trained pose network: the people, and the search."""

from collections.abc import Sequence

from absl import flags

from jaxrepro.core.errors import InputError


def define_people_flags() -> None:
    """Defines --people, --split and --images."""
    flags.DEFINE_string(
        "people", None, "People of a set: figures, lsp:DIR, lspet:DIR, mpii:FILE or coco:FILE."
    )
    flags.DEFINE_string("split", "all", "Who of them: all, 1001-1250, or a part by name.")
    flags.DEFINE_string("images", None, "Folder of their pictures, if not beside the annotations.")


def define_search_flags(windows: Sequence[str]) -> None:
    """Defines --flip, --shift, --scales, --stacks, --decode, --windows and --num_draws.

    windows: what the command takes of `pooling_windows.WINDOWS`.
    """
    flags.DEFINE_bool("flip", False, "Average with the mirrored picture: twice as slow.")
    flags.DEFINE_bool("shift", False, "With --flip: move mirrored maps by a cell, as in HRNet.")
    flags.DEFINE_bool("scales", False, "Average over six scales, 0.8 to 1.3: six times as slow.")
    flags.DEFINE_integer(
        "stacks", None, "Answer of this stack, counted from 1; later ones are not computed."
    )
    flags.DEFINE_string("decode", None, "How maps become joints; the network's own by default.")
    flags.DEFINE_enum("windows", "seeded", windows, "Of fractional pooling.")
    flags.DEFINE_integer("num_draws", 1, "With --windows=averaged: draws.", lower_bound=1)


def check_flags(args: flags.FlagValues) -> None:
    """Raises InputError where a flag would have no effect."""
    if args.num_draws > 1 and args.windows != "averaged":
        raise InputError("--num_draws is of use with --windows=averaged only; give that too")
    if args.shift and not args.flip:
        raise InputError("--shift is of use with --flip only; give that too")
