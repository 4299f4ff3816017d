import dataclasses
import json
import math

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.measures.protocol import (
    MEAN_OF_PATCHES,
    MEAN_OF_PATCHES_BY_PICTURE,
    PATCHES,
    POOLED,
    PUBLISHED,
    Protocol,
    published,
    published_measures,
)


def decibels(error):
    return 10 * math.log10(255**2 / error)


def test_rounding_and_shaving():
    truth = np.full((1, 9, 8, 1), 100 / 255)
    output = truth + 0.3 / 255
    output[:, 3:-3, 3:-3] += 1 / 255  # 101.3 inside, 100.3 in the border.
    assert published(3).errors(output, truth) == pytest.approx([1.0])
    assert published(3).num_compared(truth) == 3 * 2
    exact = dataclasses.replace(PUBLISHED, output_rounding="none")
    assert exact.errors(output, truth) == pytest.approx([1.3**2])
    whole = dataclasses.replace(PUBLISHED, shave=0)
    assert whole.errors(output, truth) == pytest.approx([6 / 72])
    with pytest.raises(InputError, match="8x9 pixels has none left when 4 are shaved"):
        published(4).errors(output, truth)


def test_one_set_of_errors_averaged_in_four_ways():
    errors = [np.array([1.0, 4.0]), np.array([]), np.array([0.0])]
    sizes = [10, 10, 10]

    def average(averaging, floor=0.0, errors=errors):
        protocol = Protocol(region=PATCHES, padding="valid", averaging=averaging, error_floor=floor)
        return protocol.psnr(errors, sizes).mean

    assert average(POOLED) == pytest.approx(decibels(5 / 3))
    one, four, none = decibels(1), decibels(4), decibels(0.01)
    assert average(MEAN_OF_PATCHES) == pytest.approx((one + four) / 2)
    assert average(MEAN_OF_PATCHES_BY_PICTURE) == pytest.approx((one + four) / 2)
    assert average("mean of pictures") == pytest.approx(decibels(2.5))
    assert average(POOLED, errors=[np.zeros(2)] * 3) == math.inf
    for averaging in (POOLED, MEAN_OF_PATCHES, MEAN_OF_PATCHES_BY_PICTURE, "mean of pictures"):
        protocol = Protocol(region=PATCHES, padding="valid", averaging=averaging)
        assert protocol.psnr(errors, sizes).num_exact == 1
    assert average(MEAN_OF_PATCHES, 0.01) == pytest.approx((one + four + none) / 3)
    assert average(MEAN_OF_PATCHES_BY_PICTURE, 0.01) == pytest.approx(((one + four) / 2 + none) / 2)
    assert average("mean of pictures", errors=[errors[0], errors[1], np.array([9.0])]) == (
        pytest.approx((decibels(2.5) + decibels(9)) / 2)
    )
    with pytest.raises(InputError, match="nothing to measure"):
        average(POOLED, errors=[np.array([])] * 3)


def test_pooling_counts_pixels():
    protocol = dataclasses.replace(PUBLISHED, averaging=POOLED)
    got = protocol.psnr([np.array([1.0]), np.array([5.0])], [30, 10])
    assert got == (pytest.approx(decibels(2)), 0)


def test_the_published_protocol_is_the_default():
    generator = np.random.default_rng(0)
    truth = generator.random((16, 18))
    output = np.clip(truth + 0.05 * generator.standard_normal(truth.shape), 0, 1)
    error = published(2).errors(output[None, ..., None], truth[None, ..., None])
    measures = published_measures(output, truth, 2)
    assert measures["psnr"] == pytest.approx(published(2).psnr([error], [1]).mean)
    assert 0 < measures["ssim"] < 1
    assert (published(4).scale, published(4).shave) == (4, 4)
    message = "^set/a: a picture of 18x16 pixels is too small for SSIM: 11 must be left"
    with pytest.raises(InputError, match=message):
        published_measures(output, truth, 3, "set/a")


def test_another_degradation_brings_its_luma_and_rounding():
    article = published(3, "article-intended")
    assert (article.luma, article.low_rounding, article.shave) == ("full", "8 bits", 3)
    assert published(2, "gauss-bicubic") == Protocol(degradation="gauss-bicubic", scale=2, shave=2)


def test_the_record_and_the_sentence_say_everything():
    protocol = Protocol(
        degradation="article-intended",
        luma="full",
        low_rounding="8 bits",
        padding="valid",
        output_rounding="none",
        shave=0,
        region=PATCHES,
        averaging=MEAN_OF_PATCHES,
        error_floor=0.01,
        metric="PSNR",
    )
    assert Protocol(**json.loads(json.dumps(protocol.record()))) == protocol
    # No two of these differ in a field only: the sentence tells each apart from the default.
    changes = {
        "degradation": "opencv-cubic",
        "scale": 2,
        "luma": "full",
        "grey": "0..255",
        "color_pooling": "all planes",
        "low_rounding": "8 bits",
        "precision": "float64",
        "padding": "zero",
        "output_rounding": "none",
        "shave": 0,
        "averaging": POOLED,
        "error_floor": 0.01,
        "metric": "SSIM",
    }
    sentences = {
        dataclasses.replace(PUBLISHED, **{name: value}).sentence()
        for name, value in changes.items()
    }
    assert len(sentences | {PUBLISHED.sentence()}) == len(changes) + 1
    assert set(changes) | {"region"} == {field.name for field in dataclasses.fields(Protocol)}
    for word in ("0..255", "article-intended", "valid", "not rounded", "patches of 33", "0.01"):
        assert word in protocol.sentence()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"luma": "Y"}, "luma='Y' given; allowed are studio, full"),
        ({"degradation": "bicubic"}, "degradation='bicubic' given; allowed are matlab-bicubic"),
        ({"shave": -1}, "shave=-1"),
        ({"averaging": MEAN_OF_PATCHES}, "needs region="),
        ({"region": PATCHES}, "patches are measured with padding='valid'"),
        ({"degradation": "pillow-bicubic"}, "pillow-bicubic has low_rounding='8 bits'"),
    ],
)
def test_what_does_not_go_together(changes, message):
    with pytest.raises(InputError, match=message):
        Protocol(**changes)
