"""The article's settings."""

import pathlib
import runpy

import pytest

from jaxrepro.core.errors import InputError

PATH = pathlib.Path(__file__).resolve().parents[3] / "configs" / "srcnn_article.py"


@pytest.fixture(scope="module")
def get_config():
    return runpy.run_path(str(PATH))["get_config"]


def test_its_rates_and_lengths(get_config):
    config = get_config()
    # 21,884 patches are 170 updates of 128 and a smaller one.
    assert (config.train.total_steps, config.train.batch_size) == (150 * 171, 128)
    assert (config.optim.name, config.optim.learning_rate) == ("adam", 1e-4)
    assert config.optim.multipliers == ("reconstruction=0.1",)
    assert config.loss.reduction == "mean"
    colored = get_config("arch=9-3-1,color=rgb-from-y,rates=equal,bs=64")
    assert colored.model.kernels == (9, 3, 1)
    assert colored.train.total_steps == 200 * 342
    assert colored.optim.multipliers == ()


def test_unknown_rates_are_said(get_config):
    with pytest.raises(InputError, match="rates=same given; allowed: smaller, equal"):
        get_config("rates=same")
