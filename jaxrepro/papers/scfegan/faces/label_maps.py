"""Label maps of faces, which say of every pixel what part of the face it shows."""

import pathlib
import re

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.papers.scfegan.faces.face_regions import PARTS

# Later parts lie over earlier ones where the masks of a picture overlap.
_ORDER = (
    *("skin", "neck", "cloth", "neck_l", "l_ear", "r_ear", "ear_r", "nose", "mouth", "u_lip"),
    *("l_lip", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "hair", "hat"),
)
_MASK_NAME = re.compile(rf"(\d+)_({'|'.join(_ORDER)})\.png")


class LabelMaps:
    """The label maps below a folder, found by the names of the pictures.

    Two forms are known. NAME.png is the label map of the picture NAME: a paletted or grey PNG whose
    values are indices into `PARTS`. 00012_hair.png, as CelebAMask-HQ has them, is the mask of one
    part of the picture 12.jpg: what is not 0 shows it. Both may lie in folders below.
    """

    def __init__(self, directory: str | pathlib.Path):
        """Raises InputError if the folder is missing or holds no PNG."""
        self.directory = local_path(directory)
        if not self.directory.is_dir():
            raise InputError(f"{directory} is not a folder; give the one that holds label maps")
        self._maps: dict[str, pathlib.Path] = {}
        self._masks: dict[int, dict[str, pathlib.Path]] = {}
        for path in sorted(self.directory.rglob("*.png")):
            if match := _MASK_NAME.fullmatch(path.name):
                self._masks.setdefault(int(match[1]), {})[match[2]] = path
            else:
                self._maps[path.relative_to(self.directory).with_suffix("").as_posix()] = path
        if not self._maps and not self._masks:
            raise InputError(f"{directory} holds no label map: no file ends in .png")

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
