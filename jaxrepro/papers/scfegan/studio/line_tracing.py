"""Strokes from a picture of lines, so that a suggested sketch can be edited stroke by stroke."""

from collections.abc import Callable

import numpy as np

from jaxrepro.data.strokes.stroke_drawing import Stroke

# How far a stroke may be from its line, in pixels.
_TOLERANCE = 0.7
_NEIGHBOURS = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]

EdgeMap = Callable[[np.ndarray], np.ndarray]


def suggest_strokes(
    image: np.ndarray, mask: np.ndarray, edge_map: EdgeMap, side: int = 512
) -> list[Stroke]:
    """Returns strokes along the edges of the photo inside the mask.

    image: uint8 [H, W, 3]. mask: uint8 {0, 1} [H, W, 1]. edge_map: from an image to its edges,
    uint8 {0, 1} [h, w, 1]. side: the longer side of the picture that the edges are found in, the
    surroundings of the mask; scales are relative to it.
    """
    import cv2

    rows, columns = (np.flatnonzero(mask.any(axis=(axis, 2))) for axis in (1, 0))
    if not len(rows):
        return []
    # Edges near the border of the mask need what lies around it.
    margin = max(np.ptp(rows), np.ptp(columns)) // 4 + 16
    top, left = (max(0, int(found[0]) - margin) for found in (rows, columns))
    part = np.s_[top : int(rows[-1]) + margin + 1, left : int(columns[-1]) + margin + 1]
    factor = min(1.0, side / max(image[part].shape[:2]))
    height, width = (max(1, round(length * factor)) for length in image[part].shape[:2])
    small = cv2.resize(image[part], (width, height), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(mask[part][..., 0], (width, height), interpolation=cv2.INTER_NEAREST)
    enlarge = np.array([image[part].shape[1] / width, image[part].shape[0] / height])
    return [
        Stroke(np.round(points * enlarge + [left, top], 2), max(1.0, round(1 / factor)))
        for points in trace_lines(edge_map(small)[..., 0] * inside)
    ]


def trace_lines(lines: np.ndarray) -> list[np.ndarray]:
    """Returns polylines, float [N, 2] of (x, y), through the middle of each line of a picture.

    lines: {0, 1} [H, W]. Lines are thinned to one pixel first; at a branch a new one begins. A
    single pixel is a polyline of one point.
    """
    import cv2
    from skimage.morphology import skeletonize

    polylines = []
    for pixels in _walks({(y, x) for y, x in np.argwhere(skeletonize(lines > 0)).tolist()}):
        points = np.array(pixels, np.int32)[:, ::-1]
        points = cv2.approxPolyDP(points[:, None], _TOLERANCE, closed=False)
        polylines.append(points.reshape(-1, 2) + 0.5)
    return polylines


def _walks(left: set[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Returns walks over neighbouring pixels that together visit every pixel once."""
    degrees = {pixel: len(_around(pixel, left)) for pixel in left}
    walks = []
    # From the ends of lines first; what is left then are loops.
    for start in sorted(left, key=lambda pixel: (degrees[pixel] != 1, pixel)):
        if start not in left:
            continue
        walk = [start]
        left.remove(start)
        while following := _around(walk[-1], left):
            walk.append(following[0])
            left.remove(following[0])
        walks.append(walk)
    return walks


def _around(pixel: tuple[int, int], among: set[tuple[int, int]]) -> list[tuple[int, int]]:
    y, x = pixel
    return [(y + dy, x + dx) for dy, dx in _NEIGHBOURS if (y + dy, x + dx) in among]
