import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.model import Discriminator, Generator
from jaxrepro.papers.biggan.network.widths import discriminator_sides, generator_sides

LABELS = jnp.asarray([0, 3, 1, 3], jnp.int32)
SMALL = {"resolution": 32, "ch": 2, "num_classes": 4, "attention": (16,)}
MUTABLE = ("batch_stats", "spectral")


def small_generator(**changes):
    # 8 channels everywhere: the least that attention takes.
    return Generator(**(SMALL | {"dim_z": 12, "shared_dim": 6} | changes))


def latents(module, batch=4):
    return jax.random.normal(jax.random.key(7), (batch, module.dim_z))


@functools.partial(jax.jit, static_argnums=0)
def initialised(module, key, *inputs):
    return module.init(key, *inputs, train=False)


@functools.partial(jax.jit, static_argnums=0, static_argnames=("train", "mutable", "method"))
def applied(module, variables, *inputs, train=False, mutable=False, method=None):
    """Runs a network as one program: op by op every operation would be compiled alone."""
    return module.apply(variables, *inputs, train=train, mutable=mutable, method=method)


def num_params(module, *inputs):
    variables = jax.eval_shape(
        lambda key: module.init(key, *inputs, train=False), jax.random.key(0)
    )
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


PLAIN = {"hierarchical": False, "shared_dim": 0, "attention": ()}


# The counts of the author's code, and at 512 pixels of compare_gan's generator.
@pytest.mark.parametrize(
    ("resolution", "ch", "dim_z", "num_classes", "options", "count"),
    [
        (128, 96, 120, 1000, {}, 70_433_988),
        (128, 64, 120, 1000, {}, 31_978_628),
        (128, 96, 128, 1000, {"hierarchical": False}, 72_792_516),
        (128, 96, 128, 1000, {"hierarchical": False, "shared_dim": 0}, 85_556_164),
        (128, 64, 128, 1000, {"hierarchical": False, "shared_dim": 0}, 42_017_412),
        (256, 96, 140, 1000, {"attention": (128,)}, 82_097_604),
        (512, 96, 128, 1000, {}, 82_296_804),
        (512, 96, 160, 1000, {}, 82_468_068),
        (64, 64, 120, 1000, {"attention": (32,)}, 31_969_540),
        (32, 64, 128, 10, PLAIN, 4_304_387),
        (32, 96, 80, 10, {"attention": ()}, 9_231_875),
    ],
)
def test_generator_parameters(resolution, ch, dim_z, num_classes, options, count):
    module = Generator(resolution, ch, dim_z, num_classes, **options)
    assert num_params(module, jnp.zeros((2, dim_z)), LABELS[:2]) == count


@pytest.mark.parametrize(
    ("resolution", "ch", "num_classes", "attention", "count"),
    [
        (128, 96, 1000, (64,), 87_982_370),
        (128, 64, 1000, (64,), 39_448_258),
        (256, 96, 1000, (64,), 99_225_890),
        (512, 96, 1000, (64,), 99_401_282),
        (64, 64, 1000, (32,), 20_571_842),
        (32, 64, 10, (), 4_207_361),
        (32, 96, 10, (), 9_456_769),
    ],
)
def test_discriminator_parameters(resolution, ch, num_classes, attention, count):
    module = Discriminator(resolution, ch, num_classes, attention=attention)
    images = jnp.zeros((2, resolution, resolution, 3))
    assert num_params(module, images, LABELS[:2]) == count


def test_sides():
    assert generator_sides(128) == (8, 16, 32, 64, 128)
    assert discriminator_sides(128) == (64, 32, 16, 8, 4, 4)
    # The author's table says 16 four times; the maps are these.
    assert discriminator_sides(32) == (16, 8, 8, 8)
    assert generator_sides(16) == (8, 16)
    assert discriminator_sides(16) == (8, 4, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Generator(128, 8, 128, 10), "dim_z=128.*6 equal chunks; choose 126 or 132"),
        (lambda: Generator(128, 8, 3, 10), "choose 6 or 12"),
        (lambda: Generator(100, 8, 120, 10), "resolution=100: choose one of 16, 32, 64"),
        (lambda: Discriminator(48, 8, 10), "resolution=48"),
        (lambda: Generator(32, 8, 80, 10), "generator has no map of side 64.*8, 16, 32"),
        (lambda: Discriminator(64, 8, 10), "discriminator has no map of side 64.*4, 8, 16, 32"),
        (lambda: Discriminator(128, 4, 10), "attention at 64 .* at least 8 channels and has 4"),
        (lambda: Generator(128, 8, 120, 10, kernel_init="zeros"), "kernel_init='zeros'"),
        (lambda: Discriminator(128, 8, 10, kernel_init="glorot"), "kernel_init='glorot'"),
    ],
)
def test_wrong_settings_are_explained(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("resolution", [16, 32])
def test_shapes_and_ranges(resolution):
    g = small_generator(resolution=resolution, channels=1, attention=())
    d = Discriminator(**(SMALL | {"resolution": resolution, "channels": 1, "attention": ()}))
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)
    assert set(variables) == {"params", "batch_stats", "spectral"}
    images, new = applied(g, variables, z, LABELS, train=True, mutable=MUTABLE)
    assert images.shape == (4, resolution, resolution, 1)
    assert images.dtype == jnp.float32
    assert float(jnp.abs(images).max()) <= 1
    assert jax.tree.structure(new) == jax.tree.structure(
        {name: variables[name] for name in MUTABLE}
    )
    d_variables = initialised(d, jax.random.key(1), images, LABELS)
    assert set(d_variables) == {"params", "spectral"}
    logits = applied(d, d_variables, images, LABELS)
    assert (logits.shape, logits.dtype) == ((4,), jnp.float32)


@pytest.mark.parametrize("shared_dim", [6, 0])
def test_embeddings_may_lie_between_classes(shared_dim):
    g = small_generator(shared_dim=shared_dim)
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)
    vectors = g.apply(variables, LABELS, method="embed")
    assert vectors.shape == (4, shared_dim or 4)

    def synthesize(vectors):
        return applied(g, variables, z, vectors, train=False, method="synthesize")

    images = applied(g, variables, z, LABELS, train=False)
    np.testing.assert_array_equal(synthesize(vectors), images)
    between = synthesize((vectors + vectors[::-1]) / 2)
    assert float(jnp.abs(between - images).max()) > 1e-3


def test_each_chunk_of_z_enters_at_its_block():
    """Chunk i + 1 conditions block i alone: earlier blocks' outputs do not see it."""
    g = small_generator(attention=())
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)

    @jax.jit
    def outputs(z):
        _, state = g.apply(
            variables,
            z,
            LABELS,
            train=False,
            capture_intermediates=lambda module, _: (module.name or "").startswith("blocks_"),
        )
        names = sorted(state["intermediates"])
        return [state["intermediates"][name]["__call__"][0] for name in names]

    before = outputs(z)
    for chunk in range(4):
        changed = outputs(z.at[:, 3 * chunk : 3 * chunk + 3].add(1.0))
        same = [bool((a == b).all()) for a, b in zip(before, changed, strict=True)]
        assert same == [i < chunk - 1 for i in range(3)]


def test_embedding_comes_before_the_chunk_of_z():
    g = small_generator()
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)
    gain = variables["params"]["blocks_0"]["norm_1"]["gain"]["kernel"]
    assert gain.shape == (6 + 3, 8)
    # Without the last rows of every block's maps, only the first chunk of z is left.
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.at[6:].set(0) if "norm" in str(path) and leaf.ndim == 2 else leaf,
        variables["params"],
    )
    images = [
        applied(g, variables | {"params": params}, z, LABELS, train=False)
        for z in (z, z.at[:, 3:].add(1.0))
    ]
    np.testing.assert_array_equal(*images)


def test_evaluation_changes_no_variable_and_repeats():
    g = small_generator()
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)
    first, new = applied(g, variables, z, LABELS, train=False, mutable=MUTABLE)
    jax.tree.map(np.testing.assert_array_equal, new, {k: variables[k] for k in MUTABLE})
    np.testing.assert_array_equal(first, applied(g, variables, z, LABELS, train=False))
    # Images of a batch do not depend on each other.
    alone = applied(g, variables, z[:1], LABELS[:1], train=False)
    np.testing.assert_allclose(alone, first[:1], atol=1e-5)


def test_the_class_moves_the_logit_by_its_projection():
    d = Discriminator(**(SMALL | {"attention": ()}))
    images = jax.random.normal(jax.random.key(2), (4, 32, 32, 3))
    variables = initialised(d, jax.random.key(0), images, LABELS)
    # Only class 3 has a row: the other classes' logits are those of the linear layer.
    table = jnp.zeros_like(variables["params"]["embedding"]["embedding"]).at[3].set(1.0)
    params = variables["params"] | {"embedding": {"embedding": table}}

    def logits(labels):
        return applied(d, variables | {"params": params}, images, labels, train=False)

    np.testing.assert_array_equal(logits(LABELS) != logits(jnp.zeros_like(LABELS)), LABELS == 3)


def test_low_precision():
    """bfloat16 computation, float32 state, and results near those of float32."""
    g, low = small_generator(), small_generator(dtype=jnp.bfloat16)
    z = latents(g)
    variables = initialised(g, jax.random.key(0), z, LABELS)
    images, _ = applied(g, variables, z, LABELS, train=True, mutable=MUTABLE)
    low_images, new = applied(low, variables, z, LABELS, train=True, mutable=MUTABLE)
    assert low_images.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(new)} == {jnp.dtype("float32")}
    difference = jnp.abs(images - low_images)
    assert 0 < float(difference.mean()) < 0.03
    d = Discriminator(**SMALL, dtype=jnp.bfloat16)
    d_variables = initialised(d, jax.random.key(1), images, LABELS)
    assert applied(d, d_variables, images, LABELS, train=False).dtype == jnp.float32


def test_groups_of_examples_normalise_apart():
    whole, halves = small_generator(), small_generator(bn_groups=2)
    z = latents(whole)
    variables = initialised(whole, jax.random.key(0), z, LABELS)
    grouped, _ = applied(halves, variables, z, LABELS, train=True, mutable=MUTABLE)
    first, _ = applied(whole, variables, z[:2], LABELS[:2], train=True, mutable=MUTABLE)
    np.testing.assert_allclose(grouped[:2], first, atol=1e-4)
    together, _ = applied(whole, variables, z, LABELS, train=True, mutable=MUTABLE)
    assert float(jnp.abs(together - grouped).max()) > 1e-3


def test_a_sharded_batch_gives_the_same_images_and_moments():
    g = small_generator()
    z, labels = latents(g, 8), jnp.tile(LABELS, 2)
    variables = initialised(g, jax.random.key(0), z, labels)
    apply = jax.jit(lambda v, z, y: g.apply(v, z, y, train=True, mutable=MUTABLE))
    desired = apply(variables, z, labels)
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:4]), ("data",))
    by_example = jax.NamedSharding(mesh, jax.P("data"))
    everywhere = jax.NamedSharding(mesh, jax.P())
    actual = apply(
        jax.device_put(variables, everywhere),
        jax.device_put(z, by_example),
        jax.device_put(labels, by_example),
    )
    assert actual[0].sharding.is_equivalent_to(by_example, 4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), actual, desired
    )


def test_initialisation_is_the_same_under_jit():
    g = small_generator(resolution=16, attention=(8,))

    def init(key):
        return g.init(key, latents(g), LABELS, train=False)

    eager, jitted = init(jax.random.key(0)), jax.jit(init)(jax.random.key(0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), eager, jitted)
    kernel = np.asarray(jitted["params"]["blocks_0"]["conv_2"]["kernel"]).reshape(-1, 8)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(8), atol=1e-5)
    biases = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(jitted["params"])
        if path[-1].key == "bias"
    ]
    assert biases
    assert all(not leaf.any() for leaf in biases)
