"""The authors' weights on the authors' test sets, where the data folder is at hand."""

import numpy as np
import pytest

from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures
from jaxrepro.papers.srcnn.trained import load_trained

# PSNR of Set5 and Set14 as the released code measures them, by file.
MEASURED = {
    ("9-1-5(91 images)", 2): (36.342, 32.176),
    ("9-1-5(91 images)", 3): (32.390, 29.003),
    ("9-1-5(91 images)", 4): (30.081, 27.202),
    ("9-1-5(ImageNet)", 3): (32.516, 29.131),
    ("9-3-5(ImageNet)", 3): (32.654, 29.237),
    ("9-5-5(ImageNet)", 2): (36.656, 32.454),
    ("9-5-5(ImageNet)", 3): (32.749, 29.292),
    ("9-5-5(ImageNet)", 4): (30.484, 27.502),
}
BICUBIC = {2: (33.661, 30.232), 3: (30.392, 27.541), 4: (28.421, 26.000)}
# SSIM on Set5.
SSIM = {("9-1-5(91 images)", 3): 0.9033, ("9-5-5(ImageNet)", 3): 0.9090}


@pytest.mark.parametrize(("folder", "scale"), MEASURED, ids=str)
def test_the_authors_weights_give_their_decibels(data_folder, folder, scale):
    root = data_folder / "data" / "sr"
    trained = load_trained(root / "official_weights" / folder / f"x{scale}.mat", scale)
    network = TiledNetwork(trained.module, trained.variables, side=300)
    rows = [
        published_measures(network(p.enlarged)[..., 0], p.truth[..., 0], scale)
        for p in degraded_pictures(f"folder:{root / 'Set5'}", trained.degradation, scale, "y")
    ]
    assert np.mean([row["psnr"] for row in rows]) == pytest.approx(
        MEASURED[folder, scale][0], abs=0.002
    )
    if (folder, scale) in SSIM:
        assert np.mean([row["ssim"] for row in rows]) == pytest.approx(
            SSIM[folder, scale], abs=0.0001
        )


@pytest.mark.parametrize("scale", BICUBIC)
def test_bicubic_interpolation_gives_the_published_decibels(data_folder, scale):
    for folder, expected in zip(("Set5", "Set14"), BICUBIC[scale], strict=True):
        rows = [
            published_measures(p.enlarged[..., 0], p.truth[..., 0], scale)["psnr"]
            for p in degraded_pictures(
                f"folder:{data_folder / 'data' / 'sr' / folder}", "matlab-bicubic", scale, "y"
            )
        ]
        assert np.mean(rows) == pytest.approx(expected, abs=0.001)
