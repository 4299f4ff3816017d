"""What a run of this paper knows its data by."""

import dataclasses

import numpy as np

from configs import srcnn
from jaxrepro.core.config import Settings
from jaxrepro.papers import make_task


def test_weights_to_start_from_are_known_by_their_content():
    task = make_task(Settings(srcnn.get_config("test")))
    assert "start.weights" not in task.identities()
    started = dataclasses.replace(task, start={"kernel": np.ones(3)}).identities()
    assert started["start.weights"].num_examples == 0
