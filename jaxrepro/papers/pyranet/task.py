"""The paper's Tasks: people's pose, and, of configs with a classifier, the class of images."""

from jaxrepro.core.config import Settings
from jaxrepro.core.task import References
from jaxrepro.papers.pyranet import published
from jaxrepro.papers.pyranet.classification.classification_task import (
    PyramidClassification,
    classification_from_settings,
)
from jaxrepro.papers.pyranet.network.networks import NETWORKS
from jaxrepro.tasks.classification.networks import WITH_BRANCHES
from jaxrepro.tasks.pose.task import PoseEstimation


class PyramidPose(PoseEstimation):
    """Training of a stacked hourglass, plain or with pyramids, on people."""

    def references(self) -> References:
        """Returns the published figures for this network, and what the results mean."""
        return published.references(self.networks.card(self.module), self.data_set)


def from_settings(settings: Settings) -> PyramidPose | PyramidClassification:
    """Returns the Task that a config describes: by its network, people's pose or images' class.

    Raises InputError where the settings do not fit.
    """
    if settings.model.name in WITH_BRANCHES:
        return classification_from_settings(settings)
    return PyramidPose.from_settings(settings, NETWORKS)
