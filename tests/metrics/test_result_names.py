import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.result_names import result_name


@pytest.mark.parametrize(
    ("quantity", "num_samples", "network", "expected"),
    [
        ("frechet", 50_000, "inception-fid2015-1a2b3c4d", "fid@50000"),
        ("frechet", 1, "inception-fid2015-1a2b3c4d", "fid@1"),
        ("intra_class_frechet", 10, "inception-fid2015-1a2b3c4d", "intra_class_fid@10"),
        ("inception_score", 10, "inception-fid2015-1a2b3c4d", "inception_score@10"),
        ("recall", 10, "inception-fid2015-1a2b3c4d", "recall@10:inception-fid2015-1a2b3c4d"),
        (
            "frechet",
            50_000,
            "inception-fid2015-tf1resize-1a2b3c4d",
            "frechet@50000:inception-fid2015-tf1resize-1a2b3c4d",
        ),
        (
            "frechet",
            50_000,
            "inception-torchvision-biggan-1a2b3c4d",
            "frechet@50000:inception-torchvision-biggan-1a2b3c4d",
        ),
        ("frechet", 1000, "resnet-digits-0a1b2c3d", "frechet@1000:resnet-digits-0a1b2c3d"),
        (
            "inception_score",
            10,
            "inception-fid2015-1a2b3c4d-old",
            "inception_score@10:inception-fid2015-1a2b3c4d-old",
        ),
    ],
)
def test_names(quantity, num_samples, network, expected):
    assert result_name(quantity, num_samples, network) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frechet", 0, "net-1"), "0 samples"),
        (("Frechet", 5, "net-1"), "quantity 'Frechet'"),
        (("frechet@5", 5, "net-1"), "quantity 'frechet@5'"),
        (("frechet", 5, "a:b"), "network name 'a:b'"),
        (("frechet", 5, ""), "network name ''"),
    ],
)
def test_names_that_could_not_be_read_back(arguments, message):
    with pytest.raises(InputError, match=message):
        result_name(*arguments)
