"""What a model card may say, whoever wrote it: numbers of which a network can be made."""

from typing import Any

# Of any width, kernel or side: beyond these the shapes alone overflow what XLA counts with.
LARGEST_SIZE = 2**15
# Layers, blocks or stacks in a row: more would take the time of days to write out.
MOST_LAYERS = 64


def is_size(value: Any, *, least: int = 1) -> bool:
    """Returns whether a value of a card is a whole number that a width or a side can be."""
    return type(value) is int and least <= value <= LARGEST_SIZE


def is_count(value: Any) -> bool:
    """Returns whether a value of a card is a whole number of layers, blocks or stacks."""
    return type(value) is int and 1 <= value <= MOST_LAYERS
