"""RICAP: four images are cropped and put together around one point, and so are their classes.

R. Takahashi, T. Matsubara, K. Uehara, "RICAP: Random Image Cropping and Patching Data Augmentation
for Deep CNNs" (ACML 2018; arXiv 1811.09030). Quadrants are numbered as in the authors' code:
0 top left, 1 bottom left, 2 top right, 3 bottom right.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxrepro.augment.mixed import Patched
from jaxrepro.core.errors import InputError

SCOPES = ("batch", "example")
LABELS = ("mixed", "largest")
CROPS = ("random", "none")
_QUADRANTS = 4


def ricap(
    key: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    beta: float = 0.3,
    scope: str = "batch",
    *,
    crop: str = "random",
    label: str = "mixed",
    patch: bool = True,
) -> Patched:
    """Returns the batch patched, with four labels an image and the area of each.

    images: [B, H, W, C] of any type, kept; labels: int [B]. beta > 0: the point is drawn from
    Beta(beta, beta) along both sides. scope: "batch" draws point and crops once for the batch, as
    the authors do, "example" for each image, with shares [4, B]. Ablations: crop="none" leaves a
    patch at its place; label="largest" gives the whole share to the largest patch; patch=False
    leaves the images as they are and mixes labels alone. Permutations run over the whole batch.

    The result is a function of the key, whatever the number of devices. Raises InputError for a
    choice that there is not.
    """
    _check(beta, scope, crop, label)
    num, height, width = images.shape[:3]
    shape = () if scope == "batch" else (num,)
    keys = jax.random.split(jax.random.fold_in(key, 0), 4)
    rows, columns = (
        split_point(jax.random.beta(k, beta, beta, shape), size)
        for k, size in zip(keys[:2], (height, width), strict=True)
    )
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    permutations = jnp.stack(
        [jax.random.permutation(jax.random.fold_in(key, k + 1), num) for k in range(_QUADRANTS)]
    )
    shares = area_shares(rows, columns, height, width)
    if label == "largest":
        shares = jax.nn.one_hot(shares.argmax(axis=0), _QUADRANTS, axis=0)
    if not patch:
        # An image's own class takes part in place of the first patch.
        permutations = permutations.at[0].set(jnp.arange(num))
        return Patched(images, labels.astype(jnp.int32)[permutations], shares)
    tops, lefts, heights, widths = _quadrants(rows, columns, height, width)
    if crop == "none":
        offsets = jnp.stack([tops, lefts], axis=-1)
    else:
        drawn = [
            jax.random.randint(k, (*shape, _QUADRANTS), 0, side - sides + 1)
            for k, side, sides in ((keys[2], height, heights), (keys[3], width, widths))
        ]
        offsets = jnp.stack(drawn, axis=-1)
    patched = patch_images(images, rows, columns, offsets, permutations)
    return Patched(patched, labels.astype(jnp.int32)[permutations], shares)


def split_point(u: jax.Array, size: int) -> jax.Array:
    """Returns where a side of `size` pixels is split, int32: u in [0, 1] times it, half to even."""
    return jnp.round(jnp.asarray(u) * size).astype(jnp.int32)


def area_shares(rows: jax.Array, columns: jax.Array, height: int, width: int) -> jax.Array:
    """Returns the share of each quadrant in the area, float32 [4], or [4, B] for splits [B]."""
    _, _, heights, widths = _quadrants(jnp.asarray(rows), jnp.asarray(columns), height, width)
    return jnp.moveaxis(heights * widths, -1, 0).astype(jnp.float32) / (height * width)


def patch_images(
    images: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    offsets: jax.Array,
    permutations: jax.Array,
) -> jax.Array:
    """Returns images whose quadrant k is the crop at offsets[k] of image permutations[k, b].

    images: [B, H, W, C]. rows, columns: int, height and width of quadrant 0. offsets: int [4, 2],
    row and column of the crops. All but the permutations, int [4, B], may have a first axis B.
    Quadrants may be empty. The type of the images stays: nothing is interpolated.
    """
    num, height, width = images.shape[:3]
    images = jnp.asarray(images)
    whole = (rows, columns, offsets, permutations)
    rows, columns, offsets, permutations = (jnp.asarray(x).astype(jnp.int32) for x in whole)
    tops, lefts, _, _ = _quadrants(rows, columns, height, width)
    # From a pixel to the pixel that it shows, by quadrant: [4] or [B, 4].
    shift_rows, shift_columns = offsets[..., 0] - tops, offsets[..., 1] - lefts
    below = jnp.arange(height)[:, None] >= rows[..., None, None]
    right = jnp.arange(width)[None, :] >= columns[..., None, None]
    quadrant = jnp.broadcast_to(below + 2 * right, (num, height, width))

    def of_quadrant(values: jax.Array) -> jax.Array:
        """Returns, for every pixel, the value of its quadrant of [4] or [B, 4]."""
        by_image = jnp.broadcast_to(values, (num, _QUADRANTS))
        return jnp.take_along_axis(by_image, quadrant.reshape(num, -1), axis=1).reshape(
            quadrant.shape
        )

    source = of_quadrant(permutations.T)
    row = jnp.arange(height)[:, None] + of_quadrant(shift_rows)
    column = jnp.arange(width)[None, :] + of_quadrant(shift_columns)
    # One gather of pixels: whole permuted copies of the batch would be four.
    return images[source, row, column]


def _quadrants(
    rows: jax.Array, columns: jax.Array, height: int, width: int
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Returns top, left, height and width of the quadrants, each [..., 4] for splits [...]."""
    zero = jnp.zeros_like(rows)
    by_quadrant: Sequence[Sequence[jax.Array]] = (
        (zero, rows, zero, rows),
        (zero, zero, columns, columns),
        (rows, height - rows, rows, height - rows),
        (columns, columns, width - columns, width - columns),
    )
    tops, lefts, heights, widths = (jnp.stack(values, axis=-1) for values in by_quadrant)
    return tops, lefts, heights, widths


def _check(beta: float, scope: str, crop: str, label: str) -> None:
    if not beta > 0:
        raise InputError(f"beta={beta} given; it must be above 0")
    for name, value, allowed in (
        ("scope", scope, SCOPES),
        ("crop", crop, CROPS),
        ("label", label, LABELS),
    ):
        if value not in allowed:
            raise InputError(f"{name}={value!r} given; allowed are {', '.join(allowed)}")
