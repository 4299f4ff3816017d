"""Project files: a zip archive with photo.png and strokes.json, and perhaps result.png.

Archives come from anywhere. Nothing is unpacked to disk, members are read by their exact name, and
no more than the allowed number of bytes is unpacked, whatever the archive says of itself.
"""

import io
import zipfile
import zlib

from jaxrepro.papers.scfegan.studio.drawings import Drawing, parse_drawing
from jaxrepro.papers.scfegan.studio.http_errors import RequestError
from jaxrepro.papers.scfegan.studio.limits import Limits
from jaxrepro.papers.scfegan.studio.photos import Photo, read_photo

PHOTO, STROKES = "photo.png", "strokes.json"
_MEMBER = b"PK\x01\x02"
_MOST_MEMBERS = 100
# What zipfile raises for archives that it cannot read, beside its own error.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,  # A damaged stream.
    EOFError,  # A stream that ends early.
    OSError,  # Offsets outside the file.
    ValueError,  # Names and numbers that cannot be.
    NotImplementedError,  # A compression or a zip version that it does not know.
    RuntimeError,  # An encrypted member.
)


def is_archive(data: bytes) -> bool:
    """Whether these bytes begin as a zip archive does."""
    return data.startswith(b"PK\x03\x04")


def read_project(data: bytes, limits: Limits) -> tuple[Photo, Drawing]:
    """Returns the photo and the drawing of a project.

    Raises RequestError: 415 for what is no project or a damaged one, 413 for too large a one.
    """
    # Each would become an object of Python first.
    if data.count(_MEMBER) > _MOST_MEMBERS:
        raise RequestError(415, "the archive has too many files: this is not a project")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            photo, strokes = (_read(archive, name, limits.max_bytes) for name in (PHOTO, STROKES))
    except RequestError:
        raise
    except _DAMAGES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RequestError(415, f"the project is damaged ({reason})") from error
    read = read_photo(photo, PHOTO, limits.max_pixels)
    drawing = parse_drawing(strokes, limits)
    height, width = read.rgb.shape[:2]
    if (drawing.height, drawing.width) != (height, width):
        raise RequestError(
            415,
            f"the project's strokes are for {drawing.width} x {drawing.height} pixels and its "
            f"photo has {width} x {height}",
        )
    return read, drawing


def _read(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    if name not in archive.namelist():
        raise RequestError(415, f"the archive has no {name}: this is not a project")
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RequestError(415, f"{name} is compressed in a way that projects do not use")
    with archive.open(name) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise RequestError(413, f"{name} unpacks to more than {max_bytes >> 20} MiB")
    return content
