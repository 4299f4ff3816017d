"""Operation counts beside hand counts and beside XLA's account of the same program."""

import math
import pathlib

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxrepro.core.analysis.flops import count_operations
from jaxrepro.core.config import Settings
from jaxrepro.core.devices import platform
from jaxrepro.nn.forms.dot_product_attention import attend
from jaxrepro.papers import make_task
from tests.test_task_contract import load

ROOT = pathlib.Path(__file__).resolve().parents[3]


def array(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def convolve(x, kernel, stride=1, padding="SAME", **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=numbers, **options
    )


def contractions(function, *args):
    return count_operations(function, *args).contractions


# Hand counts: along each axis, the pairs (output, tap) that meet an element.
@pytest.mark.parametrize(
    ("options", "kernel", "pairs", "depth_and_features"),
    [
        # Three taps at each of 9 rows, one less at both ends; 8 columns likewise.
        ({}, (3, 3, 6, 4), (3 * 9 - 2) * (3 * 8 - 2), 6 * 4),
        ({"padding": "VALID"}, (3, 3, 6, 4), (3 * 7) * (3 * 6), 6 * 4),
        # Rows 0, 2, 4, 6, 8 with one of padding on both sides; columns 0, 2, 4, 6 with one after.
        ({"stride": 2}, (3, 3, 6, 4), (3 * 5 - 2) * (3 * 4 - 1), 6 * 4),
        # Three groups: a kernel of two input channels for all twelve features.
        ({"feature_group_count": 3}, (3, 3, 2, 12), (3 * 9 - 2) * (3 * 8 - 2), 2 * 12),
        # Taps two apart: outputs 2 to 6 of 9 see all three, two on each side see two.
        ({"rhs_dilation": (2, 1)}, (3, 1, 6, 4), (3 * 9 - 4) * 8, 6 * 4),
        # Holes between elements, as in a transposed convolution: 17 rows, 9 of them elements.
        (
            {"lhs_dilation": (2, 1), "padding": [(0, 0), (0, 0)]},
            (2, 1, 6, 4),
            16 * 8,
            6 * 4,
        ),
    ],
)
def test_convolutions_by_hand_and_by_xla(options, kernel, pairs, depth_and_features):
    def function(x, kernel):
        return convolve(x, kernel, **options)

    args = array(2, 9, 8, 6), array(*kernel)
    by_hand = 2 * 2 * pairs * depth_and_features
    assert contractions(function, *args) == by_hand
    assert jax.jit(function).lower(*args).cost_analysis()["flops"] == by_hand


def test_both_gradients_of_a_convolution_cost_as_much_as_itself():
    """With a stride the gradient is a convolution of a map with holes, which must not count."""
    args = array(2, 9, 8, 6), array(3, 3, 6, 4)

    def loss(x, kernel):
        return jnp.sum(convolve(x, kernel, stride=2) ** 2)

    forward = contractions(loss, *args)
    gradient = jax.grad(loss, argnums=(0, 1))
    assert contractions(gradient, *args) == 3 * forward
    assert contractions(jax.grad(loss, argnums=1), *args) == 2 * forward


def dense_loss(w, x):
    return jnp.sum(jax.nn.relu(x @ w) ** 2)


def attention_loss(queries, keys, values):
    return jnp.sum(attend(queries, keys, values) ** 2)


def convolution_loss(x, kernel):
    return jnp.sum(jax.nn.relu(convolve(x, kernel)) ** 2)


@pytest.mark.parametrize(
    ("loss", "args"),
    [
        (convolution_loss, (array(2, 16, 16, 32), array(3, 3, 32, 32))),
        (dense_loss, (array(64, 96), array(128, 64))),
        (attention_loss, (array(2, 64, 32), array(2, 16, 32), array(2, 16, 64))),
    ],
)
def test_forward_and_backward_beside_xla(loss, args):
    """XLA has one figure for all. It lies between the contractions and the sum of both counts:

    it leaves out some elementwise operations (exponentials apart, conversions) that are in ours.
    With these sizes the elementwise ones are a tenth at most, so that this is a test.
    """
    gradient = jax.grad(loss, argnums=tuple(range(len(args))))
    count = count_operations(gradient, *args)
    assert count.is_complete
    assert 0 < count.elementwise < 0.1 * count.contractions
    by_xla = jax.jit(gradient).lower(*args).cost_analysis()["flops"]
    assert count.contractions <= by_xla <= count.contractions + count.elementwise


def test_dense_and_elementwise_by_hand():
    count = count_operations(lambda w, x: jnp.sum(jnp.exp(x @ w)), array(5, 7), array(3, 5))
    assert count.contractions == 2 * 3 * 5 * 7
    assert count.elementwise == 3 * 7 + 3 * 7  # The exponentials, and what the sum takes in.
    assert count.contraction_bytes == 4 * (3 * 5 + 5 * 7 + 3 * 7)
    assert count.by_primitive == {"dot_general": count.contractions}
    assert count_operations(lambda x: x + 1, array(9, dtype=jnp.int32)).elementwise == 0


def product(x):
    return x @ x


def test_loops_calls_and_branches():
    x = array(4, 4)
    once = contractions(product, x)
    assert once == 2 * 4**3

    def scanned(x):
        return lax.scan(lambda c, _: (product(c), None), x, length=7)[0]

    assert contractions(scanned, x) == 7 * once
    nested = lambda x: lax.scan(lambda c, _: (scanned(c), None), x, length=3)[0]  # noqa: E731
    assert count_operations(nested, x).by_primitive == {"dot_general": 21 * once}
    assert contractions(jax.jit(product), x) == once
    # Rematerialised, the gradient computes x @ x a second time.
    loss = lambda x: jnp.sum(jnp.sin(product(x)))  # noqa: E731
    plain = contractions(jax.grad(loss), x)
    assert contractions(jax.grad(jax.checkpoint(loss)), x) == plain + once

    def branches(x):
        return lax.cond(x[0, 0] > 0, lambda x: product(product(x)), lambda x: x, x)

    assert contractions(branches, x) == 2 * once


def test_what_is_unknown_is_said():
    def until_large(x):
        return lax.while_loop(lambda x: x.sum() < 10, product, x)

    count = count_operations(until_large, array(4, 4))
    assert (count.contractions, count.counted_once, count.is_complete) == (2 * 4**3, 1, False)
    count = count_operations(jnp.linalg.cholesky, array(4, 4))
    assert count.not_counted == {"cholesky"}


def test_custom_gradients_count_what_they_run():
    @jax.custom_vjp
    def function(x):
        return product(x)

    function.defvjp(lambda x: (product(x), x), lambda x, g: (g @ x @ x,))
    x = array(4, 4)
    assert contractions(lambda x: function(x), x) == 2 * 4**3
    assert contractions(jax.grad(lambda x: function(x).sum()), x) == 3 * 2 * 4**3


def small_task():
    config = load(ROOT / "configs" / "biggan32.py", "test")
    config.data.source = "described:10"
    config.model.resolution = 32
    config.train.update(num_d_steps=2, microbatches=2)
    return make_task(Settings(config))


def same_pairs(side, taps=3):
    """Pairs of a convolution that keeps a map of side x side."""
    return (taps * side - 2 * (taps // 2)) ** 2


def test_the_convolutions_of_a_biggan_update():
    """Counted a second time, from the paper's table of layers, ch 2 at 32 pixels, 8 images."""
    task = small_task()
    with platform.traced_for_accelerators():
        state = jax.eval_shape(task.init, jax.random.key(0))
        batch = {k: array(*s.shape, dtype=s.dtype) for k, s in task.batch_spec.items()}
        count = count_operations(task.train_step, state, batch)
    # Generator: three blocks 8 -> 8 channels from 4 to 32 pixels, the shortcut on the small map.
    width = 4 * 2
    generator = sum(
        2 * same_pairs(side) * width**2 + (side // 2) ** 2 * width**2 for side in (8, 16, 32)
    )
    generator += same_pairs(32) * width * 3
    # Discriminator: 3 -> 8 at 32, 8 -> 8 at 16 (both halve), then twice 8 -> 8 at 8.
    first_layer = same_pairs(32) * 3 * width + 16 * 16 * 3 * width
    rest = same_pairs(32) * width**2
    rest += 2 * same_pairs(16) * width**2 + 8 * 8 * width**2
    rest += 4 * same_pairs(8) * width**2
    discriminator = first_layer + rest
    # A gradient by weights or by inputs costs as much as the forward pass. In D's own steps
    # nothing is asked of the gradient by its input images; twice the images, fake and real.
    d_step = generator + 2 * (3 * discriminator - first_layer)
    g_step = 3 * generator + 2 * discriminator
    images, num_d_steps = 8, 2
    assert count.by_primitive["conv_general_dilated"] == 2 * images * (
        num_d_steps * d_step + g_step
    )
    assert count.is_complete
    assert count.contractions == sum(count.by_primitive.values())
    assert math.isclose(
        count.by_primitive["conv_general_dilated"], count.contractions, rel_tol=0.05
    )
