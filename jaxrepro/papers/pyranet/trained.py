"""A trained pose network, ready to use: from a run, an export or a published checkpoint."""

import os

from jaxrepro.papers.pyranet.network.networks import NETWORKS
from jaxrepro.tasks.pose.inference.hourglass_files import PYTORCH_HOURGLASS
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose, load_pose


def load_trained(
    path: str | os.PathLike[str], step: int | str | None = None, *, average: bool | None = None
) -> TrainedPose:
    """Returns the network in `path`.

    path: a run, finished or going on; an export; or a checkpoint of pytorch-pose or of Fast Human
    Pose Estimation, as `core.arrays.array_files.read_arrays` takes it. Reading runs no code. step:
    of the run; the latest by default. average: of the run, its moving average or the network as the
    last update left it; None takes the average where there is one.

    Raises InputError if there is no pose network of this paper, or no such average.
    """
    return load_pose(path, NETWORKS, [PYTORCH_HOURGLASS], step=step, average=average)
