"""Paths between latent vectors, and between class vectors."""

import numpy as np

# Vectors whose sine of the angle is below this are joined by a line.
_STRAIGHT = 1e-4


def linear_path(first: np.ndarray, last: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the points (1 - w) first + w last, float32 [N, T, D].

    first, last: [N, D]. weights: [T], 0 at the first and 1 at the last.
    """
    weights = np.asarray(weights, np.float64)[:, None]
    return ((1 - weights) * first[:, None] + weights * last[:, None]).astype(np.float32)


def spherical_path(first: np.ndarray, last: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the points (sin((1 - w) a) first + sin(w a) last) / sin a, float32 [N, T, D].

    a is the angle between both. In high dimensions normal vectors lie near a sphere, whose inside
    a line crosses; this stays near it (White, arXiv 1609.04468, section 2.1). Parallel and
    opposite vectors have no arc of their own and are joined by a line.
    """
    first, last = np.asarray(first, np.float64), np.asarray(last, np.float64)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(last, axis=1)
    cosine = np.sum(first * last, axis=1) / np.where(norms > 0, norms, 1)
    angle = np.arccos(np.clip(cosine, -1, 1))[:, None, None]
    weights = np.asarray(weights, np.float64)[:, None]
    straight = (np.sin(angle) < _STRAIGHT) | (norms == 0)[:, None, None]
    sine = np.where(straight, 1.0, np.sin(angle))
    near = np.where(straight, 1 - weights, np.sin((1 - weights) * angle) / sine)
    far = np.where(straight, weights, np.sin(weights * angle) / sine)
    return (near * first[:, None] + far * last[:, None]).astype(np.float32)
