"""First variances: by hand for each name, and attached to the layers that have several branches."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.branch_initialization import INITIALIZATIONS, Initialization
from jaxrepro.nn.forms.biased_convolution import Flow
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidResidual
from tests.papers.pyranet.tiny_task import pose_task

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


@pytest.mark.parametrize(
    ("variant", "reduce", "merge"), [("A", 1, 4), ("B", 4, 4), ("C", 4, 1), ("D", 4, 4)]
)
def test_layers_with_branches(variant, reduce, merge):
    """C of the first and last 1x1 of the pyramid, and 2 before the module's last 1x1."""
    flows = {}

    def record(flow):
        draws = Initialization()(flow)

        def kernel(key, shape):
            flows[len(flows)] = (flow, shape)
            return draws[0](key, shape)

        return kernel, draws[1]

    module = PyramidResidual(40, PyramidSettings(variant, 10, 4), start=record)
    x = jax.ShapeDtypeStruct((1, 8, 8, 44), jnp.float32)
    jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    by_shape = {shape: flow for flow, shape in flows.values()}
    assert by_shape[(1, 1, 44, 4)] == Flow(branches_out=reduce)
    assert by_shape[(1, 1, 16 if variant == "C" else 4, 20)] == Flow(branches_in=merge)
    assert by_shape[(1, 1, 20, 40)] == Flow(branches_in=2)
    for shape in ((1, 1, 44, 20), (3, 3, 20, 20), (3, 3, 4, 4), (1, 1, 44, 40)):
        assert by_shape[shape] == Flow()


def test_score_layers_may_start_differently():
    """Everything else is drawn as without."""
    tasks = {
        name: pose_task("pyranet", **{"model.init": init, "model.score_init": score_init})
        for name, init, score_init in (
            ("torch", "torch", "same"),
            ("paper", "branch_paper", "same"),
            ("mixed", "branch_paper", "torch"),
        )
    }
    starts = {}
    for name, task in tasks.items():
        run = jax.jit(lambda task=task: task.init(jax.random.key(0)).nets["model"].params)
        starts[name] = flax.traverse_util.flatten_dict(run(), sep="/")
    for path, kernel in starts["mixed"].items():
        source = "torch" if path.startswith("score_0/") else "paper"
        np.testing.assert_array_equal(kernel, starts[source][path])
    path = "score_0/kernel"
    assert np.var(starts["paper"][path]) > 2 * np.var(starts["torch"][path])
