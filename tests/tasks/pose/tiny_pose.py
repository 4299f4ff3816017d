"""A pose Task of a paper that there is not: plain hourglasses on drawn figures, small."""

from jaxrepro.core.config import Settings
from jaxrepro.tasks.pose.networks import plain_hourglasses
from jaxrepro.tasks.pose.settings import hourglass_sizes, pose_sections
from jaxrepro.tasks.pose.task import PoseEstimation

NETWORKS = plain_hourglasses("example")


def tiny_config(**changes):
    """Returns the config of two updates, with values by dotted key."""
    config = pose_sections("example", total_steps=2)
    config.model = {"name": "hourglass", **hourglass_sizes(1), "init": "torch"}
    config.model.update(features=8, depth=1)
    config.data.size = 32
    config.train.batch_size = 8
    config.eval.update(every=2, batch_size=64, worst_people=4)
    config.update_from_flattened_dict(changes)
    return config


def tiny_task(kind=PoseEstimation, teacher=None, **changes):
    """Returns the Task of `tiny_config`."""
    return kind.from_settings(Settings(tiny_config(**changes)), NETWORKS, teacher=teacher)
