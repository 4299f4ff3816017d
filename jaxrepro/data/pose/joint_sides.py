"""Which joints are the left and the right of one another, told by their names.

A joint has a side if one word of its name is left, right, l or r, in capitals or not. Words end at
blanks, signs and digits, and where a capital begins: left_toe, "L big toe", toe.R, LeftToe and lToe
have one. left and right may also be grown together with another word: lefttoe. Two joints are
partners if their names are the same but for the side. Of joints without such a word, two are
partners if their names differ in the first letter only, and these are l and r: lsho and rsho.
"""

import collections
import re
from collections.abc import Sequence

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\WA-Z\d_]+|[A-Z]+|\d+")
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_OTHER = {"left": "right", "right": "left"}
_GROWN = re.compile(r"(left|right)(.+)|(.+)(left|right)")


def find_partners(joints: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Returns (for each joint the number of its partner, or its own; joints that lack theirs).

    A joint lacks its partner if its name has a side and no joint, or more than one, has the name of
    the other.
    """
    sides = [_side(joint) for joint in joints]
    places = collections.defaultdict(list)
    for number, found in enumerate(sides):
        if found is not None:
            places[found].append(number)
    plain = {joint.casefold(): i for i, joint in enumerate(joints) if sides[i] is None}
    order, lonely = [], []
    for number, (joint, found) in enumerate(zip(joints, sides, strict=True)):
        partner = number
        if found is not None:
            words, side = found
            others = places.get((words, _OTHER[side]), [])
            if len(others) == len(places[found]) == 1:
                partner = others[0]
            else:
                lonely.append(joint)
        else:
            first, rest = joint[:1].casefold(), joint[1:].casefold()
            partner = plain.get({"l": "r", "r": "l"}.get(first, first) + rest, number)
        order.append(partner)
    return tuple(order), tuple(lonely)


def _side(joint: str) -> tuple[tuple[str, ...], str] | None:
    """Returns (the words of a name, the side as a blank one; the side), None if it has none."""
    words = [word.casefold() for word in _WORD.findall(joint)]
    found = [i for i, word in enumerate(words) if word in _OTHER]
    found = found or [i for i, word in enumerate(words) if word in _SIDES]
    if not found:
        for i, word in enumerate(words):
            if match := _GROWN.fullmatch(word):
                parts = [part for part in match.groups() if part]
                words[i : i + 1] = parts
                found = [i + next(j for j, part in enumerate(parts) if part in _OTHER)]
                break
    if not found:
        return None
    place = found[0]
    return (*words[:place], "", *words[place + 1 :]), _SIDES[words[place]]
