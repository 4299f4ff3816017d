"""The switches for the paper's negative results: what each changes, and that each trains."""

import functools
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.devices import platform
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from jaxrepro.papers.biggan.network.model import Discriminator, Generator
from tests.test_task_contract import check_two_updates, load, make

CONFIG = pathlib.Path(__file__).resolve().parents[4] / "configs" / "biggan_negative.py"
ROWS = (
    "depth",
    "bilinear",
    "weight_norm",
    "d_batch_norm",
    "d_conditional_batch_norm",
    "kernel_5",
    "kernel_7",
    "g_dilation",
    "d_dilation",
)
LABELS = jnp.asarray([0, 3, 1, 3], jnp.int32)
Z = jax.random.normal(jax.random.key(7), (4, 6))
IMAGES = jax.random.normal(jax.random.key(8), (4, 16, 16, 3))


# At 16 pixels with ch=1: maps of 4, 4 and 2 channels in G, 1, 2 and 4 in D.
def generator(**changes):
    return Generator(16, 1, 6, 4, shared_dim=5, attention=(), **changes)


def discriminator(**changes):
    return Discriminator(16, 1, 4, attention=(), **changes)


def shapes(module, *inputs):
    return jax.eval_shape(lambda key: module.init(key, *inputs, train=False), jax.random.key(0))


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def changes_of(row):
    """Returns the settings of the model in which a row differs from biggan128.py."""
    published = load(CONFIG.with_name("biggan128.py"), "paper").model
    return {k: v for k, v in load(CONFIG, f"row={row}").model.items() if v != published[k]}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_one_change_of_table_1_row_8(row):
    base = load(CONFIG.with_name("biggan128.py"), "paper").to_dict()
    config = load(CONFIG, f"row={row}").to_dict()
    model, published = config.pop("model"), base.pop("model")
    assert config == base
    assert model.keys() == published.keys()
    assert len(changes_of(row)) == 1


@pytest.mark.parametrize("row", ROWS)
def test_structure_is_a_fixed_point_of_the_step(row):
    task = make(CONFIG, f"test,row={row}")
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    with platform.traced_for_accelerators():
        after, _ = jax.eval_shape(lambda *x: task.train_step(*x), state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert ("batch_stats" in state.nets["g"].stats) == (row != "weight_norm")
    assert ("batch_stats" in state.nets["d"].stats) == (row.endswith("batch_norm"))


# Switches of which none hides another are compiled together. The first row is trained by the
# contract of all configs; kernels of 7 are those of 5 and of 3 with more rows, as is shown below.
@pytest.mark.parametrize(
    "rows",
    [
        ("bilinear", "d_batch_norm", "kernel_5"),
        ("weight_norm", "d_conditional_batch_norm", "g_dilation", "d_dilation"),
    ],
    ids="+".join,
)
def test_two_updates(rows):
    config = load(CONFIG, f"test,row={rows[0]}")
    for row in rows:
        config.model.update(changes_of(row))
    assert len({key for row in rows for key in changes_of(row)}) == len(rows)
    check_two_updates(make_task(Settings(config)))


def test_larger_kernels_with_a_frame_of_zeros_are_the_smaller_ones():
    """Images and logits, hence the padding and the spectral norms too."""
    rng = np.random.default_rng(0)
    for make_module, inputs in ((generator, (Z, LABELS)), (discriminator, (IMAGES, LABELS))):
        module = make_module()
        variables = jax.tree.map(
            lambda leaf: (
                rng.uniform(0.1, 1.0, leaf.shape).astype(np.float32)
                * rng.choice([-1, 1] if leaf.ndim > 1 else [1], leaf.shape).astype(np.float32)
            ),
            shapes(module, *inputs),
        )
        outputs = [jax.jit(functools.partial(module.apply, train=False))(variables, *inputs)]
        for size in (5, 7):
            larger = make_module(kernel_size=size)
            frame = size // 2 - 1
            framed = jax.tree.map(
                lambda leaf, frame=frame: (
                    np.pad(leaf, [(frame, frame), (frame, frame), (0, 0), (0, 0)])
                    if leaf.ndim == 4 and leaf.shape[0] == 3
                    else leaf
                ),
                variables,
            )
            chex.assert_trees_all_equal_shapes(framed, shapes(larger, *inputs))
            apply = jax.jit(functools.partial(larger.apply, train=False))
            outputs.append(apply(framed, *inputs))
        assert float(jnp.std(outputs[0])) > 1e-3
        for output in outputs[1:]:
            np.testing.assert_allclose(output, outputs[0], rtol=1e-4, atol=1e-5)


def test_parameters_of_the_generator():
    inputs = Z, LABELS
    base = count(shapes(generator(), *inputs))
    # A further block of c channels: 2 convolutions with bias, and 2 norms of 2 maps each from
    # the class vector of 5 and the chunk of 2.
    further = sum(2 * (9 * c * c + c) + 4 * 7 * c for c in (4, 2))
    assert count(shapes(generator(depth=2), *inputs)) == base + further
    assert count(shapes(generator(depth=3), *inputs)) == base + 2 * further
    # Inputs times outputs of the 3x3 convolutions, the output's last.
    pairs = 4 * 4 + 4 * 4 + 4 * 2 + 2 * 2 + 2 * 3
    for size in (5, 7):
        larger = count(shapes(generator(kernel_size=size), *inputs))
        assert larger == base + (size**2 - 9) * pairs
    for same in ({"dilation": 2}, {"upsampling": "bilinear"}):
        chex.assert_trees_all_equal_shapes_and_dtypes(
            shapes(generator(**same), *inputs), shapes(generator(), *inputs)
        )
    # One length for each output of the 7 convolutions.
    assert count(shapes(generator(norm="weight"), *inputs)) == base + 3 * 4 + 3 * 2 + 3


def test_parameters_of_the_discriminator():
    inputs = IMAGES, LABELS
    base = count(shapes(discriminator(), *inputs))
    # After the two blocks that halve the map, not after the last one.
    further = sum(2 * (9 * c * c + c) for c in (1, 2))
    assert count(shapes(discriminator(depth=2), *inputs)) == base + further
    # Channels before each ReLU: of block 1, 2, 3 and the head.
    normalised = 1 + (1 + 2) + (2 + 4) + 4
    plain = shapes(discriminator(norm="batch"), *inputs)
    assert count(plain) == base + 2 * normalised
    conditional = shapes(discriminator(norm="conditional_batch"), *inputs)
    assert count(conditional) == base + 2 * 4 * normalised
    tables = [
        leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(conditional["params"])
        if path[-1].key == "embedding" and "norm" in str(path)
    ]
    assert len(tables) == 12
    assert {shape[0] for shape in tables} == {4}
    for variables in (plain, conditional):
        assert (
            sum(leaf.size for leaf in jax.tree.leaves(variables["batch_stats"])) == 2 * normalised
        )


def test_weight_normalised_images_do_not_depend_on_each_other():
    """In training too; and class and latent vector enter every block."""
    g = generator(norm="weight")
    variables = jax.jit(lambda key: g.init(key, Z, LABELS, train=False))(jax.random.key(0))

    @jax.jit
    def images(z, labels):
        return g.apply(variables, z, labels, train=True, mutable=["spectral"])[0]

    whole = images(Z, LABELS)
    others = images(Z.at[1:].set(0.0), LABELS.at[1:].set(2))
    np.testing.assert_allclose(whole[0], others[0], atol=1e-6)
    assert float(jnp.abs(whole[3] - others[3]).max()) > 1e-4
    another_class = images(Z, LABELS.at[0].set(3))
    assert float(jnp.abs(whole[0] - another_class[0]).max()) > 1e-4


def test_batch_norm_before_the_head_by_hand():
    """Logits and running moments from the last map, in both forms and both modes."""
    for norm in ("batch", "conditional_batch"):
        d = discriminator(norm=norm, bn_epsilon=0.1, bn_momentum=0.25)
        variables = jax.jit(lambda key, d=d: d.init(key, IMAGES, LABELS, train=False))(
            jax.random.key(0)
        )
        # One step of the power iteration leaves both divisors equal in the two modes.
        for train in (True, False):
            logits, new = jax.jit(
                lambda v, d=d, train=train: d.apply(
                    v,
                    IMAGES,
                    LABELS,
                    train=train,
                    mutable=["spectral", "batch_stats", "intermediates"],
                    capture_intermediates=lambda m, _: m.name in ("blocks_2", "output_norm"),
                )
            )(variables)
            captured = new["intermediates"]
            h = np.asarray(captured["blocks_2"]["__call__"][0], np.float64)
            name = "output_norm"
            stats, params = new["batch_stats"][name], variables["params"][name]
            gain, bias = np.ones((4, 4)), np.zeros((4, 4))
            if norm == "conditional_batch":
                stats = stats["normalize"]
                gain = 1 + np.asarray(params["gain"]["embedding"])[LABELS]
                bias = np.asarray(params["bias"]["embedding"])[LABELS]
            mean, variance = np.zeros(4), np.ones(4)
            if train:
                mean, variance = h.mean(axis=(0, 1, 2)), h.var(axis=(0, 1, 2))
                unbiased = h.reshape(-1, 4).var(axis=0, ddof=1)
                np.testing.assert_allclose(stats["mean"], 0.25 * mean, rtol=1e-4, atol=1e-6)
                np.testing.assert_allclose(stats["var"], 0.75 + 0.25 * unbiased, rtol=1e-4)
            y = (h - mean) / np.sqrt(variance + 0.1) * gain[:, None, None] + bias[:, None, None]
            actual = captured[name]["__call__"][0]
            np.testing.assert_allclose(actual, np.maximum(y, 0), rtol=1e-3, atol=1e-4)
            assert logits.shape == (4,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: generator(upsampling="cubic"), "upsampling='cubic' of the generator.*bilinear"),
        (lambda: generator(norm="none"), "norm='none' of the generator: choose one of batch, we"),
        (lambda: discriminator(norm="weight"), "norm='weight' of the discriminator.*conditional"),
        (lambda: generator(kernel_size=4), "kernel_size=4 of the generator: choose one of 3, 5"),
        (lambda: discriminator(dilation=3), "dilation=3 of the discriminator: choose one of 1, 2"),
        (lambda: discriminator(depth=0), "depth=0 of the discriminator: it must be at least 1"),
        (lambda: generator(dilation=2, kernel_size=5), "does not go with kernel_size=5"),
    ],
)
def test_wrong_switches_are_explained(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_groups_without_batch_norm_are_refused():
    config = load(CONFIG, "test,row=weight_norm")
    config.model.bn_groups = 2
    with pytest.raises(InputError, match="bn_groups=2 has no effect"):
        make_task(Settings(config))
    config.model.d_norm = "batch"
    assert make_task(Settings(config)).update.discriminator.bn_groups == 2


def test_an_unknown_row_is_refused():
    with pytest.raises(InputError, match="row=width: choose one of depth, bilinear"):
        load(CONFIG, "row=width")
