import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices
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


TEN = ("1", "10", "2", "3", "4", "5", "6", "7", "8", "9")


@pytest.mark.parametrize(
    ("word", "names"),
    [("0", TEN), ("01", TEN), ("1", ("3", "47", "101", "205")), ("1", ("1.0", "2.0")), ("5", "70")],
)
def test_where_all_classes_are_called_by_numbers_a_number_is_no_index(word, names):
    message = f"no class '{word}'; all classes are called by numbers, which are names then: "
    with pytest.raises(InputError, match=message + ", ".join(names)):
        parse_class(word, names)


def test_such_names_are_found_and_their_order_is_told_once(capsys):
    notices.forget()
    assert parse_classes(["10", "2"], TEN) == [1, 2]
    assert parse_classes(None, TEN) == list(range(10))
    text = "the classes are called by numbers and are in this order, counted from 0: 1, 10, 2, 3"
    assert capsys.readouterr().out == f"note: {text}, 4, 5, ...\n"
    # Their own numbers, or a name among them that is none: nothing to say.
    assert parse_classes(["2"], ("0", "1", "2")) == [2]
    assert parse_classes(["1"], ("3", "hen")) == [1]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("word", ["8", "-1", "cow", "", " "])
def test_what_does_not_exist_is_said(word):
    with pytest.raises(InputError, match=f"no class {word!r}; classes are 0 to 6, named tabby"):
        parse_class(word, NAMES)
