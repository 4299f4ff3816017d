"""Names of classes that are numbers, and are easily taken for the numbers of the classes."""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)?\s*")
_UNSAFE = re.compile(r"[^\w.+-]+")
_LISTED = 6
_LONGEST = 40


def are_numbers(names: Sequence[str]) -> bool:
    """Returns whether every class is called by a number: then a number is a name and no index."""
    return bool(names) and all(_NUMBER.fullmatch(name) for name in names)


def order_note(names: Sequence[str]) -> str:
    """Returns a line on the order of classes that are called by other numbers than theirs.

    "" for any others.
    """
    if not are_numbers(names) or list(names) == [str(i) for i in range(len(names))]:
        return ""
    shown = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    return f"the classes are called by numbers and are in this order, counted from 0: {shown}"


def file_word(number: int, names: Sequence[str]) -> str:
    """Returns class `number` as a part of a file's name: "7" or "207_golden_retriever".

    Where all classes are called by numbers, the name alone. Otherwise the number of the class, and
    its name with "_" for all but letters, digits and "+-.", cut after 40 characters.
    """
    name = _UNSAFE.sub("_", names[number].strip())[:_LONGEST].strip("._")
    return name if are_numbers(names) else f"{number}_{name}" if name else f"{number}"
