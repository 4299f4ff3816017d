import pytest

from jaxrepro.data.sets.class_names import are_numbers, file_word, order_note


def test_numbers_as_names():
    assert are_numbers(("1", "10", "2")) and are_numbers(("-1", "0.5", "+2"))
    assert not are_numbers(("1", "hen")) and not are_numbers(())
    assert order_note(("1", "10", "2")).endswith("counted from 0: 1, 10, 2")
    assert order_note(("0", "1", "2")) == order_note(("hen", "tabby")) == ""


@pytest.mark.parametrize(
    ("number", "names", "word"),
    [
        (1, ("1", "10", "2"), "10"),
        (3, ("0", "1", "2", "3"), "3"),
        (0, ("tabby, tabby cat", "hen"), "0_tabby_tabby_cat"),
        (1, ("hen", "../../etc/a b"), "1_etc_a_b"),
        (1, ("hen", "kläß 1%#"), "1_kläß_1"),
        (1, ("hen", "?*"), "1"),
        (0, ("x" * 90, "hen"), "0_" + "x" * 40),
    ],
)
def test_a_class_in_the_name_of_a_file(number, names, word):
    assert file_word(number, names) == word
