import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices, run_record
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.sets import bundled
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform


def write_image(path, value, size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


@pytest.fixture
def folder(tmp_path):
    for name, values in {"dog": (1, 2, 3), "cat": (4, 5)}.items():
        for value in values:
            write_image(tmp_path / name / f"{value}.png", value)
    return tmp_path


def test_digits_are_the_real_ones_and_split_by_class():
    from sklearn.datasets import load_digits

    whole = open_source("digits", split="all", channels=1)
    np.testing.assert_array_equal(whole.labels, load_digits().target)
    expected = load_digits().images[17] * 255 / 16
    assert np.abs(whole[17]["image"][..., 0] - expected).max() <= 0.5
    train, test = (open_source("digits", split=s, channels=1) for s in ("train", "test"))
    assert (len(whole), len(train), len(test)) == (1797, 1437, 360)
    np.testing.assert_allclose(np.bincount(test.labels), np.bincount(whole.labels) / 5, atol=1)

    def content(source):
        return sorted(item["image"].tobytes() for item in source)

    assert sorted(content(train) + content(test)) == content(whole)


def test_digits_have_the_wanted_channels():
    assert open_source("digits", channels=1)[0]["image"].shape == (8, 8, 1)
    assert open_source("digits", channels=3)[0]["image"].shape == (8, 8, 3)


def test_photos_are_ten_different_colour_photographs():
    source = open_source("photos")
    assert source.num_classes == 10
    assert len(source) == 1000
    np.testing.assert_array_equal(source.labels[:12], [*range(10), 0, 1])
    for item in (source[i] for i in range(10)):
        image = item["image"].astype(int)
        assert min(image.shape[:2]) >= 300
        assert np.abs(image[..., 0] - image[..., 2]).mean() > 2
    assert source[3]["image"] is source[13]["image"]


def test_a_photograph_that_the_package_lacks_is_named(monkeypatch):
    gone = ("gone", "skimage", "scikit-image", "data/gone.png")
    monkeypatch.setattr(bundled, "PHOTOS", (*bundled.PHOTOS, gone))
    with pytest.raises(InputError, match=r"scikit-image \d.* does not hold skimage/data/gone.png"):
        open_source("photos")


def test_folder_sorts_classes_and_files(folder):
    (folder / "dog" / "notes.txt").write_text("not an image")
    (folder / ".cache").mkdir()
    source = open_source(f"folder:{folder}")
    assert source.class_names == ("cat", "dog")
    assert source.labels.tolist() == [0, 0, 1, 1, 1]
    assert source.labels.dtype == np.int32
    assert [item["image"][0, 0, 0] for item in source] == [4, 5, 1, 2, 3]
    assert [item["label"] for item in source] == [0, 0, 1, 1, 1]
    assert source[0]["image"].shape == (5, 6, 3)


def test_folder_accepts_one_class(folder):
    source = open_source(f"folder:{folder.rename(folder.with_name('one'))}")
    assert source.num_classes == 2
    for file in (source.root / "cat").iterdir():
        file.unlink()
    (source.root / "cat").rmdir()
    assert open_source(f"folder:{source.root}").num_classes == 1


def test_folder_splits_are_subfolders_with_classes(folder):
    write_image(folder.parent / "sets" / "train" / "a" / "0.png", 0)
    write_image(folder.parent / "sets" / "test" / "a" / "0.png", 9)
    spec = f"folder:{folder.parent / 'sets'}"
    assert open_source(spec, split="train")[0]["image"][0, 0, 0] == 0
    assert open_source(spec, split="test")[0]["image"][0, 0, 0] == 9
    assert len(open_source(f"folder:{folder}", split="all")) == 5
    with pytest.raises(InputError, match="no split 'val'"):
        open_source(spec, split="val")


def test_a_class_called_train_is_a_class(folder):
    write_image(folder / "train" / "locomotive.png", 7)
    assert open_source(f"folder:{folder}").class_names == ("cat", "dog", "train")


def test_wrong_folder_levels_are_explained(folder, tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        open_source(f"folder:{folder / 'nowhere'}")
    with pytest.raises(InputError, match="images lie directly in"):
        open_source(f"folder:{folder / 'dog'}")
    with pytest.raises(InputError, match="neither class folders nor images"):
        (folder / "void").mkdir()
        open_source(f"folder:{folder / 'void'}")
    with pytest.raises(InputError, match="empty class folder: void"):
        open_source(f"folder:{folder}")
    (folder / "void").rmdir()
    write_image(tmp_path / "dog" / "puppy" / "0.png", 0)
    for file in (tmp_path / "dog").glob("*.png"):
        file.unlink()
    with pytest.raises(InputError, match="wrong folder level: .*dog holds folders"):
        open_source(f"folder:{tmp_path}")


def test_what_a_folder_of_classes_holds_beside_is_told_once(folder, capsys):
    notices.forget()
    for name in ("a.heic", "b.HEIC", "bare", "notes.txt"):
        (folder / "dog" / name).write_bytes(b"x")
    (folder / "cat" / "boxes").mkdir()
    (folder / "cat" / "boxes" / "1.xml").write_text("")
    write_image(folder / "preview.png", 7)
    sources = [open_source(f"folder:{folder}", split=split) for split in ("train", "all")]
    expected = (
        f"not read in {folder}: 2 .heic, 1 without ending (such as bare), 1 .txt, 1 folder inside "
        "class folders, 1 picture beside the class folders (such as preview.png)"
    )
    assert capsys.readouterr().out == f"note: {expected}\n"
    assert [len(source) for source in sources] == [5, 5]
    assert {source.not_read for source in sources} == {expected}
    assert run_record.noticed() == {"notices": [expected]}
    notices.forget()
    assert run_record.noticed() == {}


def test_every_kind_of_picture_in_class_folders_is_read(folder, capsys):
    notices.forget()
    for ending, kind in (("tif", "TIFF"), ("TIFF", "TIFF"), ("jfif", "JPEG"), ("jpe", "JPEG")):
        Image.new("RGB", (6, 5), (9, 9, 9)).save(folder / "dog" / f"new.{ending}", kind)
    source = open_source(f"folder:{folder}")
    assert (len(source), source.not_read, capsys.readouterr().out) == (9, "", "")
    assert all(source[i]["image"].shape == (5, 6, 3) for i in range(9))
    assert open_source("digits").not_read == ""


def test_a_class_with_pictures_and_folders_of_pictures_is_refused(folder):
    write_image(folder / "dog" / "more" / "deep" / "1.png", 0)
    (folder / "dog" / "boxes").mkdir()
    message = r"dog holds images \(such as 1.png\) and folders of images \(more\): give folder:"
    with pytest.raises(InputError, match=message):
        open_source(f"folder:{folder}")


def test_classes_one_level_too_high_are_refused_in_spite_of_a_stray_picture(tmp_path):
    for name in ("cat/1.png", "dog/1.png", "preview.png"):
        write_image(tmp_path / "images" / name, 0)
    with pytest.raises(InputError, match=r"images \(such as preview.png\) and .* \(cat, dog\): "):
        open_source(f"folder:{tmp_path}")
    source = open_source(f"folder:{tmp_path / 'images'}")
    assert source.class_names == ("cat", "dog")
    assert source.not_read.endswith("1 picture beside the class folders (such as preview.png)")


def test_an_empty_class_says_what_is_in_it(folder):
    (folder / "void").mkdir()
    (folder / "void" / "1.heic").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty class folder: void .*not read in .*: 1 \.heic"):
        open_source(f"folder:{folder}")


def test_a_bad_file_is_named_by_the_pipeline(folder):
    (folder / "dog" / "2.png").write_bytes(b"junk")
    source = open_source(f"folder:{folder}")
    transform = square_transform(4, channels=3)
    with (
        train_iterator(source, transform, seed=0, batch_shape=(5,), start_step=0) as batches,
        pytest.raises(InputError, match=r"dog/2\.png: not a readable image"),
    ):
        next(batches)


@pytest.mark.parametrize("spec", ["digits", "photos", "folder"])
def test_sources_survive_pickling(folder, spec):
    source = open_source(f"folder:{folder}" if spec == "folder" else spec)
    copy = pickle.loads(pickle.dumps(source))
    assert repr(copy) == repr(source)
    assert "0x" not in repr(source)
    assert copy.fingerprint() == source.fingerprint()
    np.testing.assert_array_equal(copy[1]["image"], source[1]["image"])
    assert copy[1]["label"] == source.labels[1]


def test_indices_outside_are_refused():
    source = open_source("digits")
    for index in (-1, len(source)):
        with pytest.raises(IndexError):
            source[index]


def test_the_fingerprint_follows_the_files(folder):
    before = open_source(f"folder:{folder}").fingerprint()
    write_image(folder / "dog" / "new.png", 1)
    assert open_source(f"folder:{folder}").fingerprint() != before


def test_names_that_are_not_utf8_are_read_as_others(folder):
    before = open_source(f"folder:{folder}").fingerprint()
    for name in (b"caf\xe9", b"caf\xe8"):
        write_image(folder / os.fsdecode(name) / os.fsdecode(b"\xff.png"), 1)
    source = open_source(f"folder:{folder}")
    assert source.class_names == ("caf\udce8", "caf\udce9", "cat", "dog")
    assert json.loads(json.dumps(source.class_names)) == list(source.class_names)
    assert source[0]["image"].shape == (5, 6, 3)
    found = source.fingerprint()
    (folder / "caf\udce9").rename(folder / "caf\udcea")
    other = open_source(f"folder:{folder}").fingerprint()
    assert len({before, found, other}) == 3


@pytest.mark.parametrize("spec", ["", "digit", "folder", "folder:", "digits:x", "imagenet"])
def test_unknown_specs_list_the_allowed_ones(spec):
    with pytest.raises(InputError, match="unknown data source.*folder:DIR, idx:DIR, tfds:NAME"):
        open_source(spec)


def test_unknown_splits_and_channels_are_refused():
    with pytest.raises(InputError, match="digits has no split 'val'"):
        open_source("digits", split="val")
    with pytest.raises(InputError, match="photos has no split"):
        open_source("photos", split="test")
    with pytest.raises(InputError, match="channels=2"):
        open_source("digits", channels=2)


def test_importing_the_data_layer_is_light():
    heavy = "{'jax', 'sklearn', 'skimage', 'tensorflow_datasets', 'tensorflow', 'array_record'}"
    code = f"import sys, jaxrepro.data.sources; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
