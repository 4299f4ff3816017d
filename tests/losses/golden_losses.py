"""The losses of tests/golden/scfegan_losses.npz, see the README beside it."""

import pathlib

import numpy as np

PATH = pathlib.Path(__file__).parents[1] / "golden" / "scfegan_losses.npz"
with np.load(PATH) as _archive:
    GOLDEN = {name: _archive[name] for name in _archive.files}


def maps(of):
    """Returns the maps of "gt", "gen" or "comp" at the three depths."""
    return [GOLDEN[f"feat_{of}_{depth}"] for depth in (1, 2, 3)]


def composed():
    mask = GOLDEN["loss_mask"]
    return GOLDEN["loss_gen"] * mask + GOLDEN["loss_gt"] * (1 - mask)


def near(ours, name):
    np.testing.assert_allclose(ours, GOLDEN[name], rtol=1e-5, atol=1e-7)
