"""From what a user writes for a class to its number."""

from collections.abc import Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices
from jaxrepro.data.sets.class_names import are_numbers, order_note

_LISTED = 10


def parse_classes(given: Sequence[str] | None, class_names: Sequence[str]) -> list[int]:
    """Returns the class numbers of numbers or names; all classes for None.

    A name may be a whole one, one of several that are joined by commas, or a part that no other
    class has, in any case of letters: "tabby" for "tabby, tabby cat". Where all classes are called
    by numbers, a number is a name only, and their order is told. A class given twice counts once.
    Raises InputError for one that does not exist or could be several.
    """
    notices.tell(order_note(class_names))
    if not given:
        return list(range(len(class_names)))
    return list(dict.fromkeys(parse_class(word, class_names) for word in given))


def parse_class(word: str, class_names: Sequence[str]) -> int:
    """Returns the number of one class, given as in `parse_classes`."""
    wanted = word.strip().casefold()
    names = [name.casefold() for name in class_names]
    numbered = are_numbers(class_names)
    is_index = wanted.isdecimal() and not numbered and int(wanted) < len(names)
    # From the strictest reading to the loosest. A class may be called "7", so names come first.
    readings = (
        [i for i, name in enumerate(names) if name == wanted],
        [i for i, name in enumerate(names) if wanted in map(str.strip, name.split(","))],
        [int(wanted)] if is_index else [],
        # No part of a name: a number that is too large, or nothing at all.
        [i for i, name in enumerate(names) if wanted in name] if not wanted.isdecimal() else [],
    )
    found = next((classes for classes in readings if wanted and classes), [])
    if len(found) == 1:
        return found[0]
    if found:
        listed = "; ".join(f"{i} {class_names[i]}" for i in found[:_LISTED])
        more = "; ..." if len(found) > _LISTED else ""
        raise InputError(
            f"class {word!r} could be {len(found)} classes: {listed}{more}. Give the number or "
            "more of the name"
        )
    first = ", ".join(class_names[:_LISTED]) + (", ..." if len(class_names) > _LISTED else "")
    if order_note(class_names):
        raise InputError(
            f"no class {word!r}; all classes are called by numbers, which are names then: {first}"
        )
    raise InputError(f"no class {word!r}; classes are 0 to {len(class_names) - 1}, named {first}")
