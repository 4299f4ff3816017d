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
from tests.bad_inputs.materials import CONFIGS

_KIND = "picture"
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP", ".bmp": "BMP"}


def cases() -> Iterator[Case]:
    """Yields the cases of pictures."""
    for suffix in _FORMATS:
        for how in (mutations.halved, mutations.header_flipped, mutations.zeroed):
            yield _upscaled(
                f"{suffix} {how.__name__}", suffix, _damaged(suffix, how), certain=False
            )
        yield _upscaled(f"{suffix} cut after 20 bytes", suffix, _cut(suffix, 20))
        yield _upscaled(f"{suffix} of 0 bytes", suffix, lambda path, rng: path.write_bytes(b""))
    for name, suffix, write in _ODD:
        # More data than pixels are passed over by the reader.
        certain = name != "a bomb in its data"
        yield _upscaled(f"{suffix} {name}", suffix, write, certain=certain)
    for name, write in _FOR_ALL:
        for command, around in _AROUND.items():
            yield _around(f"{command}: {name}", command, around, write)


def drawn(height: int = 24, width: int = 24) -> Image.Image:
    """Returns a picture of noise and a ramp."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    pixels[:, : width // 2] = np.arange(height, dtype=np.uint8)[:, None, None]
    return Image.fromarray(pixels)


def _encoded(suffix: str) -> bytes:
    file = io.BytesIO()
    drawn().save(file, _FORMATS[suffix])
    return file.getvalue()


# The picture that is damaged.
_PHOTO = "in/class/photo.png"
Write = Callable[[pathlib.Path, np.random.Generator], object]


def _damaged(suffix: str, how: mutations.Damage) -> Write:
    return lambda path, rng: path.write_bytes(how(_encoded(suffix), rng))


def _cut(suffix: str, length: int) -> Write:
    return lambda path, rng: path.write_bytes(_encoded(suffix)[:length])


def _upscaled(name: str, suffix: str, write: Write, *, certain: bool = True) -> Case:
    """A case of `upscale`, which reads a picture with all that is in it."""

    def make(place: Place) -> Sequence[str]:
        write(place.folder / f"photo{suffix}", place.rng)
        weights = place.materials.path("export:srcnn")
        return [f"photo{suffix}", "large.png", f"--model={weights}"]

    # A drawn mutation that is harmless is enlarged into the output.
    return Case(_KIND, f"upscale: {name}", "jaxrepro.papers.srcnn.upscale", make, "photo", certain)


def _around(
    name: str, command: str, around: Callable[[Place], Sequence[str]], write: Write
) -> Case:
    def make(place: Place) -> Sequence[str]:
        (place.folder / "in" / "class").mkdir(parents=True)
        arguments = around(place)
        write(place.folder / "in" / "class" / "photo.png", place.rng)
        return arguments

    return Case(_KIND, name, command, make, "photo.png", may_write=("run",))


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


# --- The same pictures where other commands meet them.

_FOR_ALL: tuple[tuple[str, Write], ...] = (
    ("0 bytes", lambda path, rng: path.write_bytes(b"")),
    ("halved", _damaged(".png", mutations.halved)),
    ("a text", _text),
    ("a bomb", _bomb),
)


def _to_train(place: Place) -> Sequence[str]:
    return [
        f"--config={CONFIGS}/srcnn.py:test",
        "--config.data.source=folder:in",
        "--workdir=run",
    ]


def _to_predict(place: Place) -> Sequence[str]:
    weights = place.materials.path("export:pyranet")
    return ["in/class/photo.png", "--output=out", f"--model={weights}"]


def _to_edit(place: Place) -> Sequence[str]:
    return _edit(place, image=_PHOTO, mask="in/mask.png", good="in/mask.png")


def _as_mask(place: Place) -> Sequence[str]:
    return _edit(place, image="in/image.png", mask=_PHOTO, good="in/image.png")


def _edit(place: Place, *, image: str, mask: str, good: str) -> Sequence[str]:
    weights = place.materials.path("export:scfegan")
    drawn().save(place.folder / good)
    return [f"--image={image}", f"--mask={mask}", "--output=out.png", f"--model={weights}"]


def _to_measure(place: Place) -> Sequence[str]:
    weights = place.materials.path("export:srcnn")
    return ["--data=folder:in", f"--model={weights}"]


_AROUND: dict[str, Callable[[Place], Sequence[str]]] = {
    "jaxrepro.train": _to_train,
    "jaxrepro.papers.pyranet.predict": _to_predict,
    "jaxrepro.papers.scfegan.edit": _to_edit,
    "jaxrepro.papers.srcnn.protocols": _to_measure,
    "jaxrepro.papers.srcnn.evaluate": _to_measure,
}
