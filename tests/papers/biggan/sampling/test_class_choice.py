import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling.class_choice import parse_class, parse_classes

NAMES = ("tabby, tabby cat", "tiger cat", "crane", "hen", "crane", "7", "cattle")


def test_numbers_and_whole_names():
    assert parse_classes(None, NAMES) == [0, 1, 2, 3, 4, 5, 6]
    assert parse_classes(["hen", "0", "tiger cat", "3"], NAMES) == [3, 0, 1]
    assert parse_class("7", NAMES) == 5  # A name before a number.
    assert parse_class("6", NAMES) == 6


def test_synonyms_and_unique_parts():
    assert parse_class("tabby cat", NAMES) == 0
    assert parse_class("Tabby", NAMES) == 0
    assert parse_class("tige", NAMES) == 1
    assert parse_class("tabby, tabby cat", NAMES) == 0
    # As a list on the command line comes in.
    assert parse_classes(["tabby", "tabby cat"], NAMES) == [0]


def test_ambiguous_ones_are_listed():
    with pytest.raises(InputError, match="'cat' could be 3 classes: 0 tabby.*; 1 tiger cat; 6 cat"):
        parse_class("cat", NAMES)
    with pytest.raises(InputError, match="'crane' could be 2 classes: 2 crane; 4 crane. Give the"):
        parse_class("crane", NAMES)
    assert parse_class("4", NAMES) == 4
    with pytest.raises(InputError, match=r"30 classes: 0 .*9 a9; \.\.\."):
        parse_class("a", [f"a{i}" for i in range(30)])


@pytest.mark.parametrize("word", ["8", "-1", "cow", "", " "])
def test_what_does_not_exist_is_said(word):
    with pytest.raises(InputError, match=f"no class {word!r}; classes are 0 to 6, named tabby"):
        parse_class(word, NAMES)
