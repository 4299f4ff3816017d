"""The ported networks against the author's code, run on CPU (tests/golden/README.md)."""

import functools
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import port

TESTS = pathlib.Path(__file__).resolve().parents[3]
LARGE = "goldens/biggan_cifar.npz"
MUTABLE = ["batch_stats", "spectral"]


def nhwc(array):
    return jnp.asarray(np.transpose(array, (0, 2, 3, 1)))


def with_prefix(golden, prefix):
    return {k.removeprefix(prefix): golden[k] for k in golden if k.startswith(prefix)}


def assert_close(actual, desired, tolerance=1e-4):
    """Compares to that fraction of the largest desired value."""
    desired = np.asarray(desired)
    atol = tolerance * max(np.abs(desired).max(), 1e-6)
    np.testing.assert_allclose(np.asarray(actual), desired, rtol=0, atol=atol)


def load(path):
    if not path.exists():
        pytest.skip(f"the large golden file {path} is not here")
    with np.load(path) as file:
        return dict(file)


def inputs(golden):
    z, labels = jnp.asarray(golden["in/z"]), jnp.asarray(golden["in/y"], jnp.int32)
    if "in/x_real" in golden:
        real = nhwc(golden["in/x_real"])
    else:
        real = nhwc(golden["in/x_real_quarter"]).repeat(4, 1).repeat(4, 2)
    return z, labels, real, jnp.asarray(golden["in/y_real"], jnp.int32)


class Golden:
    """One golden file, its two ported networks, and the results of one training call of each."""

    def __init__(self, path, bn_epsilon, sn_epsilon):
        self.values = load(path)
        self.stride = 1 if "in/x_real" in self.values else 3
        self.g, self.g_vars = port.generator_from_pytorch(
            with_prefix(self.values, "G/"), bn_epsilon=bn_epsilon, sn_epsilon=sn_epsilon
        )
        self.d, self.d_vars = port.discriminator_from_pytorch(
            with_prefix(self.values, "D/"), sn_epsilon=sn_epsilon
        )
        z, labels, real, real_labels = inputs(self.values)

        def generate(params):
            return self.g.apply(
                self.g_vars | {"params": params}, z, labels, train=True, mutable=MUTABLE
            )

        def d_loss(params, fake):
            images = jnp.concatenate([fake, real])
            logits, stats = self.d.apply(
                self.d_vars | {"params": params},
                images,
                jnp.concatenate([labels, real_labels]),
                train=True,
                mutable=MUTABLE,
            )
            on_fake, on_real = jnp.split(logits, [len(labels)])
            loss = jnp.mean(jax.nn.relu(1 - on_real)) + jnp.mean(jax.nn.relu(1 + on_fake))
            return loss, (logits, stats)

        def g_loss(params):
            images, _ = generate(params)
            logits, _ = self.d.apply(self.d_vars, images, labels, train=True, mutable=MUTABLE)
            return -jnp.mean(logits)

        @jax.jit
        def call():
            images, g_stats = generate(self.g_vars["params"])
            (d_value, (logits, d_stats)), d_grads = jax.value_and_grad(d_loss, has_aux=True)(
                self.d_vars["params"], images
            )
            g_value, g_grads = jax.value_and_grad(g_loss)(self.g_vars["params"])
            return images, g_stats, logits, d_stats, d_value, d_grads, g_value, g_grads

        (
            self.images,
            self.g_stats,
            self.logits,
            self.d_stats,
            self.d_loss,
            self.d_grads,
            self.g_loss,
            self.g_grads,
        ) = call()

    def subsampled(self, images):
        return images[:, :: self.stride, :: self.stride]


@pytest.fixture(
    scope="module",
    params=[
        ("biggan_32.npz", 1e-5, 1e-8),
        ("biggan_64.npz", 1e-4, 1e-6),
        (LARGE, 1e-5, 1e-8),
    ],
    ids=["32", "64", "large"],
)
def golden(request):
    place, *epsilons = request.param
    folder = request.getfixturevalue("data_folder") if place == LARGE else TESTS / "golden"
    return Golden(folder / place, *epsilons)


def test_eval_outputs(golden):
    values = golden.values
    z, labels, real, real_labels = inputs(values)
    images = jax.jit(functools.partial(golden.g.apply, train=False))(golden.g_vars, z, labels)
    assert_close(golden.subsampled(images), nhwc(values["out/G_eval"]))
    apply = jax.jit(functools.partial(golden.d.apply, train=False))
    logits = apply(golden.d_vars, real, real_labels)
    assert_close(logits, values.get("out/D_eval", values.get("out/D_eval_real"))[:, 0])
    if "out/G_eval_first_linear" in values:
        first = golden.g.apply(
            golden.g_vars, z, method=lambda module, z: module.first(z, train=False)
        )
        published = values["out/G_eval_first_linear"].reshape(len(z), -1, 4, 4)
        assert_close(first.reshape(len(z), 4, 4, -1), nhwc(published))


def test_train_outputs(golden):
    values = golden.values
    assert_close(golden.subsampled(golden.images), nhwc(values["out/G_train"]))
    if "grad/D_logits_fake" in values:
        desired = np.concatenate([values["grad/D_logits_fake"], values["grad/D_logits_real"]])
        assert_close(golden.logits, desired[:, 0])
    else:
        assert_close(golden.logits, values["out/D_train_fake_then_real"][:, 0])


@pytest.mark.parametrize("network", ["G", "D"])
def test_buffers_after_a_training_call(golden, network):
    after = with_prefix(golden.values, f"after/{network}/")
    make = {"G": port.generator_from_pytorch, "D": port.discriminator_from_pytorch}[network]
    _, desired = make(with_prefix(golden.values, f"{network}/") | after)
    actual = golden.g_stats if network == "G" else golden.d_stats
    desired = {collection: desired[collection] for collection in actual}
    chex.assert_trees_all_equal_structs(actual, desired)
    jax.tree.map(assert_close, actual, desired)


def gradients_by_published_name(state_dict, make, grads):
    """Returns {published name: our gradient}, found by porting arrays filled with their index."""
    names = list(state_dict)
    _, numbered = make({k: np.full(state_dict[k].shape, i) for i, k in enumerate(names)})
    indices = jax.tree.map(lambda leaf: int(leaf.reshape(-1)[0]), numbered["params"])
    return dict(
        zip((names[i] for i in jax.tree.leaves(indices)), jax.tree.leaves(grads), strict=True)
    )


@pytest.mark.parametrize("network", ["G", "D"])
def test_gradient_norms(golden, network):
    values, state_dict = golden.values, with_prefix(golden.values, f"{network}/")
    make = {"G": port.generator_from_pytorch, "D": port.discriminator_from_pytorch}[network]
    grads = golden.g_grads if network == "G" else golden.d_grads
    norms = {
        name: float(jnp.linalg.norm(grad.reshape(-1)))
        for name, grad in gradients_by_published_name(state_dict, make, grads).items()
    }
    if f"gradnorm/{network}" in values:
        buffers = ("u0", "sv0", "stored_mean", "stored_var")
        ordered = [name for name in state_dict if not name.endswith(buffers)]
        desired = dict(zip(ordered, values[f"gradnorm/{network}"], strict=True))
    else:
        desired = with_prefix(values, f"gradnorm/{network}/")
    assert norms.keys() == desired.keys()
    # A bias before a batch norm has gradient zero, and in both codes only rounding.
    floor = 1e-5 * float(max(desired.values()))
    for name, norm in norms.items():
        assert norm == pytest.approx(float(desired[name]), rel=1e-4, abs=floor), name


@pytest.mark.parametrize("network", ["G", "D"])
def test_gradients_and_losses(golden, network):
    values = golden.values
    if "grad/D_loss" in values:
        assert golden.d_loss == pytest.approx(values["grad/D_loss"], rel=1e-5)
    else:
        desired = values["grad/D_loss_real"] + values["grad/D_loss_fake"]
        assert golden.d_loss == pytest.approx(desired, rel=1e-5)
    assert golden.g_loss == pytest.approx(values["grad/G_loss"], rel=1e-4)
    state_dict = with_prefix(values, f"{network}/")
    make = {"G": port.generator_from_pytorch, "D": port.discriminator_from_pytorch}[network]
    absent = {name: np.full(array.shape, np.nan) for name, array in state_dict.items()}
    _, desired = make(absent | with_prefix(values, f"grad/{network}/"))
    grads = golden.g_grads if network == "G" else golden.d_grads
    # The norms above are for every parameter; here those stored whole, entry by entry.
    floor = 1e-5 * max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(grads))
    for actual, leaf in zip(
        jax.tree.leaves(grads), jax.tree.leaves(desired["params"]), strict=True
    ):
        if not np.isnan(np.asarray(leaf)).any():
            atol = max(1e-4 * np.abs(leaf).max(), floor)
            np.testing.assert_allclose(actual, leaf, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def small():
    return load(TESTS / "golden/biggan_64.npz")


@pytest.fixture
def g_arrays(small):
    return with_prefix(small, "G/")


@pytest.fixture
def d_arrays(small):
    return with_prefix(small, "D/")


def test_modules_are_read_from_the_arrays(g_arrays, d_arrays):
    g, _ = port.generator_from_pytorch(g_arrays, bn_epsilon=1e-4)
    assert (g.resolution, g.ch, g.dim_z, g.num_classes, g.channels) == (64, 2, 15, 5, 3)
    assert (g.shared_dim, g.hierarchical, g.attention) == (6, True, (32,))
    assert (g.bn_epsilon, g.output_bn_epsilon, g.sn_epsilon) == (1e-4, 1e-5, 1e-6)
    d, _ = port.discriminator_from_pytorch(d_arrays, sn_epsilon=1e-8)
    assert (d.resolution, d.ch, d.num_classes, d.attention) == (64, 2, 5, (8,))
    assert d.sn_epsilon == 1e-8


def test_torch_style_values_are_taken_as_arrays(d_arrays):
    _, variables = port.discriminator_from_pytorch(
        {name: memoryview(np.float32(array)) for name, array in d_arrays.items()}
    )
    _, desired = port.discriminator_from_pytorch(d_arrays)
    chex.assert_trees_all_equal(variables, desired)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("output_layer.0.gain"), r"missing: output_layer\.0\.gain"),
        (lambda a: a.pop("linear.weight"), r"linear\.weight is missing"),
        (lambda a: a.update(extra=np.zeros(3)), "not used: extra"),
        (
            lambda a: a.update({"linear.bias": np.zeros(7)}),
            r"linear\.bias \(7,\) instead of \(512,",
        ),
        (lambda a: a.update({"linear.weight": np.zeros((31, 3))}), "multiple of 256"),
        (lambda a: a.update({"linear.weight": np.zeros(31)}), "must have 2 axes"),
        (lambda a: a.update({"blocks.0.0.bn1.gain.weight": np.zeros((32, 8))}), "8 columns"),
        (lambda a: a.pop("blocks.2.1.phi.u0"), r"missing: blocks\.2\.1\.phi\.u0"),
        (lambda a: a.update({"blocks.9.0.x": np.zeros(1)}), "not used: blocks.9.0.x|6 blocks"),
        (lambda a: a.clear(), "no array is named blocks"),
    ],
)
def test_wrong_generator_arrays_are_named(g_arrays, change, message):
    change(g_arrays)
    with pytest.raises(InputError, match=message):
        port.generator_from_pytorch(g_arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("embed.weight"), r"embed\.weight is missing"),
        (lambda a: a.update(extra=np.zeros(3)), "not used: extra"),
        (lambda a: a.update({"embed.u0": np.zeros(5)}), r"embed\.u0 \(5,\) instead of \(1, 5\)"),
        (lambda a: a.pop("blocks.2.1.gamma"), r"not used: blocks\.2\.1\.g\.sv0"),
        (lambda a: a.update({f"blocks.{i}.x": np.zeros(1) for i in range(9)}), "9 blocks"),
    ],
)
def test_wrong_discriminator_arrays_are_named(d_arrays, change, message):
    change(d_arrays)
    with pytest.raises(InputError, match=message):
        port.discriminator_from_pytorch(d_arrays)
