"""The stacked hourglass beside PyTorch's, its sizes, and its weights from a state_dict."""

import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.analysis import flops
from jaxrepro.core.devices import platform
from jaxrepro.core.errors import InputError
from jaxrepro.nn.blocks.hourglass import Hourglass, Place, residual_blocks
from jaxrepro.nn.blocks.hourglass_weights import hourglass_from_pytorch
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from tests.pytorch_hourglass import state_dict

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "hourglass.npz")


def images():
    x = np.random.RandomState(5).rand(2, 3, 64, 64).astype(np.float32)
    return jnp.asarray(x.transpose(0, 2, 3, 1))


# What is in the golden file: both codes ran unmodified. features, stacks, blocks, joints; and
# after how many stacks ours stops.
@pytest.mark.parametrize(
    ("name", "sizes", "num_stacks"),
    [("pytorch_pose", (256, 2, 1, 2), None), ("fpd", (16, 2, 2, 3), 1)],
)
def test_scores_are_those_of_the_published_code(name, sizes, num_stacks):
    arrays = {f"module.{k}": v for k, v in state_dict(*sizes).items()}
    arrays["module.bn1.num_batches_tracked"] = np.asarray(7)
    module, variables = hourglass_from_pytorch(arrays)
    fields = ("features", "num_stacks", "num_blocks", "num_joints")
    assert tuple(getattr(module, field) for field in fields) == sizes
    assert (module.depth, module.wide_stem) == (4, True)
    run = jax.jit(lambda v, x: module.apply(v, x, train=False, num_stacks=num_stacks))
    published = GOLDEN[name].transpose(0, 1, 3, 4, 2)[:num_stacks]
    for have, want in zip(run(variables, images()), published, strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_arrays_that_do_not_fit_are_named():
    arrays = state_dict(8, 1, 1, 2)
    with pytest.raises(InputError, match=r"conv1\.weight is missing"):
        hourglass_from_pytorch({"weights": np.zeros(3)})
    arrays["extra"] = np.zeros(3)
    arrays["score.0.bias"] = np.zeros(3, np.float32)
    del arrays["hg.0.hg.1.2.0.conv2.weight"]
    with pytest.raises(InputError, match=r"hourglass of 1 stacks, width 8 and 1 blocks") as error:
        hourglass_from_pytorch(arrays)
    assert "missing: hg.0.hg.1.2.0.conv2.weight" in str(error.value)
    assert "of the wrong shape: score.0.bias (3,) instead of (2,)" in str(error.value)
    assert "not used: extra" in str(error.value)
    others = {k: v for k, v in state_dict(8, 1, 1, 2).items() if not k.startswith("hg.")}
    with pytest.raises(InputError, match="not a state_dict of pytorch-pose's hourglass"):
        hourglass_from_pytorch(others)


def abstract(module, side=256):
    x = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    keys = jax.eval_shape(lambda: jax.random.key(0))
    variables = jax.eval_shape(lambda key, x: module.init(key, x, train=False), keys, x)
    return variables, x


def num_parameters(module):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(abstract(module)[0]["params"]))


# Counted in PyTorch; those of 128 channels are the students of "Fast Human Pose Estimation".
@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [
        ((1, 256, 1), 3_586_960),
        ((2, 256, 1), 6_730_912),
        ((4, 128, 1), 3_287_936),
    ],
)
def test_parameters(sizes, parameters):
    assert num_parameters(StackedHourglass(*sizes)) == parameters


def test_multiplications(monkeypatch):
    """As papers count them: with those of the padding. Each stack after the first adds 3.184 G."""
    monkeypatch.setattr(flops, "meeting_pairs", lambda size, taps, outputs, **_: taps * outputs)
    counts = []
    for num_stacks in (1, 2):
        module = StackedHourglass(num_stacks)
        variables, x = abstract(module)
        with platform.traced_for_accelerators():
            count = flops.count_operations(
                lambda v, x, module=module: module.apply(v, x, train=False), variables, x
            )
        assert count.is_complete
        counts.append(count.contractions / 2e9)
    assert counts[0] == pytest.approx(5.81, abs=0.006)
    assert counts[1] == pytest.approx(8.99, abs=0.005)
    # Linear in the stacks: 28.09 G for eight.
    assert counts[0] + 7 * (counts[1] - counts[0]) == pytest.approx(28.09, abs=0.006)


def test_shapes_early_stop_and_dtype():
    module = StackedHourglass(3, 16, num_joints=5, depth=1, dtype=jnp.bfloat16)
    variables, x = abstract(module, side=24)

    def shape_of(**arguments):
        return jax.eval_shape(
            lambda v, x: module.apply(v, x, train=False, **arguments), variables, x
        )

    assert shape_of().shape == (3, 1, 6, 6, 5)
    assert shape_of().dtype == jnp.float32
    assert shape_of(num_stacks=2).shape == (2, 1, 6, 6, 5)
    with pytest.raises(AssertionError):
        shape_of(num_stacks=4)
    with pytest.raises(AssertionError):
        abstract(module, side=20)


def test_every_place_has_its_blocks():
    places = []

    def make_block(place, features, *, start, name):
        places.append(place)
        return residual_blocks(place, features, start=start, name=name)

    module = Hourglass(3, 2, make_block)
    x = jax.ShapeDtypeStruct((1, 8, 8, 4), jnp.float32)
    jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    want = [Place(part, level) for level in (3, 2, 1) for part in ("skip", "encoder")]
    want += [Place("bottom", 1), *(Place("decoder", level) for level in (1, 2, 3))]
    assert places == [place for place in want for _ in range(2)]
