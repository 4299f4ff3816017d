import io
import struct
import zlib

import numpy as np
import png
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import (
    Picture,
    check_format,
    read_colors,
    read_picture,
    write_picture,
)

RNG = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SHAPES = {"L": (9, 11), "LA": (9, 11, 2), "RGB": (9, 11, 3), "RGBA": (9, 11, 4)}
LOSSLESS = [".png", ".tif", ".webp"]


def random_samples(mode, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, SHAPES[mode], dtype=dtype)


def as_picture(samples, **about):
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.shape[2] in (2, 4):
        return Picture(samples[..., :-1], samples[..., -1], **about)
    return Picture(samples, **about)


def camera_exif(orientation=None):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Copyright] = "nobody"
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ISOSpeedRatings: 200,
        ExifTags.Base.ExifImageWidth: 11,
        ExifTags.Base.ExifImageHeight: 9,
        ExifTags.Base.ExposureTime: 0.008,
        ExifTags.Base.MakerNote: b"note",
    }
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    return exif


def stored(path):
    """The pixels of a file, whatever it says about them, and its EXIF data."""
    with Image.open(path) as image:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)
        return np.asarray(image), exif


def shown(path):
    """A picture as a viewer shows it that knows of orientation."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("mode", list(SHAPES))
def test_files_keep_pixels_profile_and_exif(tmp_path, suffix, mode):
    samples = random_samples(mode)
    profile = None if suffix == ".webp" and mode in ("L", "LA") else PROFILE
    about = {"icc_profile": profile, "exif": camera_exif().tobytes()[6:]}
    write_picture(tmp_path / f"a{suffix}", as_picture(samples, **about))
    got = read_picture(tmp_path / f"a{suffix}")
    want = as_picture(samples, **about)
    np.testing.assert_array_equal(got.color, np.broadcast_to(want.color, got.color.shape))
    np.testing.assert_array_equal(got.alpha, want.alpha)
    assert got.icc_profile == profile
    exif = Image.Exif()
    exif.load(got.exif)
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 200
    assert exif.get_ifd(ExifTags.IFD.GPSInfo) == {ExifTags.GPS.GPSLatitudeRef: "N"}


def test_jpeg_and_bmp(tmp_path):
    smooth = np.broadcast_to(np.linspace(20, 230, 16).astype(np.uint8)[:, None, None], (16, 16, 3))
    about = {"icc_profile": PROFILE, "exif": camera_exif().tobytes()[6:]}
    write_picture(tmp_path / "a.jpg", Picture(smooth, dots_per_inch=(72.0, 72.0), **about))
    got = read_picture(tmp_path / "a.jpg")
    np.testing.assert_allclose(got.color, smooth, atol=3)
    assert got.icc_profile == PROFILE and got.dots_per_inch == (72, 72)
    assert b"Maker" in got.exif
    samples = random_samples("RGB")
    write_picture(tmp_path / "a.bmp", Picture(samples))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.bmp").color, samples)


@pytest.mark.parametrize("suffix", [".jpg", *LOSSLESS])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_viewers_show_the_same_way_up(tmp_path, suffix, orientation):
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    corner = np.full((16, 24, 3), 255, np.uint8)
    corner[:8, :8] = 0
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    if suffix == ".webp":
        options = {"lossless": True}
    Image.fromarray(corner).save(source, exif=camera_exif(orientation).tobytes(), **options)
    picture = read_picture(source)
    write_picture(target, picture)
    # Also for viewers that do not know of it.
    for view in (shown(target), stored(target)[0], picture.color):
        np.testing.assert_allclose(view, shown(source), atol=2)
    assert picture.color.shape[:2] == ((24, 16) if orientation > 4 else (16, 24))
    assert stored(target)[1].get(ExifTags.Base.Orientation, 1) == 1


def test_palettes_become_colours_and_their_transparency_alpha(tmp_path):
    image = Image.fromarray(RNG.integers(0, 3, (9, 11), dtype=np.uint8)).convert("P")
    colors = np.array([[250, 0, 10], [0, 99, 0], [1, 2, 3]], np.uint8)
    image.putpalette(colors.tobytes())
    indices = np.asarray(image)
    image.save(tmp_path / "a.png")
    got = read_picture(tmp_path / "a.png")
    assert got.stored_as == "palette" and got.alpha is None
    np.testing.assert_array_equal(got.color, colors[indices])
    image.save(tmp_path / "b.png", transparency=bytes([0, 128, 255]))
    got = read_picture(tmp_path / "b.png")
    np.testing.assert_array_equal(got.color, colors[indices])
    np.testing.assert_array_equal(got.alpha, np.array([0, 128, 255])[indices])


def test_few_bits_become_eight_and_a_transparent_grey_alpha(tmp_path):
    for bits in (1, 2, 4):
        values = RNG.integers(0, 2**bits, (9, 11))
        with (tmp_path / "a.png").open("wb") as file:
            png.Writer(11, 9, greyscale=True, bitdepth=bits, transparent=1).write(
                file, values.tolist()
            )
        got = read_picture(tmp_path / "a.png")
        np.testing.assert_array_equal(got.color[..., 0], values * (255 // (2**bits - 1)))
        np.testing.assert_array_equal(got.alpha, np.where(values == 1, 0, 255))
        assert got.stored_as == ("bilevel" if bits == 1 else "grey")


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_becomes_alpha(tmp_path, bits):
    values = random_samples("RGB", np.uint8 if bits == 8 else np.uint16)
    values[3, 4:6] = key = (7, 2**bits - 3, 9)
    with (tmp_path / "a.png").open("wb") as file:
        png.Writer(11, 9, greyscale=False, bitdepth=bits, transparent=key).write(
            file, values.reshape(9, -1)
        )
    got = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(got.color, values)
    assert np.argwhere(got.alpha == 0).tolist() == [[3, 4], [3, 5]]
    assert got.alpha.max() == 2**bits - 1


def test_colour_chunks_and_resolution_of_a_png_are_kept(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        png.Writer(
            11,
            9,
            greyscale=True,
            gamma=0.5,
            x_pixels_per_unit=11811,
            y_pixels_per_unit=5906,
            unit_is_meter=True,
        ).write(file, random_samples("L"))
    write_picture(tmp_path / "b.png", read_picture(tmp_path / "a.png"))
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["gamma"] == 0.5
        assert image.info["dpi"] == (11811 * 0.0254, 5906 * 0.0254)


def test_the_size_in_exif_is_that_of_the_picture(tmp_path):
    picture = Picture(np.zeros((27, 33, 3), np.uint8), exif=camera_exif().tobytes()[6:])
    write_picture(tmp_path / "a.png", picture)
    entries = stored(tmp_path / "a.png")[1].get_ifd(ExifTags.IFD.Exif)
    assert entries[ExifTags.Base.ExifImageWidth] == 33
    assert entries[ExifTags.Base.ExifImageHeight] == 27
    assert entries[ExifTags.Base.MakerNote] == b"note"


@pytest.mark.parametrize(
    ("name", "about", "message"),
    [
        ("a.jpg", {"alpha": np.zeros((4, 4), np.uint8)}, "JPEG cannot hold alpha"),
        ("a.bmp", {"icc_profile": b"x"}, "BMP cannot hold an ICC profile"),
        ("a.bmp", {"exif": b"x"}, "BMP cannot hold EXIF data"),
        ("a.gif", {}, "a picture file is written as one of .png, .jpg"),
        ("a", {}, "change the ending of its name"),
    ],
)
def test_formats_that_would_lose_something_are_refused(tmp_path, name, about, message):
    with pytest.raises(InputError, match=message):
        write_picture(tmp_path / name, Picture(np.zeros((4, 4, 3), np.uint8), **about))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_16_bits_go_to_png_or_tiff_only(tmp_path, suffix):
    with pytest.raises(InputError, match="cannot hold 16 bits.*write .png or .tif"):
        write_picture(tmp_path / f"a{suffix}", Picture(np.zeros((4, 4, 3), np.uint16)))


def test_limits_of_formats_are_known_before_the_work(tmp_path):
    picture = Picture(np.zeros((4, 6000, 3), np.uint8))
    assert check_format(tmp_path / "a.webp", picture, 2) == "WEBP"
    with pytest.raises(InputError, match="at most 16383 pixels a side, 18000 are needed"):
        check_format(tmp_path / "a.webp", picture, 3)
    grey = Picture(np.zeros((4, 4, 1), np.uint8), icc_profile=b"x")
    with pytest.raises(InputError, match="an ICC profile for grey"):
        check_format(tmp_path / "a.webp", grey)


def save(path, image, **options):
    image.save(path, **options)
    return path


def test_what_cannot_be_read_without_loss_is_refused(tmp_path):
    grey = Image.new("L", (5, 4))
    cases = [
        (save(tmp_path / "a.jpg", Image.new("CMYK", (5, 4))), "CMYK.*colour-managed"),
        (save(tmp_path / "b.tif", Image.new("F", (5, 4))), "32-bit pixels are not supported"),
        (
            save(tmp_path / "c.tif", grey, save_all=True, append_images=[grey]),
            "holds 2 frames or pages",
        ),
        (save(tmp_path / "d.gif", grey), "not a readable picture .unknown format"),
        (save(tmp_path / "e.eps", Image.new("RGB", (5, 4))), "not a readable picture"),
    ]
    path = tmp_path / "white.tif"
    tifffile.imwrite(path, random_samples("L", np.uint16), photometric="miniswhite")
    cases.append((path, "counts down from white"))
    for path, message in cases:
        with pytest.raises(InputError, match=message) as raised:
            read_picture(path)
        assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_damaged_and_missing_files_are_one_line(tmp_path):
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file, "PNG")
    data = file.getvalue()
    broken = {
        "cut.png": data[: len(data) // 2],
        "flipped.png": data[:60] + bytes([data[60] ^ 255]) + data[61:],
        "empty.png": b"",
        "text.jpg": b"no picture",
        "head.png": data[:40],
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: not a readable picture"):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match="cannot read .*gone.png: No such file"):
        read_picture(tmp_path / "gone.png")


def test_bombs_are_refused_by_their_size_alone(tmp_path):
    header = struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I4s", 0, b"IDAT")
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )
    with pytest.raises(InputError, match="refused as a decompression bomb"):
        read_picture(tmp_path / "bomb.png")
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(InputError, match="more than 99 pixels"):
        read_picture(tmp_path / "a.png", max_pixels=99)
    assert read_picture(tmp_path / "a.png", max_pixels=100).color.shape == (10, 10, 1)
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_camera_file_with_previews_is_its_first_picture(tmp_path):
    first, preview = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview], quality=100)
    color = read_picture(tmp_path / "a.jpg").color
    assert color.shape == (16, 16, 3)
    np.testing.assert_allclose(color[8, 8], [255, 0, 0], atol=3)


def test_a_writer_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_picture(tmp_path / "a.png", Picture(np.zeros((4, 4, 3), np.uint8)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jpg", *LOSSLESS])
def test_text_in_exif_keeps_its_bytes(tmp_path, suffix):
    exif = camera_exif()
    exif[ExifTags.Base.Copyright] = text = "© Zoë 日".encode()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    write_picture(tmp_path / f"b{suffix}", read_picture(tmp_path / "a.jpg"))
    got = read_picture(tmp_path / f"b{suffix}")
    assert text + b"\0" in got.exif
    assert stored(tmp_path / f"b{suffix}")[1][ExifTags.Base.Copyright] == text.decode("latin-1")


def test_colours_as_seen_in_8_bits(tmp_path):
    grey = np.array([[[0], [128], [129]], [[386], [65406], [65535]]], np.uint16)
    write_picture(tmp_path / "grey.png", Picture(grey))
    seen = read_colors(tmp_path / "grey.png")
    np.testing.assert_array_equal(seen[..., 0], [[0, 0, 1], [2, 254, 255]])
    assert seen.shape == (2, 3, 3)
    assert (seen == seen[..., :1]).all()
    color = np.array([[[200, 100, 0], [10, 20, 30]]], np.uint8)
    write_picture(tmp_path / "clear.png", Picture(color, np.array([[0, 51]], np.uint8)))
    # A fifth of the colour, four fifths of white.
    np.testing.assert_array_equal(
        read_colors(tmp_path / "clear.png"), [[[255, 255, 255], [206, 208, 210]]]
    )
