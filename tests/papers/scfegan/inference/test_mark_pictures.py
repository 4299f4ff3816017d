import io

import numpy as np
import pytest
from PIL import Image

from jaxrepro.data.formats.picture_files import Picture, decode_picture, write_picture
from jaxrepro.papers.scfegan.inference import edit_files
from jaxrepro.papers.scfegan.inference.mark_pictures import (
    colors_of,
    erased_text,
    mask_warning,
)
from jaxrepro.papers.scfegan.studio.photos import read_layers

_SIDE = 64
_SQUARE = np.zeros((_SIDE, _SIDE), np.uint8)
_SQUARE[20:30, 20:30] = 255
_OPAQUE = np.full_like(_SQUARE, 255)
_BLACK = np.zeros_like(_SQUARE)
_NOISE = np.random.default_rng(0).integers(250, 256, _SQUARE.shape).astype(np.uint8)


def _file(*channels):
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(channels)]
    buffer = io.BytesIO()
    Image.merge(mode, [Image.fromarray(one) for one in channels]).save(buffer, "PNG")
    return buffer.getvalue()


_FILES = {
    "grey": _file(_SQUARE),
    "opaque grey": _file(_SQUARE, _OPAQUE),
    "opaque colour": _file(_SQUARE, _SQUARE, _SQUARE, _OPAQUE),
    "alpha 120 all over": _file(_SQUARE, _SQUARE, _SQUARE, np.full_like(_SQUARE, 120)),
    "nearly opaque": _file(_SQUARE, _SQUARE, _SQUARE, _NOISE),
    "layer of white strokes": _file(_SQUARE, _SQUARE, _SQUARE, _SQUARE),
    "layer of black strokes": _file(_BLACK, _BLACK, _BLACK, _SQUARE),
    "white layer": _file(_OPAQUE, _SQUARE),
}


@pytest.mark.parametrize("name", _FILES)
def test_the_command_and_the_studio_take_the_same_100_pixels(name, tmp_path):
    path = tmp_path / "mask.png"
    path.write_bytes(_FILES[name])
    mask = edit_files.read_marks(path, np.zeros((_SIDE, _SIDE, 3)))
    layers = read_layers({"mask": _FILES[name], "sketch": _FILES[name]}, (_SIDE, _SIDE), 10**6)
    assert mask.dtype == np.uint8
    for marks in (mask, layers.mask, layers.sketch):
        np.testing.assert_array_equal(marks[..., 0], _SQUARE // 255)
    assert erased_text(mask) == "erases 2 %"
    assert mask_warning(mask) == ""


def test_sixteen_bits_of_opaque_alpha_leave_brightness_to_decide(tmp_path):
    wide = _SQUARE.astype(np.uint16) * 257
    picture = Picture(np.repeat(wide[..., None], 3, 2), np.full_like(wide, 65535))
    write_picture(tmp_path / "mask.png", picture)
    assert edit_files.read_marks(tmp_path / "mask.png", picture.color).sum() == 100


def test_a_layer_that_is_transparent_all_over_marks_nothing():
    layers = read_layers({"mask": _file(_OPAQUE, _BLACK)}, (_SIDE, _SIDE), 10**6)
    assert not layers.mask.any()


@pytest.mark.parametrize(
    ("alpha", "number"),
    [(None, 4096), (_OPAQUE, 4096), (_NOISE, 4096), (_SQUARE, 100), (_BLACK, 0)],
)
def test_a_layer_of_colour_counts_where_it_is_opaque(alpha, number):
    channels = [_SQUARE, _BLACK, _OPAQUE] + ([] if alpha is None else [alpha])
    data = _file(*channels)
    color, strokes = colors_of(decode_picture(data, "layer"))
    assert strokes.sum() == number
    np.testing.assert_array_equal(color, np.dstack([_SQUARE, _BLACK, _OPAQUE]))
    layers = read_layers({"mask": _FILES["grey"], "color": data}, (_SIDE, _SIDE), 10**6)
    np.testing.assert_array_equal(layers.strokes, strokes)
    np.testing.assert_array_equal(layers.color, color * strokes)


def test_a_mask_of_black_on_white_is_warned_about():
    mask = 1 - _SQUARE[..., None] // 255
    assert erased_text(mask) == "erases 98 %"
    assert "black on white" in mask_warning(mask)
    assert mask_warning(np.concatenate([mask[:32] * 0, mask[32:]])) == ""


def test_small_shares_are_not_shown_as_nothing():
    mask = np.zeros((100, 100, 1), np.uint8)
    mask[0, :30] = 1
    assert erased_text(mask) == "erases 0.3 %"
