"""Target maps: a Gaussian around each joint, in the conventions of published code.

The functions take NumPy and JAX arrays, traced ones too, and use the library of what they are
given. The 16 float32 maps of 64 x 64 take 1.3 times the bytes of their picture of 256 x 256, the
joints 128 bytes: so send joints to the device, and draw inside the jitted step.
"""

import dataclasses
from typing import Any, Literal

# NumPy's, JAX's, or a traced array: anything of the array standard.
Array = Any


@dataclasses.dataclass(frozen=True)
class HeatMapStyle:
    """How a joint becomes a map. The peak is 1 at the centre of a cell.

    sigma: standard deviation in cells. radius: the Gaussian is cut off to 2 radius + 1 cells.
    rounding: "floor", the cell that holds the joint, or "nearest", the cell whose lower corner is
      nearest. Decoding must use the same, see `metrics.pose.pose_decode`.
    center_inside: a joint outside the map leaves no trace even where its window reaches in.
    """

    sigma: float
    radius: int
    rounding: Literal["floor", "nearest"] = "floor"
    center_inside: bool = False


HEAT_MAP_STYLES = {
    # Torch hourglass and PyraNet: a call for a kernel of 7 cells, whose sigma is a quarter of that.
    "torch": HeatMapStyle(1.75, 3),
    "pytorch_pose": HeatMapStyle(1.0, 3),
    "princeton": HeatMapStyle(1.0, 4, center_inside=True),
    # HRNet, FPD, mmpose.
    "hrnet": HeatMapStyle(2.0, 6, "nearest"),
}


def joint_cells(points: Array, style: HeatMapStyle) -> Array:
    """Returns the cells (x, y) of joints as whole floats [..., K, 2].

    points: continuous coordinates in cells: pixels of the crop times map size over crop size.
    """
    xp = points.__array_namespace__()
    return xp.floor(points + 0.5) if style.rounding == "nearest" else xp.floor(points)


def drawn_joints(points: Array, labelled: Array, size: int, style: HeatMapStyle) -> Array:
    """Returns which joints leave a trace in a map of size x size cells, bool [..., K].

    points: as for `joint_cells`. labelled: bool [..., K].
    """
    cells = joint_cells(points, style)
    reach = 0 if style.center_inside else style.radius
    inside = (cells >= -reach) & (cells < size + reach)
    return labelled & inside[..., 0] & inside[..., 1]


def heat_maps(points: Array, labelled: Array, size: int, style: HeatMapStyle) -> Array:
    """Returns target maps, float32 [..., size, size, K]; all zero for a joint that is not drawn.

    points: float [..., K, 2] as for `joint_cells`. labelled: bool [..., K]. One joint has one map,
    so that pasting it by maximum, as the Torch code does, and by assignment are the same.
    """
    xp = points.__array_namespace__()
    cells = joint_cells(points, style)
    axis = xp.arange(size, dtype=xp.float32)
    # [..., K, 2, size]: distances along x and y; the Gaussian is their product.
    offsets = axis - cells[..., None]
    profile = xp.exp(-(offsets**2) / (2 * style.sigma**2))
    profile = xp.where(xp.abs(offsets) <= style.radius, profile, 0)
    drawn = drawn_joints(points, labelled, size, style)
    rows = xp.where(drawn[..., None], profile[..., 1, :], 0)
    maps = (
        xp.moveaxis(rows, -1, -2)[..., :, None, :]
        * xp.moveaxis(profile[..., 0, :], -1, -2)[..., None, :, :]
    )
    return xp.astype(maps, xp.float32)
