"""Sixteen bits in TIFF files, against files that are put together and taken apart by hand."""

import io
import math
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps, TiffImagePlugin

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import Picture, read_picture, write_picture

RNG = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def tiff_by_hand(samples, order="<", compression=1, predictor=1, planar=False, pack=None, **more):
    """A TIFF file of uint16 [H, W, 3 or 4] in strips of four lines.

    more: entries by their number, "t274" for example, in place of those that fit the samples;
      None leaves one out.
    """
    height, width, channels = samples.shape
    pack = pack or (zlib.compress if compression == 8 else bytes)
    planes = np.moveaxis(samples, 2, 0)[..., None] if planar else samples[None]
    strips = []
    for plane in planes:
        if predictor == 2:
            plane = np.concatenate([plane[:, :1], np.diff(plane, axis=1)], axis=1)
        for line in range(0, height, 4):
            part = plane[line : line + 4].astype(f"{order}u2").tobytes()
            strips.append(pack(part))
    places = 8 + np.cumsum([0, *map(len, strips)])
    entries = {
        256: width,
        257: height,
        258: (16,) * channels,
        259: compression,
        262: 2,
        273: tuple(int(x) for x in places[:-1]),
        277: channels,
        278: 4,
        279: tuple(map(len, strips)),
        284: 2 if planar else 1,
        317: predictor,
    }
    if channels == 4:
        entries[338] = 2
    entries |= {int(name[1:]): value for name, value in more.items()}
    entries = {tag: value for tag, value in entries.items() if value is not None}
    start = int(places[-1]) + 2 + 12 * len(entries) + 4
    directory, beside = struct.pack(f"{order}H", len(entries)), b""
    for tag, value in sorted(entries.items()):
        values = value if isinstance(value, tuple) else (value,)
        content = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            beside += content
            content = struct.pack(f"{order}I", start + len(beside) - len(content))
        directory += struct.pack(f"{order}HHI", tag, 4, len(values)) + content
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", int(places[-1]))
    return head + b"".join(strips) + directory + bytes(4) + beside


def noise(channels, dtype=np.uint16):
    return RNG.integers(0, np.iinfo(dtype).max + 1, (9, 11, channels), dtype=dtype)


def directory_of(data, start=None, group=None):
    """The entries of a directory in a file as Pillow reads them, which wrote none of the first."""
    entries = TiffImagePlugin.ImageFileDirectory_v2(data[:8], group=group)
    file = io.BytesIO(data)
    file.seek(entries.next if start is None else start)
    entries.load(file)
    return entries


def pixels_of(data, dtype):
    """The samples [H, W, C] of a file in deflated strips of differences."""
    tags = directory_of(data)
    assert (tags[259], tags[317], tags.get(284, 1)) == (8, 2, 1)
    strips = [
        zlib.decompress(data[start : start + count]) for start, count in zip(tags[273], tags[279])
    ]
    order = "<" if data[:2] == b"II" else ">"
    samples = np.frombuffer(b"".join(strips), np.dtype(dtype).newbyteorder(order))
    samples = samples.reshape(tags[257], tags[256], -1)
    return np.cumsum(samples, axis=1, dtype=dtype)


def camera_exif(endian):
    exif = Image.Exif()
    exif.endian = endian
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Copyright] = "\xa9 Zo\xeb".encode("latin-1")
    exif[ExifTags.Base.WhitePoint] = (0.25, 0.5)
    exif[ExifTags.Base.Rating] = 4
    exif[ExifTags.Base.ExposureTime] = 0.004
    exif[ExifTags.Base.XPTitle] = "Titel".encode("utf-16-le")
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ISOSpeedRatings: 200,
        ExifTags.Base.ExposureTime: 0.008,
        ExifTags.Base.MakerNote: b"a note of some length",
        ExifTags.IFD.Interop: {1: "R98"},
    }
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return exif.tobytes()[6:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8, 32946])
def test_16_bits_are_read_to_the_last_bit(tmp_path, order, compression):
    pack = zlib.compress if compression != 1 else bytes
    for channels in (3, 4):
        for predictor in (1, 2) if compression != 1 else (1,):
            for planar in (False, True):
                samples = noise(channels)
                data = tiff_by_hand(samples, order, compression, predictor, planar, pack)
                (tmp_path / "a.tif").write_bytes(data)
                got = read_picture(tmp_path / "a.tif")
                np.testing.assert_array_equal(got.samples, samples)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_16_bit_grey_is_read_however_it_is_compressed(tmp_path, compression):
    samples = noise(1)
    Image.fromarray(samples[..., 0]).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").color, samples)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_pixels_profile_and_exif_are_written_whole(tmp_path, dtype, endian):
    exif = camera_exif(endian)
    for channels in (1, 2, 3, 4):
        samples = noise(channels, dtype)
        alpha = samples[..., -1] if channels in (2, 4) else None
        color = samples if alpha is None else samples[..., :-1]
        about = {"icc_profile": PROFILE, "exif": exif, "dots_per_inch": (300.0, 150.0)}
        write_picture(tmp_path / "a.tif", Picture(color, alpha, **about))
        data = (tmp_path / "a.tif").read_bytes()
        assert data[:2] == exif[:2]
        np.testing.assert_array_equal(pixels_of(data, dtype), samples)
        tags = directory_of(data)
        assert tags[34675] == PROFILE
        assert (tags[282], tags[283], tags[296], tags[274]) == (300, 150, 2, 1)
        assert (tags[271], tags[33432], tags[318]) == ("Maker", "\xa9 Zo\xeb", (0.25, 0.5))
        assert tags[33434] == 0.004 and b"\xa9 Zo\xeb\0" in data
        assert (tags[18246], tags[40091]) == (4, "Titel".encode("utf-16-le"))
        details = directory_of(data, tags[34665], 34665)
        assert (details[34855], details[33434]) == (200, 0.008)
        assert details[37500] == b"a note of some length"
        assert directory_of(data, details[40965], 40965)[1] == "R98"
        assert directory_of(data, tags[34853], 34853)[1] == ("N",)
        if (channels, dtype) != (2, np.uint16):
            again = read_picture(tmp_path / "a.tif")
            np.testing.assert_array_equal(again.samples, samples)
            assert again.dots_per_inch == (300, 150)
            kept = Image.Exif()
            kept.load(again.exif)
            assert kept.get_ifd(34665)[37500] == b"a note of some length"
            assert kept[33432] == "\xa9 Zo\xeb"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bits_are_turned_upright(tmp_path, orientation):
    samples = noise(3)
    (tmp_path / "a.tif").write_bytes(tiff_by_hand(samples, t274=orientation))
    places = Image.fromarray(np.arange(99, dtype=np.int32).reshape(9, 11))
    places.getexif()[ExifTags.Base.Orientation] = orientation
    turned = np.asarray(ImageOps.exif_transpose(places))
    got = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(got.color, samples.reshape(99, 3)[turned])
    assert got.exif is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"compression": 5}, "compressed by LZW, which is not supported; save it uncompressed"),
        ({"compression": 50000}, "compressed by|not a readable picture"),
        ({"t262": 5, "t338": None}, "CMYK.*colour-managed"),
        ({"t338": 1}, "premultiplied"),
        ({"t338": 0}, "unknown meaning"),
        ({"t32997": 1000}, "not a picture in RGB"),
        ({"t273": (8, 0, 8)}, "some of its pixels are missing"),
        ({"t273": (8, 8, 99_999)}, "some of its pixels are missing"),
        ({"t278": 2}, "some of its pixels are missing"),
        ({"t279": (352, 0, 88)}, "some of its pixels are missing"),
        ({"t279": (352, 352, 80)}, "not a readable picture"),
    ],
)
def test_what_would_be_read_wrong_is_refused(tmp_path, changes, message):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_by_hand(noise(4), **changes))
    with pytest.raises(InputError, match=message) as raised:
        read_picture(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(
        tiff_by_hand(noise(3), compression=8, pack=lambda _: zlib.compress(b"x" * 10**6))
    )
    with pytest.raises(InputError, match="hold more than the picture"):
        read_picture(path)
    tiles = {"t322": 2**16, "t323": 2**16, "t324": 8, "t325": 20}
    path.write_bytes(tiff_by_hand(noise(3), compression=8, **tiles))
    with pytest.raises(InputError, match="tiles are larger than the picture"):
        read_picture(path)
    path.write_bytes(tiff_by_hand(noise(3), t256=50_000, t257=50_000))
    with pytest.raises(InputError, match="refused as a decompression bomb"):
        read_picture(path)


def test_damage_anywhere_is_one_error_or_none(tmp_path):
    data, path = tiff_by_hand(noise(3), compression=8), tmp_path / "a.tif"
    failures = 0
    for place in range(4, len(data), 5):
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
    assert failures > math.ceil(len(data) / 10)
