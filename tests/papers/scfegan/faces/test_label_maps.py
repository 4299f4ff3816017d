import numpy as np
import pytest
from PIL import ExifTags, Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.exif import upright
from jaxrepro.papers.scfegan.faces.label_maps import LabelMaps, fitted_labels, read_labels


def save(path, values, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, np.uint8))
    if mode == "P":
        image.putpalette([7 * i % 256 for i in range(768)])
    image.convert(mode).save(path) if mode == "RGB" else image.save(path)


def test_paletted_and_grey_files_are_indices(tmp_path):
    values = [[0, 1, 17], [18, 2, 3]]
    save(tmp_path / "a.png", values, "P")
    save(tmp_path / "below" / "b.png", values)
    maps = LabelMaps(tmp_path)
    for name in ("a", "elsewhere/a", "below/b"):
        labels = read_labels(maps.find(name))
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, values)
    assert maps.find("c") == () == maps.find("12")


def test_masks_of_parts_lie_over_each_other(tmp_path):
    square = np.zeros((4, 4), np.uint8)
    skin, hair, eye = square.copy(), square.copy(), square.copy()
    skin[1:], hair[:2], eye[2, 2] = 255, 255, 255
    save(tmp_path / "3" / "00012_skin.png", skin, "RGB")
    save(tmp_path / "3" / "00012_hair.png", hair, "RGB")
    save(tmp_path / "4" / "00012_l_eye.png", eye)
    maps = LabelMaps(tmp_path)
    assert maps.find("13") == ()
    labels = read_labels(maps.find("CelebA-HQ-img/12"))
    np.testing.assert_array_equal(labels, [[17] * 4, [17] * 4, [1, 1, 4, 1], [1] * 4])


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("a.png", [[0, 19]], "a.png: it holds the value 19"),
        ("a.png", np.eye(3)[..., None] * [[[1, 2, 3]]], "coloured without a palette"),
    ],
)
def test_other_values_are_named(tmp_path, name, values, message):
    save(tmp_path / name, values)
    with pytest.raises(InputError, match=message):
        read_labels(LabelMaps(tmp_path).find("a"))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_label_map_is_turned_with_its_picture(tmp_path, orientation):
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    stored = np.repeat(labels.repeat(20, 0).repeat(20, 1)[..., np.newaxis], 3, axis=2)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    pixels = upright(stored, orientation)
    fitted = fitted_labels(labels, tmp_path / "a.png", pixels)
    if orientation != 3:  # Of the shape of both: taken as upright.
        np.testing.assert_array_equal(fitted, pixels[10::20, 10::20, 0])
    shown = pixels[10::20, 10::20, 0]
    np.testing.assert_array_equal(fitted_labels(shown, tmp_path / "a.png", pixels), shown)
    with pytest.raises(InputError, match=r"a\.png is .*, and its label map is 4 x 4, of another"):
        fitted_labels(np.zeros((4, 4), np.uint8), tmp_path / "a.png", pixels)


def test_broken_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        LabelMaps(tmp_path / "none")
    with pytest.raises(InputError, match="holds no label map"):
        LabelMaps(tmp_path)
    (tmp_path / "a.png").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"a\.png: not a readable PNG"):
        read_labels(LabelMaps(tmp_path).find("a"))
    save(tmp_path / "7_skin.png", np.ones((4, 4)))
    save(tmp_path / "7_hair.png", np.ones((4, 5)))
    with pytest.raises(InputError, match=r"7_hair\.png: its size differs"):
        read_labels(LabelMaps(tmp_path).find("7"))
