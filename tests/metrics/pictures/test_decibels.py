import math

import pytest

from jaxrepro.metrics.pictures.decibels import exact_text, mean_decibels, mean_measures


def test_pictures_without_error_are_counted_and_left_out():
    assert mean_decibels([20.0, math.inf, 30.0]) == (25.0, 1)
    assert mean_decibels([20.0, 30.0]) == (25.0, 0)
    assert mean_decibels(iter([math.inf] * 3)) == (math.inf, 3)
    assert math.isnan(mean_decibels([math.nan, 20.0]).mean)
    with pytest.raises(ValueError, match="no values"):
        mean_decibels([])


def test_means_by_name_with_a_count_only_where_there_is_one():
    rows = [{"psnr": 20.0, "ssim": 0.5}, {"psnr": math.inf, "ssim": 1.0}]
    assert mean_measures(rows) == {"psnr": 20.0, "psnr_exact": 1.0, "ssim": 0.75}
    assert mean_measures(rows[:1]) == rows[0]


def test_the_sentence_on_them():
    assert exact_text(0, 5) == ""
    assert exact_text(1, 5) == "1 of 5 pictures has no error; the mean is over the others"
    assert exact_text(5, 5) == "no picture has an error"
