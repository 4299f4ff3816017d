import io

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import decode_image, encode_png
from jaxrepro.data.formats.picture_files import Picture, write_picture

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels):
    image = COLOURS[..., :channels]
    np.testing.assert_array_equal(
        decode_image(encode_png(image), channels=channels, name="x"), image
    )


def test_a_palette_image_becomes_its_colours():
    image = Image.fromarray(COLOURS).convert("P")
    got = decode_image(encoded(image), channels=3, name="x")
    np.testing.assert_array_equal(got, np.asarray(image.convert("RGB")))


def test_transparent_pixels_are_laid_over_white():
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = [10, 20, 30, 255]
    got = decode_image(encoded(Image.fromarray(rgba)), channels=3, name="x")
    assert got[0, 0].tolist() == [10, 20, 30]
    assert got[1, 1].tolist() == [255, 255, 255]


def test_a_palette_with_a_transparent_entry_is_laid_over_white():
    image = Image.fromarray(np.array([[0, 1]], np.uint8), mode=None).convert("P")
    data = encoded(image, transparency=bytes([0] + [255] * 255))
    assert decode_image(data, channels=3, name="x")[0, 0].tolist() == [255, 255, 255]


def test_a_picture_that_is_transparent_all_over_is_no_white_picture():
    for image in (np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 2), np.uint8)):
        for kind in ("PNG", "TIFF"):
            with pytest.raises(InputError, match=r"^a\.png: it is transparent all over"):
                decode_image(encoded(Image.fromarray(image), kind), channels=3, name="a.png")


@pytest.mark.parametrize("image", [COLOURS, COLOURS[..., 0]], ids=["colour", "grey"])
@pytest.mark.parametrize("channels", [1, 3, None])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_tiff_is_read_as_png_is(image, channels, compression, tmp_path):
    image = Image.fromarray(image)
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(image, "TIFF", compression=compression))
    expected = decode_image(encoded(image), channels=channels, name="x")
    np.testing.assert_array_equal(decode_image(path, channels=channels, name="x"), expected)
    got = decode_image(path.read_bytes(), channels=channels, name="x")
    np.testing.assert_array_equal(got, expected)


def test_sixteen_bit_tiff_and_its_orientation(tmp_path):
    wide = COLOURS.astype(np.uint16) * 257
    write_picture(tmp_path / "a.tif", Picture(wide))
    got = decode_image(tmp_path / "a.tif", channels=3, name="x")
    np.testing.assert_array_equal(got, COLOURS)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.fromarray(COLOURS), "TIFF", exif=exif)
    np.testing.assert_array_equal(decode_image(turned, channels=3, name="x"), np.rot90(COLOURS, -1))


@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_tiff_that_is_not_one_picture_is_named():
    one = Image.fromarray(COLOURS)
    pages = encoded(one, "TIFF", save_all=True, append_images=[one])
    with pytest.raises(InputError, match=r"^a\.tif: it holds 2 frames or pages"):
        decode_image(pages, channels=3, name="a.tif")
    with pytest.raises(InputError, match=r"^a\.tif: its pixels are CMYK"):
        decode_image(encoded(one.convert("CMYK"), "TIFF"), channels=3, name="a.tif")
    with pytest.raises(InputError, match=r"^a\.tif: not a readable image"):
        decode_image(encoded(one, "TIFF")[:60], channels=3, name="a.tif")


def test_sixteen_bit_grey_is_scaled():
    image = Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16))
    got = decode_image(encoded(image), channels=1, name="x")
    assert got.ravel().tolist() == [0, 100, 255]


def test_cmyk_becomes_rgb():
    flat = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    got = decode_image(encoded(flat, "JPEG", quality=100), channels=3, name="x")
    np.testing.assert_allclose(got[4, 4], [255, 0, 0], atol=3)


def test_colour_becomes_luma_and_grey_is_repeated():
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    assert decode_image(encoded(red), channels=1, name="x").tolist() == [[[76]]]
    grey = Image.new("L", (1, 1), 7)
    assert decode_image(encoded(grey), channels=3, name="x").tolist() == [[[7, 7, 7]]]


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    data = encoded(Image.fromarray(COLOURS), "PNG", exif=exif)
    np.testing.assert_array_equal(decode_image(data, channels=3, name="x"), np.rot90(COLOURS, k=-1))


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(data, channels=3, name="x")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    "data", [b"", b"not an image", encoded(Image.fromarray(COLOURS))[:-30]], ids=len
)
def test_a_damaged_image_is_named(data):
    with pytest.raises(InputError, match=r"cat\.png: not a readable image"):
        decode_image(data, channels=3, name="cat.png")


@pytest.mark.parametrize("kind", ["EPS", "PPM", "ICO"])
def test_other_formats_are_refused(kind):
    data = encoded(Image.fromarray(COLOURS), kind)
    with pytest.raises(InputError, match="not a readable image"):
        decode_image(data, channels=3, name="x")


# Pillow warns from 1 and raises from 2 times the limit.
@pytest.mark.parametrize("factor", [1.5, 3])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused(monkeypatch, factor):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", round(35 / factor))
    with pytest.raises(InputError, match="decompression bomb"):
        decode_image(encode_png(COLOURS), channels=3, name="x")


def test_other_channel_counts_are_refused():
    with pytest.raises(InputError, match="channels=4"):
        decode_image(encode_png(COLOURS), channels=4, name="x")
