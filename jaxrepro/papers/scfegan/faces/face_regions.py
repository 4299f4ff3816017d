"""Where hair and face are on an aligned picture of a face.

Of a picture with parts (label map), exactly. Of one without, roughly: hair is what looks like the
top of the head, the face an ellipse at the place where alignment puts it.
"""

import numpy as np

from jaxrepro.core.errors import InputError

# The 19 parts of CelebAMask-HQ, in the order in which face parsers number them.
PARTS = (
    *("background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear"),
    *("ear_r", "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat"),
)
_HAIR = PARTS.index("hair")
_FACE = [
    PARTS.index(part)
    for part in (
        *("skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "nose"),
        *("mouth", "u_lip", "l_lip"),
    )
]
# Shares of the side of an aligned picture: (left, top, right, bottom).
_TOP_OF_HEAD = (0.3, 0.0, 0.7, 0.2)
_CORNERS = ((0.0, 0.0, 0.08, 0.25), (0.92, 0.0, 1.0, 0.25))
_CHEEKS = ((0.33, 0.52, 0.43, 0.64), (0.57, 0.52, 0.67, 0.64))
_FACE_CENTER, _FACE_AXES = (0.5, 0.585), (0.25, 0.335)
# Distance in CIELAB up to which a part has the colour of the top of the head.
_LIKE = 18.0
# A part is hair only if this much nearer to the top of the head than to anything else.
_CLEARLY = 0.8
# Distance in CIELAB that the top of the head must have from the cheeks and the background.
_DIFFERENT = 5.0
# Shares of the picture outside of which what was found is not hair.
_PLAUSIBLE = (0.02, 0.5)


def regions_of_labels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hair and face by their labels, each uint8 {0, 1} [H, W, 1].

    labels: uint8 [H, W], indices into `PARTS`. Raises InputError for others.
    """
    if labels.max(initial=0) >= len(PARTS):
        raise InputError(
            f"a label map holds the value {labels.max()}; values must be 0 to {len(PARTS) - 1}, "
            f"the number of a part in {', '.join(PARTS)}"
        )
    hair = labels == _HAIR
    face = np.isin(labels, _FACE)
    return hair[..., None].astype(np.uint8), face[..., None].astype(np.uint8)


def likely_hair(colors: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """What looks like hair on an aligned face, uint8 {0, 1} [S, S, 1]; nothing if implausible.

    Parts whose colour is like the median at the top of the head, and more so than like the cheeks
    or the background in the upper corners, as far as they are connected with the top of the head.

    colors: uint8 [S, S, 3], one colour in each part. parts: int [S, S].
    """
    import cv2
    from skimage.color import rgb2lab

    _, first, inverse = np.unique(parts, return_index=True, return_inverse=True)
    lab = rgb2lab(colors.reshape(-1, 3)[first][np.newaxis])[0]
    lab_map = lab[inverse].reshape(*parts.shape, 3)
    size = parts.shape[0]
    top = np.median(_cut(lab_map, _TOP_OF_HEAD, size).reshape(-1, 3), axis=0)
    cheeks = np.concatenate([_cut(lab_map, box, size).reshape(-1, 3) for box in _CHEEKS])
    others = [cheeks, *(_cut(lab_map, box, size).reshape(-1, 3) for box in _CORNERS)]
    others = [np.median(pixels, axis=0) for pixels in others]
    from_others = [np.linalg.norm(lab - other, axis=-1) for other in others]
    from_hair = np.linalg.norm(lab - top, axis=-1)
    like = (from_hair < _LIKE) & (from_hair < _CLEARLY * np.min(from_others, axis=0))
    like = like[inverse].reshape(parts.shape)
    _, pieces = cv2.connectedComponents(like.astype(np.uint8), connectivity=4)
    touching = np.unique(_cut(pieces, _TOP_OF_HEAD, size))
    hair = np.isin(pieces, touching[touching > 0])
    differs = min(float(np.linalg.norm(top - other)) for other in others) >= _DIFFERENT
    if not differs or not _PLAUSIBLE[0] <= hair.mean() <= _PLAUSIBLE[1]:
        hair = np.zeros_like(hair)
    return hair[..., np.newaxis].astype(np.uint8)


def aligned_face(size: int) -> np.ndarray:
    """The ellipse that the face fills on an aligned picture, uint8 {0, 1} [size, size, 1]."""
    return _ellipse(size, _FACE_CENTER, _FACE_AXES)


def random_hair_ring(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random band around the upper half of an aligned face, uint8 {0, 1} [size, size, 1].

    It stands for hair where none was found.
    """
    width, height = rng.uniform(0.06, 0.16), rng.uniform(0.06, 0.2)
    outer = _ellipse(size, _FACE_CENTER, (_FACE_AXES[0] + width, _FACE_AXES[1] + height))
    bottom = rng.uniform(0.45, 0.9)
    # The forehead belongs to the face only below the hairline.
    inner_height = _FACE_AXES[1] * rng.uniform(0.75, 1.0)
    inner = _ellipse(size, _FACE_CENTER, (_FACE_AXES[0] * 0.95, inner_height))
    ring = outer & ~inner & 1
    ring[round(size * bottom) :] = 0
    return ring


def _cut(values: np.ndarray, box: tuple[float, ...], size: int) -> np.ndarray:
    left, top, right, bottom = (round(share * size) for share in box)
    return values[top:bottom, left:right]


def _ellipse(size: int, center: tuple[float, float], axes: tuple[float, float]) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    inside = ((x - center[0]) / axes[0]) ** 2 + ((y - center[1]) / axes[1]) ** 2 <= 1
    return inside[..., np.newaxis].astype(np.uint8)
