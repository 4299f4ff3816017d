"""Networks of 128 pixels against three published codes, run on CPU (tests/golden/README.md)."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import port
from jaxrepro.papers.biggan.network.standing_table import statistics_at
from tests import published_weights

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "golden/published_128.npz"
LABELS = jnp.asarray([1, 4], jnp.int32)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def assert_close(actual, desired):
    """Compares every fourth pixel to 1e-4 of the largest value."""
    actual = np.asarray(actual)[:, ::4, ::4] if desired.ndim == 4 else np.asarray(actual)
    np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-4 * np.abs(desired).max())


def generate(module, variables, z):
    return jax.jit(functools.partial(module.apply, train=False))(variables, z, LABELS)


def test_author_generator(golden):
    module, variables = port.generator_from_pytorch(
        published_weights.author_generator(), bn_epsilon=1e-4, sn_epsilon=1e-6
    )
    assert (module.resolution, module.ch, module.dim_z, module.num_classes) == (128, 8, 24, 5)
    assert (module.shared_dim, module.hierarchical, module.attention) == (12, True, (64,))
    images = generate(module, variables, published_weights.by_rule("z", (2, 24)))
    assert_close(images, golden["author/images"])


def test_author_discriminator_and_its_gradient(golden):
    module, variables = port.discriminator_from_pytorch(published_weights.author_discriminator())
    assert (module.resolution, module.ch, module.attention) == (128, 8, (64,))
    images = np.tanh(published_weights.by_rule("x", (2, 3, 128, 128))).transpose(0, 2, 3, 1)

    @jax.jit
    def logits_and_gradient(images):
        def total(images):
            logits = module.apply(variables, images, LABELS, train=False)
            return jnp.sum(logits), logits

        gradient, logits = jax.grad(total, has_aux=True)(images)
        return logits, gradient

    logits, gradient = logits_and_gradient(images)
    assert_close(logits, golden["author/logits"])
    assert_close(gradient, golden["author/gradient"])


def test_tfhub_generator(golden):
    arrays = published_weights.tfhub_generator()
    # Raw values beside the averages, which must win whatever the order in the file.
    name = "module/Generator/G_Z/G_linear/w"
    arrays = (
        {f"{name}:0": np.zeros((20, 2048))} | arrays | {"module/linear/w:0": np.zeros((5, 128))}
    )
    module, variables = port.generator_from_tfhub(arrays)
    assert (module.resolution, module.ch, module.dim_z, module.attention) == (128, 8, 120, (64,))
    images = generate(module, variables, published_weights.by_rule("z/tfhub", (2, 120)))
    assert_close(images, golden["tfhub/images"])


@pytest.mark.parametrize(
    ("resolution", "widths", "chunk", "attention_width", "attention"),
    [
        (256, (16, 16, 8, 8, 4, 2, 1), 20, 2, 128),
        (512, (16, 16, 8, 8, 4, 2, 1, 1), 16, 4, 64),
    ],
)
def test_tfhub_sizes(resolution, widths, chunk, attention_width, attention):
    arrays = published_weights.tfhub_generator(
        ch=4, chunk=chunk, widths=widths, attention_width=attention_width
    )
    module, variables = port.generator_from_tfhub(arrays)
    assert (module.resolution, module.attention) == (resolution, (attention,))
    assert module.dim_z == {256: 140, 512: 128}[resolution]
    attended = variables["params"][f"attentions_{attention}"]["theta"]["kernel"]
    np.testing.assert_array_equal(
        attended, arrays["module/Generator/attention/theta/w/ema_b999900:0"]
    )
    # The last rows there, of the class vector, are the first here.
    gain = variables["params"]["blocks_1"]["norm_2"]["gain"]["kernel"]
    published = arrays["module/Generator/GBlock_1/HyperBN_1/gamma/w/ema_b999900:0"]
    np.testing.assert_array_equal(gain[:128], published[chunk:])
    np.testing.assert_array_equal(gain[128:], published[:chunk])


@pytest.fixture(scope="module")
def huggingface():
    return port.generator_from_huggingface(published_weights.huggingface_generator())


def test_huggingface_generator_on_rows_of_its_table(golden, huggingface):
    module, variables, table = huggingface
    assert (module.resolution, module.ch, module.dim_z, module.attention) == (128, 4, 8, (64,))
    assert (module.spectral, module.output_channels, module.depth) == (False, 4, 2)
    assert set(variables) == {"params", "batch_stats"}
    z = published_weights.by_rule("z/huggingface", (2, 8))
    apply = jax.jit(functools.partial(module.apply, train=False))
    assert_close(apply(variables, z, LABELS), golden["huggingface/images_1.0"])
    at_half = variables | {"batch_stats": statistics_at(table, 0.5)}
    assert_close(apply(at_half, z, LABELS), golden["huggingface/images_0.5"])


def test_huggingface_table_between_rows(huggingface):
    arrays = published_weights.huggingface_generator()
    means = arrays["generator.layers.3.bn_1.running_means"].astype(np.float64)
    at = statistics_at(huggingface[2], 0.405)["blocks_3"]["norm_2"]["normalize"]["mean"]
    np.testing.assert_allclose(at, 0.75 * means[20] + 0.25 * means[21], rtol=1e-5, atol=1e-6)


def change_tfhub(arrays, name, value):
    full = next(full for full in arrays if full.startswith(f"module/{name}"))
    if value is None:
        del arrays[full]
    else:
        arrays[full] = value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Generator/GBlock_2/conv1/u0", None, "missing: Generator/GBlock_2/conv1/u0"),
        ("Generator/GBlock/CrossReplicaBN/acc", None, "missing: .*CrossReplicaBN/accumulated_mean"),
        ("Generator/conv_2d/b", np.zeros(4), r"conv_2d/b \(4,\) instead of \(3,\)"),
        ("Generator/attention/theta/w", np.zeros((1, 1, 3, 4)), "3 channels, which the sides"),
        ("linear/w", None, "linear/w is missing"),
        ("Generator/G_Z/G_linear/w", np.zeros((20, 100)), "multiple of 256"),
    ],
)
def test_wrong_tfhub_arrays_are_named(name, value, message):
    arrays = published_weights.tfhub_generator(ch=4)
    change_tfhub(arrays, name, value)
    with pytest.raises(InputError, match=message):
        port.generator_from_tfhub(arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator.layers.2.conv_1.weight_v": None}, r"missing: .*layers\.2\.conv_1\.weight_v"),
        ({"generator.layers.2.conv_1.weight_u": np.zeros(3)}, r"must be \(16,\) and is \(3,\)"),
        ({"generator.layers.2.conv_1.bias": None}, r"missing: generator\.layers\.2\.conv_1\.bias"),
        (
            {"generator.layers.3.bn_2.running_vars": np.zeros((50, 16))},
            r"layers\.3\.bn_2\.running_vars \(50, 16\) instead of \(51, 16\)",
        ),
        ({"extra": np.zeros(3)}, "not used: extra"),
        ({"generator.layers.10.gamma": np.zeros(1)}, "has 9 blocks; known are 2"),
        ({"generator.bn.running_means": np.zeros((51, 5))}, "do not fit together"),
    ],
)
def test_wrong_huggingface_arrays_are_named(changes, message):
    arrays = published_weights.huggingface_generator()
    for name, value in changes.items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value
    with pytest.raises(InputError, match=message):
        port.generator_from_huggingface(arrays)
