"""Sixteen bits in PNG files, against files that are put together and taken apart by hand."""

import struct
import zlib

import numpy as np
import png
import pytest
from PIL import ExifTags, Image, ImageOps

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import Picture, read_picture, write_picture

RNG = np.random.default_rng(0)
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
# Of the seven passes: first line, first column, steps of lines and of columns.
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
PASSES += [(1, 0, 2, 1)]


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def filtered(samples):
    """The lines of a picture [H, W, C], each by the next of the five filters."""
    pixel = 2 * samples.shape[2]
    lines = samples.astype(">u2").reshape(len(samples), -1).view(np.uint8).astype(int)
    above = np.zeros_like(lines[0])
    for number, line in enumerate(lines):
        left = np.concatenate([np.zeros(pixel, int), line[:-pixel]])
        corner = np.concatenate([np.zeros(pixel, int), above[:-pixel]])
        nearest = [
            min((a, b, c), key=lambda x, guess=a + b - c: abs(guess - x))
            for a, b, c in zip(left, above, corner)
        ]
        guess = [0, left, above, (left + above) // 2, np.array(nearest)][number % 5]
        yield bytes([number % 5]) + ((line - guess) % 256).astype(np.uint8).tobytes()
        above = line


def png_by_hand(samples, interlace=False, *chunks, data=None):
    height, width, channels = samples.shape
    parts = [samples]
    if interlace:
        parts = [samples[y::down, x::across] for y, x, down, across in PASSES]
    if data is None:
        data = b"".join(line for part in parts if part.size for line in filtered(part))
    header = struct.pack(">IIBBBBB", width, height, 16, COLOR_TYPES[channels], 0, 0, int(interlace))
    chunks = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def noise(channels, dtype=np.uint16):
    return RNG.integers(0, np.iinfo(dtype).max + 1, (9, 11, channels), dtype=dtype)


def as_picture(samples, **about):
    if samples.shape[2] in (2, 4):
        return Picture(samples[..., :-1], samples[..., -1], **about)
    return Picture(samples, **about)


@pytest.mark.parametrize("interlace", [False, True])
def test_every_filter_is_read_to_the_last_bit(tmp_path, interlace):
    for channels in COLOR_TYPES:
        samples = noise(channels)
        (tmp_path / "a.png").write_bytes(png_by_hand(samples, interlace))
        got = read_picture(tmp_path / "a.png")
        np.testing.assert_array_equal(got.samples, samples, err_msg=f"{channels} channels")


def test_16_bits_are_written_to_the_last_bit(tmp_path):
    for channels in (2, 3, 4):
        samples = noise(channels)
        write_picture(tmp_path / "a.png", as_picture(samples))
        data = (tmp_path / "a.png").read_bytes()
        assert data[16:26] == struct.pack(">IIBB", 11, 9, 16, COLOR_TYPES[channels])
        start, packed = 8, b""
        while start < len(data):
            size, kind = struct.unpack_from(">I4s", data, start)
            packed += data[start + 8 : start + 8 + size] if kind == b"IDAT" else b""
            start += 12 + size
        lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(9, -1)
        assert not lines[:, 0].any(), "not filtered"
        got = np.frombuffer(lines[:, 1:].tobytes(), ">u2").reshape(samples.shape)
        np.testing.assert_array_equal(got, samples)
        if channels > 2:
            with Image.open(tmp_path / "a.png") as image:
                np.testing.assert_array_equal(np.asarray(image), samples >> 8)


def test_what_pillow_writes_pypng_reads(tmp_path):
    for channels, dtype in [(1, np.uint16), (1, np.uint8), (2, np.uint8), (4, np.uint8)]:
        samples = noise(channels, dtype)
        write_picture(tmp_path / "a.png", as_picture(samples))
        _, _, rows, info = png.Reader(bytes=(tmp_path / "a.png").read_bytes()).read()
        assert (info["planes"], info["bitdepth"]) == (channels, 8 * samples.itemsize)
        np.testing.assert_array_equal([list(row) for row in rows], samples.reshape(9, -1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_chunks_stay_as_they_are(tmp_path, channels, dtype):
    color = ((b"gAMA", struct.pack(">I", 45455)), (b"cICP", b"\x09\x10\0\1"), (b"mDCV", b"x" * 24))
    picture = Picture(noise(channels, dtype), png_color=color, icc_profile=b"profile")
    write_picture(tmp_path / "a.png", picture)
    assert read_picture(tmp_path / "a.png").png_color == color
    found = list(png.Reader(bytes=(tmp_path / "a.png").read_bytes()).chunks())
    kinds = [kind for kind, _ in found]
    assert kinds[0] == b"IHDR" and kinds[1:5] == [b"gAMA", b"cICP", b"mDCV", b"iCCP"]
    assert zlib.decompress(dict(found)[b"iCCP"].split(b"\0\0", 1)[1]) == b"profile"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bits_are_turned_upright(tmp_path, orientation):
    samples = noise(3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    data = png_by_hand(samples, False, (b"eXIf", exif.tobytes()[6:]))
    (tmp_path / "a.png").write_bytes(data)
    places = Image.fromarray(np.arange(99, dtype=np.int32).reshape(9, 11))
    places.info["exif"] = exif.tobytes()
    places.getexif()[ExifTags.Base.Orientation] = orientation
    turned = np.asarray(ImageOps.exif_transpose(places))
    got = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(got.color, samples.reshape(99, 3)[turned])
    kept = Image.Exif()
    kept.load(got.exif)
    assert dict(kept) == {ExifTags.Base.Make: "Maker"}


def test_more_or_less_data_than_the_picture_are_refused(tmp_path):
    samples = noise(3)
    whole = b"".join(filtered(samples))
    for data, message in [
        (whole + bytes(10_000), "refused as a decompression bomb"),
        (whole[: -len(whole) // 9], "other than its 9 lines"),
        (whole + whole[:67], "decompression bomb"),
        (b"\x09" + whole[1:], "not a readable picture"),
    ]:
        (tmp_path / "a.png").write_bytes(png_by_hand(samples, data=data))
        with pytest.raises(InputError, match=message):
            read_picture(tmp_path / "a.png")


def test_damage_anywhere_is_one_error_or_none(tmp_path):
    data, path = png_by_hand(noise(3)), tmp_path / "a.png"
    failures = 0
    for place in range(8, len(data), 7):
        for broken in (
            data[:place],
            data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :],
        ):
            path.write_bytes(broken)
            try:
                read_picture(path)
            except InputError as error:
                failures += 1
                assert str(path) in str(error) and "\n" not in str(error)
    assert failures > 100
