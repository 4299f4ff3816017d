"""Published figures, and what the results of a run mean."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.task import PublishedFigure, References
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.tasks.pose.measures.accuracy import described_results
from jaxrepro.tasks.pose.people import PoseData

_CITATIONS = {
    "hourglass": (
        "Newell, Yang and Deng, Stacked Hourglass Networks for Human Pose Estimation, ECCV 2016, "
        "arXiv 1603.06937"
    ),
    "pyranet": (
        "Yang, Li, Ouyang, Li and Wang, Learning Feature Pyramids for Human Pose Estimation, "
        "ICCV 2017, arXiv 1708.01101"
    ),
}
# On the 2,958 validation people of MPII, by network and number of stacks: PCKh at 0.5, the protocol
# and the source.
_ON_MPII = {
    ("pyranet", 8): (90.27, "flip and six scales", "README of bearpaw/PyraNet, epoch 250"),
    ("hourglass", 2): (86.95, "flip", "README of bearpaw/pytorch-pose"),
    ("hourglass", 8): (88.78, "flip", "README of bearpaw/pytorch-pose"),
}
_PYRAMID = dataclasses.asdict(PyramidSettings())


def references(card: Mapping[str, Any], data: PoseData) -> References:
    """Returns the figures of this network where it is measured on MPII, and the descriptions.

    card: of `networks.network_card`. Only whole networks of 256 channels have figures, and PyraNet
    that of the published pyramids.
    """
    rows = []
    published = _ON_MPII.get((card["name"], card["num_stacks"]))
    sizes = (card["features"], card["num_blocks"], card["depth"])
    whole = sizes == (256, 1, 4) and card.get("pyramid", _PYRAMID) == _PYRAMID
    if published and whole and data.validation.spec.startswith("mpii:"):
        value, how, source = published
        protocol = f"MPII, 2,958 validation people, {how}; mean of 14 joints"
        rows.append(PublishedFigure("validation/pckh@0.5", value, protocol, source))
    return described_results(tuple(rows), _CITATIONS[card["name"]])
