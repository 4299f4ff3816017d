import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.sources import open_source


def test_it_has_classes_and_no_images():
    source = open_source("described:12", channels=1)
    assert (source.num_classes, source.channels) == (12, 1)
    assert source.class_names[:2] == ("0", "1")
    assert repr(source) == "DescribedSource('described:12', split='train', channels=1)"
    for use in (lambda: len(source), lambda: source[0], lambda: source.labels):
        with pytest.raises(
            InputError, match=r"described:12 describes a data set and has no images"
        ):
            use()


def test_wrong_numbers():
    with pytest.raises(InputError, match="number of classes must be at least 1"):
        open_source("described:0")
    with pytest.raises(InputError, match="unknown data source 'described:many'"):
        open_source("described:many")
