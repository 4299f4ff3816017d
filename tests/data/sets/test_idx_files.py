"""idx files: what is read, unpacked or not, and what is refused in one line."""

import gzip
import struct

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.idx_files import IdxSource
from jaxrepro.data.sources import open_source

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 4, 3), np.uint8)
LABELS = np.array([0, 2, 1, 2, 0], np.uint8)


def idx(array):
    """Returns the bytes of an idx file."""
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write(folder, name, content):
    packed = gzip.compress(content) if name.endswith(".gz") else content
    (folder / name).write_bytes(packed)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "train-images-idx3-ubyte", idx(IMAGES))
    write(tmp_path, "train-labels-idx1-ubyte.gz", idx(LABELS))
    write(tmp_path, "t10k-images.idx3-ubyte.gz", idx(IMAGES[:2]))
    write(tmp_path, "t10k-labels.idx1-ubyte", idx(LABELS[:2]))
    return tmp_path


def test_both_splits_are_read(folder):
    source = open_source(f"idx:{folder}", channels=3)
    assert source.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(source.labels, LABELS)
    np.testing.assert_array_equal(source[3]["image"], np.repeat(IMAGES[3][..., None], 3, axis=2))
    test = open_source(f"idx:{folder}", split="test", channels=1)
    assert len(test) == 2
    assert test.class_names == source.class_names
    np.testing.assert_array_equal(test[1]["image"], IMAGES[1][..., None])


def test_other_pixels_are_another_set(folder):
    before = IdxSource(folder).fingerprint()
    write(folder, "train-images-idx3-ubyte", idx(IMAGES[::-1]))
    assert IdxSource(folder).fingerprint() != before


def test_what_is_no_such_set_is_one_line(folder):
    image, label = "train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"
    whole, labels = idx(IMAGES), idx(LABELS)
    cases = (
        (image, whole[:-1], "holds 59 of 60 bytes that its sizes (5, 4, 3) ask for"),
        (image, whole + b"x", "holds more than the 60 bytes"),
        (image, whole[:9], "ends within its header"),
        (image, b"", "begins with nothing; an idx file of images with 00 00 08 03"),
        (image, labels, "begins with 00 00 08 01; an idx file of images"),
        (image, b"\0\0\x0d\x03" + whole[4:], "begins with 00 00 0d 03"),
        (image, whole[:4] + b"\xff" * 12, "says that its array is (4294967295, "),
        (image, idx(IMAGES[:4]), "has 4 images, "),
        (image, idx(IMAGES[:, :0]), "has images of (5, 0, 3), which are none"),
        (label, whole, "an idx file of labels with 00 00 08 01"),
    )
    for name, content, message in cases:
        before = (folder / name).read_bytes()
        write(folder, name, content)
        with pytest.raises(InputError) as caught:
            IdxSource(folder)
        assert message in str(caught.value)
        assert name in str(caught.value)
        (folder / name).write_bytes(before)
    packed = (folder / label).read_bytes()
    for damaged in (packed[:-9], packed[:-8] + b"\0" * 8, b"no gzip"):
        (folder / label).write_bytes(damaged)
        with pytest.raises(InputError, match="cannot be read: .*; get it again"):
            IdxSource(folder)
    (folder / label).write_bytes(packed)
    write(folder, "t10k-labels.idx1-ubyte", idx(np.array([0, 3], np.uint8)))
    with pytest.raises(InputError, match="has the label 3, training has 3"):
        IdxSource(folder, split="test")
    (folder / image).unlink()
    with pytest.raises(InputError, match="has no train-images-idx3-ubyte, also none that"):
        IdxSource(folder)
    with pytest.raises(InputError, match="has no split 'val'; its splits are train and test"):
        IdxSource(folder, split="val")
