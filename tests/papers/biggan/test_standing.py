import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxrepro.core.checkpoints.export import read_export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key, streams
from jaxrepro.papers.biggan import standing
from jaxrepro.papers.biggan.network.truncation import truncated_latents
from jaxrepro.papers.biggan.standing import parse_truncations, standing_table
from tests import runs
from tests.papers.biggan import tiny_biggan

PASSES, BATCH = 6, 20


@pytest.fixture(scope="module")
def generator():
    return tiny_biggan.trained()


def compute(generator, truncations=(0.1, 1.0), passes=PASSES, **options):
    return standing_table(
        generator, "resample", truncations, passes=passes, batch_size=BATCH, seed=3, **options
    )


@pytest.fixture(scope="module")
def table(generator):
    return compute(generator)


def inputs(number, threshold):
    key = named_key(jax.random.key(3), "standing")
    z_key, label_key = streams(key, number, "z", "label")
    z = truncated_latents("normal", "resample", z_key, jnp.arange(BATCH), 6, threshold)
    return z, jax.random.randint(label_key, (BATCH,), 0, 3)


def test_they_are_means_over_passes_of_batch_means_and_biased_variances(generator, table):
    # The first norm sees the first linear layer's output, which needs no norm to be computed.
    def seed(module, z):
        return module.first(z[:, :2], train=False)

    for row, threshold in enumerate((0.1, 1.0)):
        means, variances = [], []
        for number in range(PASSES):
            z, _ = inputs(number, threshold)
            x = generator.module.apply(generator.variables, z, method=seed)
            x = np.asarray(x, np.float64).reshape(BATCH * 16, -1)
            means.append(x.mean(0))
            variances.append(x.var(0))
        first = table["batch_stats"]["blocks_0"]["norm_1"]["normalize"]
        np.testing.assert_allclose(first["mean"][row], np.mean(means, 0), atol=1e-6)
        np.testing.assert_allclose(first["var"][row], np.mean(variances, 0), rtol=1e-5)
    ratio = np.mean(first["var"][0] / first["var"][1])
    expected = stats.truncnorm.var(-0.1, 0.1) / stats.truncnorm.var(-1, 1)
    np.testing.assert_allclose(ratio, expected, rtol=0.1)


def test_with_a_pass_of_its_own_a_batch_is_normalised_as_in_training(generator):
    # All norms at once: evaluation with the statistics of a batch is training on that batch.
    statistics = compute(generator, (0.7,), passes=1)["batch_stats"]
    variables = {**generator.variables, "batch_stats": jax.tree.map(lambda x: x[0], statistics)}
    module = generator.module.clone(bn_groups=1)
    z, labels = inputs(0, 0.7)
    trained, _ = jax.jit(
        lambda v: module.apply(v, z, labels, train=True, mutable=["batch_stats", "spectral"])
    )(variables)
    evaluated = jax.jit(lambda v: module.apply(v, z, labels, train=False))(variables)
    np.testing.assert_allclose(trained, evaluated, atol=2e-5)
    assert np.std(evaluated) > 0.1


def test_the_same_bits_on_one_device(generator, table):
    again = compute(generator, devices=jax.devices()[:1])
    jax.tree.map(np.testing.assert_array_equal, again, table)


def test_the_command_adds_its_table_to_an_export(generator, tmp_path, capsys):
    folder = tmp_path / "export"
    write_export(folder, generator.to_export({"standing_scaled": tiny_biggan.table()}))
    runs.call(
        standing,
        f"--model={folder}",
        "--truncations=1,0.5",
        "--passes=2",
        "--batch_size=4",
        "--mode=gaussian",
        f"--output={folder}",
    )
    assert "table standing_gaussian of 2 truncations, 2 passes of 4" in capsys.readouterr().out
    read = read_export(folder)
    assert set(read.tables) == {"standing_scaled", "standing_gaussian"}
    np.testing.assert_array_equal(read.tables["standing_gaussian"]["truncation"], [0.5, 1])
    assert read.card == json.loads(json.dumps(generator.card))
    jax.tree.map(np.testing.assert_array_equal, read.nets["g"], generator.variables)


def test_what_does_not_fit_is_said(generator):
    for given in (None, []):
        with pytest.raises(InputError, match="give --truncations, such as"):
            parse_truncations(given)
    with pytest.raises(InputError, match="--truncations=0.1,x: not numbers"):
        parse_truncations(["0.1", "x"])
    for given in (["0"], ["-1"], ["nan"], ["inf"], ["1", "1.0"]):
        with pytest.raises(InputError, match="they must differ and be greater than 0"):
            parse_truncations(given)
    with pytest.raises(InputError, match="this generator's is 'uniform'"):
        compute(dataclasses.replace(generator, latent="uniform"))
    with pytest.raises(InputError, match="mode none, which takes no threshold"):
        standing_table(generator, "none", [1.0], passes=1, batch_size=4, seed=0)
