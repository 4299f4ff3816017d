"""Label maps of faces, which say of every pixel what part of the face it shows."""

import pathlib
import re

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.core.run import notices
from jaxrepro.data.formats.exif import upright
from jaxrepro.data.formats.images import orientation_of, picture_sizes
from jaxrepro.data.formats.other_files import OtherFiles, ending_of
from jaxrepro.papers.scfegan.faces.face_regions import PARTS

# Later parts lie over earlier ones where the masks of a picture overlap.
_ORDER = (
    *("skin", "neck", "cloth", "neck_l", "l_ear", "r_ear", "ear_r", "nose", "mouth", "u_lip"),
    *("l_lip", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "hair", "hat"),
)
_MASK_NAME = re.compile(rf"(\d+)_({'|'.join(_ORDER)})\.(?i:png)")


class LabelMaps:
    """The label maps below a folder, found by the names of the pictures.

    Two forms are known. NAME.png is the label map of the picture NAME: a paletted or grey PNG whose
    values are indices into `PARTS`. 00012_hair.png, as CelebAMask-HQ has them, is the mask of one
    part of the picture 12.jpg: what is not 0 shows it. Both may lie in folders below. Files of
    other kinds are counted and told.
    """

    def __init__(self, directory: str | pathlib.Path):
        """Raises InputError if the folder is missing or holds no PNG."""
        self.directory = local_path(str(directory))
        if not self.directory.is_dir():
            raise InputError(f"{directory} is not a folder; give the one that holds label maps")
        self._maps: dict[str, pathlib.Path] = {}
        self._masks: dict[int, dict[str, pathlib.Path]] = {}
        others = OtherFiles()
        for path in sorted(self.directory.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(self.directory).parts)
            if hidden or not path.is_file():
                continue
            if ending_of(path) != ".png":
                others.add(path)
            elif match := _MASK_NAME.fullmatch(path.name):
                self._masks.setdefault(int(match[1]), {})[match[2]] = path
            else:
                self._maps[path.relative_to(self.directory).with_suffix("").as_posix()] = path
        if not self._maps and not self._masks:
            raise InputError(f"{directory} holds no label map: no file ends in .png")
        notices.tell(others.text(self.directory))

    def find(self, name: str) -> tuple[pathlib.Path, ...]:
        """The files that make up the label map of a picture; none if it has no label map.

        name: of the picture, without suffix, such as "12" or "folder/12".
        """
        stem = name.rpartition("/")[2]
        for key in (name, stem):
            if key in self._maps:
                return (self._maps[key],)
        masks = self._masks.get(int(stem), {}) if stem.isdecimal() else {}
        return tuple(masks[part] for part in _ORDER if part in masks)


def read_labels(files: tuple[pathlib.Path, ...]) -> np.ndarray:
    """The label map that `LabelMaps.find` found, uint8 [H, W], indices into `PARTS`.

    Raises InputError naming a file that cannot be read, or holds other values.
    """
    if len(files) == 1 and not _MASK_NAME.fullmatch(files[0].name):
        labels = _read_indices(files[0])
        if labels.max() >= len(PARTS):
            raise InputError(
                f"{files[0]}: it holds the value {labels.max()}; values must be 0 to "
                f"{len(PARTS) - 1}, the number of a part in {', '.join(PARTS)}"
            )
        return labels
    labels = np.zeros((0, 0), np.uint8)
    for file in files:
        match = _MASK_NAME.fullmatch(file.name)
        assert match is not None
        mask = _read_indices(file) > 0
        if not labels.size:
            labels = np.zeros(mask.shape, np.uint8)
        if mask.shape != labels.shape:
            raise InputError(f"{file}: its size differs from that of {files[0].name}")
        labels[mask] = PARTS.index(match[2])
    return labels


def fitted_labels(labels: np.ndarray, picture: pathlib.Path, pixels: np.ndarray) -> np.ndarray:
    """Returns the label map [H, W] as it lies over the upright picture, in its own resolution.

    As it is, or turned with the picture where it was drawn over the pixels as they are stored.
    picture: the file; pixels: [H, W, C], upright. Raises InputError where neither has its shape.
    """
    if _similar(labels.shape, pixels.shape):
        return labels
    (width, height), _ = picture_sizes(picture)
    if _similar(labels.shape, (height, width)):
        return upright(labels[..., np.newaxis], orientation_of(picture))[..., 0]
    raise InputError(
        f"{picture} is {pixels.shape[1]} x {pixels.shape[0]} pixels, and its label map is "
        f"{labels.shape[1]} x {labels.shape[0]}, of another shape: give the map of this picture"
    )


def _similar(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two (height, width, ...) are one shape in two sizes, up to a pixel."""
    return abs(shape[0] * other[1] - shape[1] * other[0]) <= max(*shape[:2], *other[:2])


def _read_indices(path: pathlib.Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.mode in ("RGB", "RGBA"):
                # The masks of CelebAMask-HQ are grey pictures in three equal channels.
                pixels = np.asarray(image)[..., :3]
                if (pixels != pixels[..., :1]).any():
                    raise InputError(
                        f"{path}: it is coloured without a palette; give the numbers of parts as "
                        "a paletted or grey PNG"
                    )
                return pixels[..., 0]
            if image.mode not in ("1", "L", "P"):
                raise InputError(
                    f"{path}: mode {image.mode}; give a paletted or grey PNG of 8 bits"
                )
            return np.asarray(image).astype(np.uint8)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable PNG ({error}); repair or remove it") from error
