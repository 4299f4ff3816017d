"""First variances by hand, for each name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.branch_initialization import INITIALIZATIONS, Initialization
from jaxrepro.nn.forms.biased_convolution import Flow

SHAPE = (3, 3, 20, 30)  # Fans 180 and 270.
ONE, MERGED, SHARED, LINEAR = Flow(), Flow(True, 4, 1), Flow(True, 1, 4), Flow(False, 1, 1)


@pytest.mark.parametrize(
    ("name", "variances"),
    [
        ("torch", [1 / 540] * 4),
        ("xavier", [2 / 450] * 4),
        ("msra", [2 / 180] * 4),
        ("branch_paper", [4 / 450, 4 / (720 + 270), 4 / (180 + 1080), 1 / 450]),
        ("branch_article", [2 / 450, 2 / (720 + 270), 2 / (180 + 1080), 1 / 450]),
        ("branch_consistent", [4 / 450, 4 / (720 + 270), 4 / (180 + 1080), 2 / 450]),
    ],
)
def test_variances_by_hand(name, variances):
    for flow, variance in zip((ONE, MERGED, SHARED, LINEAR), variances, strict=True):
        draw_kernel, draw_bias = Initialization(name)(flow)
        kernel = draw_kernel(jax.random.key(0), SHAPE)
        assert kernel.shape == SHAPE
        # 5400 draws: a standard error of the variance of at most 2 %.
        assert float(jnp.var(kernel)) == pytest.approx(variance, rel=0.08)
        assert abs(float(jnp.mean(kernel))) < 4 * (variance / 5400) ** 0.5
        if name != "msra":
            assert float(jnp.abs(kernel).max()) <= (3 * variance) ** 0.5 * 1.0001
        bias = draw_bias(jax.random.key(1), SHAPE)
        assert bias.shape == (30,)
        if name == "torch":
            assert float(jnp.var(bias)) == pytest.approx(1 / 540, rel=0.5)
        else:
            assert not np.any(bias)


def test_all_names_are_tested():
    (mark,) = (m for m in test_variances_by_hand.pytestmark if m.name == "parametrize")
    assert [name for name, _ in mark.args[1]] == list(INITIALIZATIONS)
