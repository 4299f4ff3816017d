"""Pictures: cut off, altered, of odd modes, bombs, and what is no picture at all."""

import io
import os
import pathlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from tests.bad_inputs import mutations
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.drawings import drawn
from tests.bad_inputs.paper import WithPicture, given_words, papers, verb

_KIND = "picture"
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP", ".bmp": "BMP"}


def cases() -> Iterator[Case]:
    """Yields the cases of pictures."""
    for paper, told in papers().items():
        for short, arguments in told.pictures.items():
            for name, write in _FOR_ALL:
                yield _read(paper, short, f"{short}: {name}", ".png", arguments, write, True)
            if told.use is not None and short == told.use[0]:
                for name, suffix, write, certain in _of_all_formats():
                    # What another program takes of an odd file, this one may take as well.
                    certain = certain and name in _NO_PICTURES
                    text = f"{short}: {suffix} {name}"
                    yield _read(paper, short, text, suffix, arguments, write, certain)
        if told.use is not None and told.all_formats is not None:
            short, arguments = told.use[0], told.all_formats
            for name, suffix, write, certain in _of_all_formats():
                text = f"{short}: {suffix} {name}"
                yield _read(paper, short, text, suffix, arguments, write, certain)


def _of_all_formats() -> "Iterator[tuple[str, str, Write, bool]]":
    """Yields (name, suffix, what writes the picture, whether it is bad beyond doubt)."""
    for suffix in _FORMATS:
        for how in (mutations.halved, mutations.header_flipped, mutations.zeroed):
            yield how.__name__, suffix, _damaged(suffix, how), False
        yield "cut after 20 bytes", suffix, _cut(suffix, 20), True
        yield "of 0 bytes", suffix, lambda path, rng: path.write_bytes(b""), True
    for name, suffix, write in _ODD:
        # More data than pixels are passed over by the reader.
        yield name, suffix, write, name != "a bomb in its data"


def _encoded(suffix: str) -> bytes:
    file = io.BytesIO()
    drawn().save(file, _FORMATS[suffix])
    return file.getvalue()


# Of the picture that is damaged.
_FOLDER = "in/class"
Write = Callable[[pathlib.Path, np.random.Generator], object]


def _damaged(suffix: str, how: mutations.Damage) -> Write:
    return lambda path, rng: path.write_bytes(how(_encoded(suffix), rng))


def _cut(suffix: str, length: int) -> Write:
    return lambda path, rng: path.write_bytes(_encoded(suffix)[:length])


def _read(
    paper: str,
    short: str,
    name: str,
    suffix: str,
    arguments: WithPicture,
    write: Write,
    certain: bool,
) -> Case:
    """A case of a verb that reads the picture; a drawn mutation that is harmless is used."""

    def make(place: Place) -> Sequence[str]:
        photo = place.folder / _FOLDER / f"photo{suffix}"
        photo.parent.mkdir(parents=True)
        words = given_words(arguments(place, f"{_FOLDER}/{photo.name}"))
        write(photo, place.rng)
        return words

    command = verb(paper, short.partition(",")[0])
    slow = not certain
    # What is read may be refused for another reason, such as its size.
    names = "photo" if certain else ""
    return Case(_KIND, name, command, make, names, certain, may_write=("run",), slow=slow)


def _chunk(kind: bytes, content: bytes) -> bytes:
    mark = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", mark)


def _png(width: int, height: int, pixels: bytes, *, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def _odd_png(width: int, height: int, num_bytes: int, *, depth: int = 8) -> Write:
    pixels = zlib.compress(bytes(num_bytes))
    return lambda path, rng: path.write_bytes(_png(width, height, pixels, depth=depth))


def _bomb(path: pathlib.Path, rng: np.random.Generator) -> None:
    """A file of some kilobytes that declares 2.5 thousand million pixels."""
    del rng
    path.write_bytes(_png(50_000, 50_000, zlib.compress(bytes(4_000_000))))


def _folder(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path.mkdir()


def _broken_link(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path.symlink_to("nowhere.png")


def _looping_link(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path.symlink_to(path.name)


def _unreadable(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    if os.geteuid() == 0:
        # Nothing is unreadable for root but what the kernel itself refuses to read.
        path.symlink_to("/proc/self/mem")
    else:
        drawn().save(path)
        path.chmod(0)


def _saved(image: Callable[[], Image.Image], format_: str, **options: object) -> Write:
    return lambda path, rng: image().save(path, format_, **options)


def _text(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path.write_text("this is no picture\n")


def _eps(path: pathlib.Path, rng: np.random.Generator) -> None:
    del rng
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")


def _animated(suffix: str) -> Write:
    frames = [drawn(), drawn(24, 24).rotate(90)]
    return lambda path, rng: frames[0].save(
        path, _FORMATS[suffix], save_all=True, append_images=frames[1:]
    )


_ODD: tuple[tuple[str, str, Write], ...] = (
    ("a text", ".png", _text),
    ("a text", ".tif", _text),
    ("a program", ".webp", _eps),
    ("a GIF under another name", ".png", _saved(drawn, "GIF")),
    ("a bomb by its header", ".png", _bomb),
    ("a bomb in its data", ".png", _odd_png(9, 9, 9**7)),
    ("no pixels", ".png", _odd_png(0, 0, 0)),
    ("wide but not high", ".png", _odd_png(9, 0, 0)),
    ("too few pixels", ".png", _odd_png(9, 9, 20)),
    ("7 bits a sample", ".png", _odd_png(9, 9, 0, depth=7)),
    ("16 bits, too few", ".png", _odd_png(9, 9, 9, depth=16)),
    ("animated", ".webp", _animated(".webp")),
    ("two pages", ".tif", _animated(".tif")),
    ("animated", ".png", _animated(".png")),
    ("CMYK", ".jpg", _saved(lambda: drawn().convert("CMYK"), "JPEG")),
    ("32-bit floats", ".tif", _saved(lambda: drawn().convert("F"), "TIFF")),
    ("32-bit integers", ".tif", _saved(lambda: drawn().convert("I"), "TIFF")),
    ("Lab", ".tif", _saved(lambda: Image.new("LAB", (9, 9)), "TIFF")),
    ("a folder", ".png", _folder),
    ("a broken link", ".png", _broken_link),
    ("a link to itself", ".png", _looping_link),
    ("unreadable", ".png", _unreadable),
)  # fmt: skip


# What no verb can take for a picture.
_NO_PICTURES = ("a text", "of 0 bytes", "a folder", "a broken link", "a link to itself")
_FOR_ALL: tuple[tuple[str, Write], ...] = (
    ("0 bytes", lambda path, rng: path.write_bytes(b"")),
    ("halved", _damaged(".png", mutations.halved)),
    ("a text", _text),
    ("a bomb", _bomb),
)
