"""Nearest images of a data set: whether a generator has learnt its training images by heart."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError

# From images uint8 [B, H, W, C] to one vector each, [B, D].
Vectors = Callable[[np.ndarray], np.ndarray]


def pixel_vectors(images: np.ndarray) -> np.ndarray:
    """Returns the pixels of images uint8 [B, H, W, C] in [0, 255], float64 [B, H W C]."""
    return images.reshape(len(images), -1).astype(np.float64)


def feature_vectors(network: Any) -> Vectors:
    """Returns the function from images to the features of a pretrained network.

    network: has `variables` and a compilable `apply(variables, images uint8 [B, H, W, C])`, whose
    result has `features` [B, D].
    """
    import jax

    run = jax.jit(lambda variables, images: network.apply(variables, images).features)
    return lambda images: np.asarray(run(network.variables, images), np.float64)


def nearest_images(
    queries: np.ndarray,
    blocks: Iterable[Mapping[str, np.ndarray]],
    num_neighbours: int,
    vectors: Vectors = pixel_vectors,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (index int64 [Q, K], distance float64 [Q, K]), the nearest image first.

    The distance is that of the vectors, Euclidean; for pixels it is computed exactly and rounded
    once. Of images at equal distance the one that comes first is nearer. Memory does not grow with
    the data set.

    Args:
      queries: uint8 [Q, H, W, C].
      blocks: of the data set: "image" uint8 [B, H, W, C], "index" int [B] and "mask" bool [B],
        False for what is no image.
      num_neighbours: K, 1 or more.
      vectors: from images to the space of the distance.

    Raises:
      InputError: if K is below 1 or there are fewer than K images.
    """
    if num_neighbours < 1:
        raise InputError(f"{num_neighbours} neighbours asked for; it must be 1 or more")
    targets = np.asarray(vectors(queries), np.float64)
    squares = np.sum(np.square(targets), axis=1, keepdims=True)
    index = np.empty((len(queries), 0), np.int64)
    distance = np.empty((len(queries), 0), np.float64)
    for block in blocks:
        # All of a block's rows go through `vectors`, so that a compiled one sees a single shape.
        given = np.asarray(vectors(block["image"]), np.float64)[block["mask"]]
        cross = targets @ given.T
        # Rounding may bring the distance of equal feature vectors below 0.
        new = np.maximum(squares - 2 * cross + np.sum(np.square(given), axis=1), 0)
        numbers = np.asarray(block["index"], np.int64)[block["mask"]]
        distance = np.concatenate([distance, new], axis=1)
        index = np.concatenate([index, np.broadcast_to(numbers, new.shape)], axis=1)
        order = np.argsort(distance, axis=1, kind="stable")[:, :num_neighbours]
        distance = np.take_along_axis(distance, order, axis=1)
        index = np.take_along_axis(index, order, axis=1)
    if index.shape[1] < num_neighbours:
        raise InputError(
            f"{num_neighbours} neighbours asked for, of a data set of {index.shape[1]} images"
        )
    return index, np.sqrt(distance)
