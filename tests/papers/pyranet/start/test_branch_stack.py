"""Plain layers with branches: by hand in NumPy, and the gains that the conditions promise."""

import jax
import numpy as np
import pytest

from jaxrepro.papers.pyranet.start.branch_stack import STARTS, BranchStack


def relu(y):
    return np.maximum(y, 0)


def drawn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def test_layers_of_two_branches_by_hand():
    """One block of kernels of each kind; the first axis counts the blocks."""
    split, levels, merge = drawn(1, 3, 3), drawn(1, 2, 3, 3), drawn(1, 3, 3) + 1
    one, two = drawn(5, 3), drawn(2, 5, 3)
    (w,), ((v, u),), (m,) = split, levels, merge
    options = {"branches": 2, "width": 3}
    have = BranchStack("split", **options).run({"split": split}, one)
    np.testing.assert_allclose(have, [relu(one) @ w] * 2, rtol=1e-5, atol=1e-6)
    have = BranchStack("merge", **options).run({"merge": merge}, two)
    np.testing.assert_allclose(have, relu(two[0] + two[1]) @ m, rtol=1e-5, atol=1e-6)
    kernels = {"split": split, "level": levels, "merge": merge}
    a, b = (relu(relu(one) @ w) @ kernel for kernel in (v, u))
    have = BranchStack("pyramid", **options).run(kernels, one)
    np.testing.assert_allclose(have, relu(a + b) @ m, rtol=1e-5, atol=1e-5)
    have = BranchStack("rectified_sum", **options).run(kernels, one)
    np.testing.assert_allclose(have, (relu(a) + relu(b)) @ m, rtol=1e-5, atol=1e-5)
    have = BranchStack("pyramid", rectified=False, **options).run(kernels, one)
    np.testing.assert_allclose(have, one @ w @ (v + u) @ m, rtol=1e-4, atol=1e-4)


def test_two_parallel_layers_by_hand():
    kernels, y = drawn(2, 2, 2, 3, 3), drawn(2, 5, 3)
    want = y
    for layer in kernels:
        want = [sum(relu(want[s]) @ layer[s, t] for s in range(2)) for t in range(2)]
    stack = BranchStack("parallel", branches=2, width=3, num_blocks=2)
    np.testing.assert_allclose(stack.run({"parallel": kernels}, y), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("start", "split", "merge"),
    [
        # (forward, backward) for 4 branches: a C n Var of the one side and of the other.
        ("forward", (1, 4), (1, 1 / 4)),
        ("backward", (1 / 4, 1), (4, 1)),
        ("branch_consistent", (2 / 5, 8 / 5), (8 / 5, 2 / 5)),
        ("branch_paper", (2 / 5, 8 / 5), (8 / 5, 2 / 5)),
        ("branch_article", (1 / 5, 4 / 5), (4 / 5, 1 / 5)),
    ],
)
def test_gains_of_a_split_and_a_merger(start, split, merge):
    """With ReLU. The standard error of a power of 256 x 64 numbers from 64 is about 4 %."""
    for kind, want in (("split", split), ("merge", merge)):
        gains = BranchStack(kind, width=64).gains(STARTS[start], jax.random.key(1))
        assert (gains["forward"], gains["backward"]) == pytest.approx(want, rel=0.15)


def test_without_relu_the_square_halves_every_layer():
    stack = BranchStack("parallel", branches=2, rectified=False, width=64, num_blocks=3)
    want = {"branch_consistent": 1, "branch_paper": 1 / 2, "branch_article": 1 / 2, "xavier": 2}
    for start, gain in want.items():
        gains = stack.gains(STARTS[start], jax.random.key(2))
        assert gains["forward"] == pytest.approx(gain, rel=0.1)
        assert gains["backward"] == pytest.approx(gain, rel=0.1)
