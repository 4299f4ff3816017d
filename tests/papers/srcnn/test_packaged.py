"""The networks that come with the package."""

import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import read_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.packaged import packaged_scales, packaged_weights
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures
from jaxrepro.papers.srcnn.trained import load_trained


def test_there_is_one_each_for_2_3_and_4():
    assert packaged_scales() == (2, 3, 4)
    with pytest.raises(
        InputError, match=r"--scale=5 comes with the package \(there are: 2, 3, 4\)"
    ):
        packaged_weights(5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_they_are_better_than_bicubic_on_a_picture_they_have_not_seen(scale):
    trained = load_trained(packaged_weights(scale), scale)
    network = TiledNetwork(trained.module, trained.variables)
    cat = degraded_pictures("photos:test", trained.degradation, scale, "y")[1]
    assert cat.name == "cat"
    plain, better = (
        published_measures(planes[..., 0], cat.truth[..., 0], scale)["psnr"]
        for planes in (cat.enlarged, network(cat.enlarged))
    )
    assert better > plain + 0.4


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_they_say_what_they_were_trained_on_and_name_no_place(scale):
    export = read_export(packaged_weights(scale))
    config = export.card["provenance"]["config"]
    assert config["data"]["source"] == "photos:train"
    assert config["train"]["total_steps"] == export.card["provenance"]["step"]
    assert "/" not in repr(export.card).replace("reconstruction/", "")
    assert (
        sum(np.size(x) for layer in export.nets["model"]["params"].values() for x in layer.values())
        == 8129
    )
