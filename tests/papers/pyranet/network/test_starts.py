"""First variances are attached to the layers that have several branches."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.forms.biased_convolution import Flow
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidResidual
from tests.papers.pyranet.tiny_task import pose_task


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
