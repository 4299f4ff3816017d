"""The forms that are used on CPU compute what their definitions say: values and gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.forms import resampling
from jaxrepro.nn.forms.operations import DEFINITIONS, FOR_CPU, operations, operations_for
from jaxrepro.nn.norms import batch_moments

# x [B, H, W, I], kernel [h, w, I, O]: odd and even sides, wide and narrow channels, many and few
# pixels, because the forms choose by them.
CONVOLUTIONS = [
    ((2, 7, 5, 6), (3, 3, 6, 8)),
    ((2, 8, 8, 3), (3, 3, 3, 16)),
    ((2, 8, 8, 16), (3, 3, 16, 3)),
    ((3, 16, 16, 5), (3, 3, 5, 7)),
    ((1, 4, 4, 32), (3, 3, 32, 32)),
    ((2, 6, 6, 1), (3, 3, 1, 8)),
    ((2, 6, 9, 4), (1, 1, 4, 8)),
    ((2, 6, 9, 8), (1, 1, 8, 2)),
]
# Every branch: few, many and one channel at either end, odd, even, oblong and 1x1 kernels.
VALID_CONVOLUTIONS = [
    ((2, 8, 7, 1), (5, 5, 1, 8)),
    ((2, 7, 6, 3), (4, 2, 3, 8)),
    ((2, 5, 6, 8), (1, 1, 8, 4)),
    ((2, 5, 6, 3), (1, 1, 3, 6)),
    ((1, 3, 2, 64), (1, 1, 64, 65)),
    ((2, 7, 8, 9), (3, 3, 9, 10)),
    ((1, 6, 6, 16), (3, 3, 16, 15)),
    ((2, 7, 8, 6), (5, 4, 6, 1)),
    ((2, 7, 5, 6), (3, 2, 6, 3)),
    ((2, 6, 6, 5), (3, 3, 5, 5)),
    ((1, 13, 12, 4), (12, 11, 4, 1)),
    ((1, 3, 3, 4), (3, 3, 4, 2)),
]
RESIZING = [shapes for shapes in CONVOLUTIONS if shapes[1][0] == 3]


def draw(*shapes, dtype=jnp.float32):
    rng = np.random.default_rng(0)
    # In NumPy: JAX would compile a program for the type of every shape.
    return [jnp.asarray(rng.standard_normal(shape).astype(dtype)) for shape in shapes]


def values_and_gradients(form, arguments, dtype):
    """Returns outputs and gradients of one random weighting of them, as one program's."""
    shape = jax.eval_shape(form, *arguments).shape
    weights = np.random.default_rng(9).standard_normal(shape).astype(dtype)

    @jax.jit
    def run(weights, *arguments):
        output, pullback = jax.vjp(form, *arguments)
        return [output, *pullback(weights)]

    return run(weights, *arguments)


def assert_same(name, arguments, dtype):
    """Values and all gradients, of one random weighting of the outputs."""
    results = [
        values_and_gradients(getattr(forms, name), arguments, dtype)
        for forms in (DEFINITIONS, FOR_CPU)
    ]
    tolerance = 1e-4 if dtype == jnp.float32 else 3e-2
    for want, have in zip(*results, strict=True):
        assert have.shape == want.shape
        assert have.dtype == want.dtype
        want, have = (np.asarray(x, np.float32) for x in (want, have))
        np.testing.assert_allclose(
            have, want, rtol=tolerance, atol=tolerance * max(np.abs(want).max(), 1e-6)
        )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shapes", CONVOLUTIONS, ids=str)
def test_convolve(shapes, dtype):
    assert_same("convolve", draw(*shapes, dtype=dtype), dtype)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 8, 6, 3), (3, 3, 3, 4)),
        ((2, 6, 8, 3), (5, 5, 3, 4)),
        ((1, 10, 8, 2), (7, 7, 2, 3)),
        ((2, 4, 4, 3), (4, 4, 3, 2)),
        ((2, 4, 4, 3), (1, 1, 3, 2)),
        ((2, 7, 4, 3), (3, 3, 3, 4)),
    ],
    ids=str,
)
def test_convolve_and_halve(shapes):
    assert_same("convolve_and_halve", draw(*shapes), jnp.float32)


# Few pixels for each channel, and many.
@pytest.mark.parametrize(
    ("shapes", "dtype"),
    [
        (((2, 3, 4, 6), (5, 5, 3, 6)), jnp.float32),
        (((2, 3, 4, 6), (5, 5, 3, 6)), jnp.bfloat16),
        (((1, 3, 2, 4), (4, 4, 2, 4)), jnp.float32),
        (((1, 2, 3, 3), (2, 2, 2, 3)), jnp.float32),
        (((1, 2, 2, 3), (3, 3, 2, 3)), jnp.float32),
        (((2, 5, 4, 3), (5, 5, 2, 3)), jnp.float32),
    ],
    ids=str,
)
def test_transpose_convolve(shapes, dtype):
    assert_same("transpose_convolve", draw(*shapes, dtype=dtype), dtype)


def test_gradient_of_the_gradient_of_a_halving_convolution():
    x, first, second = draw((2, 8, 8, 2), (3, 3, 2, 4), (5, 5, 4, 3))

    def penalty(forms, first, second):
        def score(x):
            y = jnp.sin(forms.convolve_and_halve(x, first))
            return jnp.sum(jnp.sin(forms.convolve_and_halve(y, second)))

        return jnp.sum(jax.grad(score)(x) ** 2)

    @jax.jit
    def both(first, second):
        return [jax.grad(penalty, (1, 2))(f, first, second) for f in (DEFINITIONS, FOR_CPU)]

    for want, have in zip(*both(first, second), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shapes", VALID_CONVOLUTIONS, ids=str)
def test_convolve_valid(shapes, dtype):
    assert_same("convolve_valid", draw(*shapes, dtype=dtype), dtype)


def test_valid_convolution_by_hand():
    x = jnp.arange(12.0).reshape(1, 3, 4, 1)
    kernel = jnp.asarray([[1.0, 10.0]]).reshape(1, 2, 1, 1)
    want = [[10, 21, 32], [54, 65, 76], [98, 109, 120]]
    for forms in (DEFINITIONS, FOR_CPU):
        np.testing.assert_array_equal(forms.convolve_valid(x, kernel)[0, ..., 0], want)


@pytest.mark.parametrize("channels", [(1, 4, 4, 2), (6, 4, 5, 1)], ids=str)
def test_valid_convolutions_of_many_seeds(channels):
    """Values and gradients of three seeds at once are those of each alone."""
    inputs, width, width_2, outputs = channels
    operands = draw((3, 2, 7, 6, inputs), (3, 3, 3, inputs, width), (3, 1, 1, width, width_2))
    operands += draw((3, 3, 2, width_2, outputs))

    @jax.value_and_grad
    def loss(operands):
        x, *kernels = operands
        for kernel in kernels:
            x = jnp.sin(FOR_CPU.convolve_valid(x, kernel))
        return jnp.sum(x**2)

    one = jax.jit(loss)
    want = [one([operand[i] for operand in operands]) for i in range(3)]
    want = jax.tree.map(lambda *leaves: jnp.stack(leaves), *want)
    have = jax.jit(jax.vmap(loss))(operands)
    for a, b in zip(jax.tree.leaves(want), jax.tree.leaves(have), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)


def test_no_gradient_is_computed_that_nobody_asks_for():
    x, kernel = draw((2, 9, 9, 1), (5, 5, 1, 8))

    def loss(x, kernel):
        return jnp.sum(FOR_CPU.convolve_valid(x, kernel) ** 2)

    def work(arguments):
        compiled = jax.jit(jax.grad(loss, arguments)).lower(x, kernel).compile()
        return compiled.cost_analysis()["flops"]

    product = 2 * 2 * 5 * 5 * 25 * 8  # of all outputs by all taps, multiplied and added
    assert 2 * product <= work(1) < 2.5 * product
    assert work((0, 1)) > 2.9 * product


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shapes", RESIZING, ids=str)
@pytest.mark.parametrize("name", ["upsample_then_convolve", "convolve_then_pool"])
def test_convolutions_that_change_the_size(name, shapes, dtype):
    assert_same(name, draw(*shapes, dtype=dtype), dtype)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shape", [(2, 6, 8, 3), (2, 7, 5, 3)], ids=str)
def test_max_pool(shape, dtype):
    (x,) = draw(shape)
    # Distinct values: where some are equal, the maximum's gradient may go to any of them.
    ranks = jnp.argsort(jnp.argsort(x.reshape(-1))).reshape(shape) % 251
    assert_same("max_pool", [ranks.astype(dtype)], dtype)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("sizes", [(2, 12, 5), (1, 2048, 1024)], ids=str)
def test_attention(sizes, dtype):
    batch, num_queries, num_keys = sizes
    shapes = (batch, num_queries, 4), (batch, num_keys, 4), (batch, num_keys, 6)
    assert_same("attend", draw(*shapes, dtype=dtype), dtype)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("num_groups", "num_parts"), [(1, 6), (3, 1), (3, 6)])
@pytest.mark.parametrize("rows", [6, 1], ids=["own gains", "shared gains"])
def test_normalize_batch(rows, num_groups, num_parts, dtype):
    x, gain, bias = draw((6, 5, 7, 4), (rows, 4), (rows, 4))

    def in_two_sums(x, gain, bias, num_groups, epsilon):
        center = jnp.full(4, 0.7)
        return batch_moments.normalize_batch_in_two_sums(
            x, gain, bias, center, num_groups, num_parts, epsilon
        )

    def with_form(normalize):
        def form(x, gain, bias):
            y, mean, variance = normalize(x, 1 + gain, bias, num_groups, 1e-4)
            return y.astype(jnp.float32).sum(axis=(1, 2)), mean, variance

        @jax.jit
        def run(weights, *arguments):
            output, pullback = jax.vjp(form, *arguments)
            return [*output, *pullback((weights, *map(jnp.zeros_like, output[1:])))]

        weights = jnp.asarray(np.random.default_rng(9).standard_normal((6, 4)), jnp.float32)
        return run(weights, (3 * x + 1).astype(dtype), gain, bias)

    tolerance = 1e-3 if dtype == jnp.float32 else 5e-2
    defined = with_form(batch_moments.normalize_batch)
    for want, have in zip(defined, with_form(in_two_sums), strict=True):
        want, have = (np.asarray(t, np.float32) for t in (want, have))
        np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance * np.abs(want).max())


def test_attention_has_no_scale():
    queries, keys = 3.0 * jnp.ones((1, 1, 4)), jnp.stack([jnp.zeros(4), jnp.ones(4)])[None]
    values = jnp.asarray([[[0.0], [1.0]]])
    weight = np.exp(12.0) / (1 + np.exp(12.0))
    np.testing.assert_allclose(DEFINITIONS.attend(queries, keys, values), [[[weight]]], rtol=1e-5)


def test_definitions_by_hand():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(resampling.average_pool(x)[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(DEFINITIONS.max_pool(x)[0, ..., 0], [[5, 7], [13, 15]])
    box = jnp.ones((3, 3, 1, 1))
    np.testing.assert_allclose(DEFINITIONS.convolve(x, box)[0, 1, 1, 0], x[0, :3, :3].sum())
    doubled = DEFINITIONS.upsample_then_convolve(x, box)
    assert doubled.shape == (1, 8, 8, 1)
    # Around (2, 2) lie pixels 0 1 1 / 4 5 5 / 4 5 5 of the small map.
    np.testing.assert_allclose(doubled[0, 2, 2, 0], 0 + 1 + 1 + 4 + 5 + 5 + 4 + 5 + 5)
    np.testing.assert_allclose(
        DEFINITIONS.convolve_then_pool(x, box)[0, 0, 0, 0],
        DEFINITIONS.convolve(x, box)[0, :2, :2].mean(),
    )


def test_forms_are_chosen_by_platform(monkeypatch):
    assert operations() is FOR_CPU
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert operations() is DEFINITIONS


SWITCHES = {
    "size 5": {"kernel_size": 5},
    "size 7": {"kernel_size": 7},
    "dilated": {"dilation": 2},
    "bilinear": {"upsampling": "bilinear"},
    "all": {"kernel_size": 5, "dilation": 2, "upsampling": "bilinear"},
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_other_kernels_and_upsamplings(switches):
    """Against one plain convolution, without dilation: its kernel has zeros between the taps."""
    forms = operations_for(**switches)
    size, dilation = switches.get("kernel_size", 3), switches.get("dilation", 1)
    x, kernel = draw((2, 6, 4, 3), (size, size, 3, 5))
    spread = dilation * (size - 1) + 1
    with_zeros = jnp.zeros((spread, spread, 3, 5)).at[::dilation, ::dilation].set(kernel)
    kind = {"nearest": "nearest", "bilinear": "linear"}[switches.get("upsampling", "nearest")]
    doubled = jax.image.resize(x, (2, 12, 8, 3), kind)

    def plain(x):
        margin = (spread // 2, spread // 2)
        return jax.lax.conv_general_dilated(
            x, with_zeros, (1, 1), [margin, margin], dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(jax.jit(forms.convolve)(x, kernel), plain(x))
    close(jax.jit(forms.upsample_then_convolve)(x, kernel), plain(doubled))
    pooled = np.asarray(plain(x)).reshape(2, 3, 2, 2, 2, 5).mean(axis=(2, 4))
    close(jax.jit(forms.convolve_then_pool)(x, kernel), pooled)


def test_fast_forms_are_kept_where_they_apply():
    assert operations_for() is FOR_CPU
    bilinear = operations_for(upsampling="bilinear")
    assert bilinear.upsample_then_convolve is not FOR_CPU.upsample_then_convolve
    assert bilinear._replace(upsample_then_convolve=FOR_CPU.upsample_then_convolve) == FOR_CPU
    for other in (operations_for(kernel_size=5), operations_for(dilation=2)):
        for name in ("convolve", "upsample_then_convolve", "convolve_then_pool"):
            assert getattr(other, name) is not getattr(FOR_CPU, name)


def test_bilinear_upsampling_by_hand():
    x = jnp.asarray([[0.0, 4.0]]).reshape(1, 1, 2, 1)
    rows = np.asarray(resampling.upsample_bilinear(x)[0, ..., 0])
    np.testing.assert_array_equal(rows, [[0, 1, 3, 4], [0, 1, 3, 4]])
