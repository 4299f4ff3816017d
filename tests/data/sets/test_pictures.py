import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.core.run import notices
from jaxrepro.data.sets.pictures import open_pictures

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOUR = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def test_a_flat_folder_in_the_order_of_names(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "b.png")
    Image.fromarray(GREY).save(tmp_path / "a.bmp")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("nor this")
    pictures = open_pictures(f"folder:{tmp_path}")
    assert (pictures.names, len(pictures)) == (("a", "b"), 2)
    assert pictures.label == tmp_path.name.lower()
    # Grey stays grey.
    np.testing.assert_array_equal(pictures.read(0), GREY[..., None])
    np.testing.assert_array_equal(pictures.read(1), COLOUR)


def test_folders_in_a_folder(tmp_path):
    for name in ("Set 5", ".git"):
        (tmp_path / name).mkdir()
        Image.fromarray(GREY).save(tmp_path / name / "x.png")
    assert open_pictures(f"folder:{tmp_path}").names == ("Set 5/x",)
    assert open_pictures(f"folder:{tmp_path / 'Set 5'}/").label == "set_5"


def test_tiff_is_a_picture_and_other_files_are_told(tmp_path, capsys):
    notices.forget()
    for number in range(3):
        Image.fromarray(COLOUR + np.uint8(number)).save(tmp_path / f"t{number}.tif")
    Image.fromarray(COLOUR).save(tmp_path / "p.png")
    for name in ("a.avif", "b.heic", "c.heic", "README", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    pictures = open_pictures(f"folder:{tmp_path}")
    assert pictures.names == ("p", "t0", "t1", "t2")
    np.testing.assert_array_equal(pictures.read(3), COLOUR + np.uint8(2))
    line = f"not read in {tmp_path}: 2 .heic, 1 without ending (such as README), 1 .avif"
    assert pictures.not_read == line
    open_pictures(f"folder:{tmp_path}")
    assert capsys.readouterr().out == f"note: {line}\n"


def test_what_comes_with_the_package():
    test, train = open_pictures("photos:test"), open_pictures("photos:train")
    assert test.names == ("astronaut", "cat", "coffee", "camera", "coins")
    assert len(train) == 9
    assert not set(test.names) & set(train.names)
    assert test.label == "photos_test"
    assert test.read(1).shape == (300, 451, 3)
    assert test.read(3).shape == (512, 512, 1)


def test_errors_name_the_folder_and_the_file(tmp_path):
    with pytest.raises(InputError, match=r"unknown pictures 'Set5'; allowed are folder:DIR"):
        open_pictures("Set5")
    with pytest.raises(InputError, match="missing is not a folder"):
        open_pictures(f"folder:{tmp_path / 'missing'}")
    with pytest.raises(InputError, match=r"no picture of the types \.png"):
        open_pictures(f"folder:{tmp_path}")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"broken\.png: not a readable image"):
        open_pictures(f"folder:{tmp_path}").read(0)
