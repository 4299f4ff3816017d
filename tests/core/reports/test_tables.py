"""Tables as text."""

import pytest

from jaxrepro.core.reports.tables import aligned, markdown, number


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((28.314, 2), "28.31"), ((28.314, 2, 0.4249), "28.31 ± 0.42"), ((None, 2), "-")],
)
def test_numbers(arguments, text):
    assert number(*arguments) == text


def test_numbers_are_at_the_right_and_words_at_the_left():
    table = aligned(["net", "set", "dB"], [["a", "set14", "9.5"], ["long", "b", "28.31 ± 0.42"]])
    assert table.split("\n") == [
        "net   set              dB",
        "----  -----  ------------",
        "a     set14           9.5",
        "long  b      28.31 ± 0.42",
    ]


def test_wide_characters_take_two_columns():
    first, _, row = aligned(["x", "y"], [["名", "1"]]).split("\n")
    assert first == "x   y"
    assert row == "名  1"


def test_markdown_escapes_what_would_end_a_cell():
    assert markdown(["a|b", "n"], [["x\ny", "1"]]) == "| a\\|b | n |\n| --- | ---: |\n| x y | 1 |"
