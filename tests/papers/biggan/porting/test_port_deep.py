"""The ported BigGAN-deep against the author's code, run on CPU (tests/golden/README.md)."""

import functools
import pathlib
import zlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import port
from jaxrepro.papers.biggan.network.deep import DeepDiscriminator, DeepGenerator

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "golden" / "biggan_deep.npz"
MUTABLE = ["batch_stats", "spectral"]
BUFFERS = ("u0", "sv0", "stored_mean", "stored_var")
MAKE = {"G": port.generator_from_pytorch, "D": port.discriminator_from_pytorch}
EPSILONS = {"G": {"bn_epsilon": 1e-4, "sn_epsilon": 1e-6}, "D": {"sn_epsilon": 1e-6}}


def value_of(name, shape):
    """Returns the array of that name that the author's networks were filled with."""
    array = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    leaf = name.rpartition(".")[2]
    if leaf in ("stored_var", "sv0"):
        array = 0.5 + np.abs(array)
    elif leaf == "gamma":
        array = 0.5 + 0.1 * array
    elif name == "output_layer.0.gain":
        array = 1 + 0.1 * array
    elif leaf not in ("weight", "u0"):
        array = 0.03 * array
    return np.float32(array)


def shapes_of(listing):
    """Returns {name: shape} of lines "name 3 3"."""
    words = [line.split() for line in listing]
    return {name: tuple(map(int, sizes)) for name, *sizes in words}


def from_vector(vector, shapes):
    """Returns the arrays of {name: shape} that lie in a vector one after the other."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    assert ends[-1] == len(vector)
    pieces = np.split(vector, ends[:-1])
    return {
        name: piece.reshape(shape)
        for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
    }


def nhwc(array):
    return np.transpose(array, (0, 2, 3, 1))


def assert_close(actual, desired, tolerance=1e-4):
    """Compares to that fraction of the largest desired value."""
    desired = np.asarray(desired)
    assert np.shape(actual) == desired.shape
    atol = tolerance * np.abs(desired).max()
    np.testing.assert_allclose(np.asarray(actual), desired, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def shapes(golden):
    return {network: shapes_of(golden[f"{network}/arrays"]) for network in MAKE}


@pytest.fixture
def arrays(shapes):
    return {
        network: {name: value_of(name, shape) for name, shape in shapes[network].items()}
        for network in MAKE
    }


@pytest.fixture(scope="module")
def results(golden, shapes):
    """One evaluation and one training call of each network, by network and name."""
    networks = {
        network: MAKE[network](
            {name: value_of(name, shape) for name, shape in shapes[network].items()},
            **EPSILONS[network],
        )
        for network in MAKE
    }
    (g, g_variables), (d, d_variables) = networks["G"], networks["D"]
    z, labels = jnp.asarray(golden["in/z"]), jnp.asarray(golden["in/y"])
    images = nhwc(golden["in/x_quarter"]).astype(np.float32).repeat(4, 1).repeat(4, 2)
    # The generator's loss: a fixed linear form of its images, drawn in the author's layout.
    form = nhwc(np.random.RandomState(1).standard_normal((len(z), 3, 64, 64)).astype(np.float32))

    def g_loss(params):
        variables = g_variables | {"params": params}
        fakes, stats = g.apply(variables, z, labels, train=True, mutable=MUTABLE)
        return jnp.sum(fakes * form), (fakes, stats)

    def d_loss(params, images):
        variables = d_variables | {"params": params}
        logits, stats = d.apply(variables, images, labels, train=True, mutable=["spectral"])
        return jnp.sum(logits), (logits, stats)

    # Compiled in a third of the time, which is most of the test's.
    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def call(g_params, d_params, images):
        g_grads, (fakes, g_stats) = jax.grad(g_loss, has_aux=True)(g_params)
        gradients, (logits, d_stats) = jax.grad(d_loss, (0, 1), has_aux=True)(d_params, images)
        return {
            "G": {
                "eval": g.apply(g_variables, z, labels, train=False),
                "train": fakes,
                "stats": g_stats,
                "grads": g_grads,
            },
            "D": {
                "eval": d.apply(d_variables, images, labels, train=False),
                "train": logits,
                "stats": d_stats,
                "grads": gradients[0],
                "image_grads": gradients[1],
            },
        }

    return call(g_variables["params"], d_variables["params"], images)


def test_modules_are_read_from_the_arrays(arrays):
    g, _ = port.generator_from_pytorch(arrays["G"], **EPSILONS["G"])
    assert isinstance(g, DeepGenerator)
    assert (g.resolution, g.ch, g.dim_z, g.num_classes, g.channels) == (64, 2, 6, 5, 3)
    assert (g.shared_dim, g.depth, g.attention, g.output_channels) == (4, 2, (32,), None)
    assert (g.bn_epsilon, g.output_bn_epsilon, g.sn_epsilon) == (1e-4, 1e-5, 1e-6)
    d, _ = port.discriminator_from_pytorch(arrays["D"], sn_epsilon=1e-8)
    assert isinstance(d, DeepDiscriminator)
    assert (d.resolution, d.ch, d.num_classes, d.channels) == (64, 2, 5, 3)
    assert (d.depth, d.attention, d.sn_epsilon) == (2, (8,), 1e-8)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_outputs(golden, results, mode):
    assert_close(results["G"][mode][:, ::5, ::5], nhwc(golden[f"out/G_{mode}"]))
    assert_close(results["D"][mode], golden[f"out/D_{mode}"])


@pytest.mark.parametrize("network", ["G", "D"])
def test_buffers_after_a_training_call(golden, results, shapes, arrays, network):
    buffers = {name: s for name, s in shapes[network].items() if name.endswith(BUFFERS)}
    after = from_vector(golden[f"after/{network}"], buffers)
    _, desired = MAKE[network](arrays[network] | after)
    actual = results[network]["stats"]
    desired = {collection: desired[collection] for collection in actual}
    chex.assert_trees_all_equal_structs(actual, desired)
    jax.tree.map(assert_close, actual, desired)


@pytest.mark.parametrize("network", ["G", "D"])
def test_gradients_by_weights(golden, results, shapes, network):
    names = list(shapes[network])
    # Which of our leaves is which array: seen by porting arrays that are filled with their index.
    numbered = {name: np.full(shape, i) for i, (name, shape) in enumerate(shapes[network].items())}
    _, indices = MAKE[network](numbered)
    grads = dict(
        zip(
            (names[int(leaf.reshape(-1)[0])] for leaf in jax.tree.leaves(indices["params"])),
            jax.tree.leaves(results[network]["grads"]),
            strict=True,
        )
    )
    parameters = [name for name in names if not name.endswith(BUFFERS)]
    assert grads.keys() == set(parameters)
    desired = dict(zip(parameters, golden[f"gradnorm/{network}"], strict=True))
    # A bias before a batch norm has gradient zero, and in both codes only rounding.
    floor = 1e-5 * float(max(desired.values())) if network == "G" else 0
    for name, grad in grads.items():
        norm = float(jnp.linalg.norm(grad.reshape(-1)))
        assert norm == pytest.approx(float(desired[name]), rel=1e-4, abs=floor), name
    prefix = f"grad/{network}/"
    whole = [name.removeprefix(prefix) for name in golden if name.startswith(prefix)]
    assert len(whole) > 4
    filled = {name: np.full(shape, np.nan) for name, shape in shapes[network].items()}
    _, leaves = MAKE[network](filled | {name: golden[prefix + name] for name in whole})
    compared = 0
    for actual, leaf in zip(
        jax.tree.leaves(results[network]["grads"]), jax.tree.leaves(leaves["params"]), strict=True
    ):
        if not np.isnan(np.asarray(leaf)).any():
            assert_close(actual, leaf)
            compared += 1
    assert compared == len(whole)


def test_gradient_by_images(golden, results):
    assert_close(results["D"]["image_grads"][:, ::5, ::5], nhwc(golden["grad/images"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("output_layer.0.gain"), r"missing: output_layer\.0\.gain"),
        (lambda a: a.pop("linear.weight"), r"linear\.weight is missing"),
        (lambda a: a.pop("shared.weight"), r"shared\.weight is missing"),
        (lambda a: a.pop("blocks.3.0.conv4.weight"), r"blocks\.3\.0\.conv4\.weight is missing"),
        (lambda a: a.update(extra=np.zeros(3)), "not used: extra"),
        (
            lambda a: a.update({"blocks.1.0.bn4.bias.weight": np.zeros((8, 9))}),
            r"blocks\.1\.0\.bn4\.bias\.weight \(8, 9\) instead of \(8, 10\)",
        ),
        (lambda a: a.update({"linear.weight": np.zeros((512, 4))}), "4 columns: it must have more"),
        (
            lambda a: a.update({"linear.weight": np.zeros((256, 10))}),
            "256 rows, .* 32, 32, 32, 16, 16, 8, 8, 4: no deep generator of 16, 32, 64, 128",
        ),
        (lambda a: a.pop("blocks.5.1.phi.u0"), r"missing: blocks\.5\.1\.phi\.u0"),
    ],
)
def test_wrong_generator_arrays_are_named(arrays, change, message):
    change(arrays["G"])
    with pytest.raises(InputError, match=message):
        port.generator_from_pytorch(arrays["G"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("input_conv.weight"), r"input_conv\.weight is missing"),
        (lambda a: a.update(extra=np.zeros(3)), "not used: extra"),
        (lambda a: a.pop("blocks.2.2.gamma"), r"not used: blocks\.2\.2\.g\.sv0"),
        (lambda a: a.pop("blocks.3.1.conv1.weight"), r"missing: blocks\.3\.1\.conv1\.weight"),
        (lambda a: a.update({f"blocks.{i}.x": np.zeros(1) for i in range(9)}), "of 9 stages"),
        (lambda a: a.update({"blocks.4.0.x": np.zeros(1)}), r"not used: .*blocks\.4\.0\.x"),
    ],
)
def test_wrong_discriminator_arrays_are_named(arrays, change, message):
    change(arrays["D"])
    with pytest.raises(InputError, match=message):
        port.discriminator_from_pytorch(arrays["D"])
