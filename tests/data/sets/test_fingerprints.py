import os
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets import fingerprints
from jaxrepro.data.sets.fingerprints import files_digest, weights_file
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.data.source import Source, identity_of, probed_digest
from jaxrepro.data.sources import open_source
from jaxrepro.data.views import Subset


class Shades(Source):
    """Images of one colour, as a paper's own source has them."""

    def __init__(self, spec):
        super().__init__(spec, split="train", channels=1, class_names=("dark", "light"))

    @property
    def labels(self):
        return np.arange(40, dtype=np.int32) // 20

    def read_image(self, index):
        return np.full((4, 4, 1), index, np.uint8)


def write_classes(root, seed=0):
    rng = np.random.default_rng(seed)
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for i in range(2):
            pixels = rng.integers(0, 256, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


def test_a_copied_folder_is_the_same_and_another_of_the_same_sizes_is_not(tmp_path):
    write_classes(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path / "b").rglob("*.png"):
        os.utime(path, (1, 1))
    write_classes(tmp_path / "c", seed=1)
    (tmp_path / "d").mkdir()
    shutil.copytree(tmp_path / "a" / "bee", tmp_path / "d" / "ant")
    shutil.copytree(tmp_path / "a" / "ant", tmp_path / "d" / "bee")
    a, b, c, d = (open_source(f"folder:{tmp_path / name}").identity() for name in "abcd")
    assert a.is_same(b) and a.class_names == ("ant", "bee") and a.num_examples == 4
    assert not a.is_same(c) and not a.is_same(d)
    pictures = [open_pictures(f"folder:{tmp_path / name}").identity() for name in "abc"]
    assert pictures[0].is_same(pictures[1]) and not pictures[0].is_same(pictures[2])


def test_of_large_sets_a_few_files_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprints, "_SMALL", 20)
    read = []
    hashed = fingerprints.file_sha256
    monkeypatch.setattr(fingerprints, "file_sha256", lambda path: read.append(path) or hashed(path))
    paths = [tmp_path / f"{i:02}" for i in range(40)]
    for path in paths:
        path.write_bytes(b"12")
    files = [(path.name, path) for path in paths]
    before = files_digest(files)
    assert len(read) == 16 and {paths[0], paths[-1]} <= set(read)
    paths[1].write_bytes(b"123")  # Not among them: its size tells.
    assert files_digest(files) != before
    paths[0].unlink()
    with pytest.raises(InputError, match=r"cannot read .*00: No such file"):
        files_digest(files)


def test_a_file_of_weights_is_known_by_its_content(tmp_path):
    for name, content in (("a.npz", b"1"), ("b.npz", b"1"), ("c.npz", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (weights_file(str(tmp_path / f"{name}.npz")) for name in "abc")
    assert a == b != c and weights_file(str(tmp_path / "d.npz")) is None


def test_examples_of_any_kind_are_known_by_a_few():
    texts = [{"text": f"line {i}", "tokens": np.arange(i)} for i in range(50)]
    other = [*texts[:49], {"text": "another", "tokens": np.arange(49)}]
    objects = [{"words": np.array(["a", None], object)} for _ in range(3)]
    assert identity_of(texts) == identity_of(list(texts)) != identity_of(other)
    assert probed_digest(texts) != probed_digest(texts[:49])
    assert probed_digest(objects) == probed_digest([{"words": np.array(["a", None], object)}] * 3)
    shades = Shades("here")
    assert identity_of(shades) == Shades("there").identity()
    half = Subset(shades, range(20))
    assert half.identity().is_same(Subset(shades, range(20)).identity())
    assert not half.identity().is_same(shades.identity())
    assert open_source("described:3").identity().class_names == ("0", "1", "2")
