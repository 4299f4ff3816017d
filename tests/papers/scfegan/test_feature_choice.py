"""Which network a config's section chooses."""

import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.settings import FEATURE_DEFAULTS, features_from_settings
from tests.nn.vgg.vgg16_arrays import torchvision_arrays


def choose(**changes):
    settings = Settings({"features": FEATURE_DEFAULTS | changes})
    network = features_from_settings(settings.features)
    settings.check_all_read()
    return network


def test_without_a_file_the_name_says_random():
    network = choose(seed=5, width=4, dtype="bfloat16")
    assert network.name == "random-vgg16(seed=5,width=4)" and not network.trained
    assert network.module.dtype == np.dtype("bfloat16")


def test_a_file_is_read_with_its_preprocessing(tmp_path):
    np.savez(tmp_path / "vgg.npz", **torchvision_arrays())
    path = str(tmp_path / "vgg.npz")
    assert choose(weights=path).name.startswith("vgg16-torchvision-")
    assert choose(weights=path, preprocessing="caffe").name.startswith("vgg16-caffe-")
    with pytest.raises(InputError, match="width 16 given with published weights"):
        choose(weights=path, width=16)


def test_refusals():
    with pytest.raises(InputError, match="'caffe' given without a file of weights"):
        choose(preprocessing="caffe")
    with pytest.raises(InputError, match="features.dtype is 'float64'"):
        choose(dtype="float64")
    with pytest.raises(InputError, match="features.width is 0; it must be at least 1"):
        choose(width=0)
