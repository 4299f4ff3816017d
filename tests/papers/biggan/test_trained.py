import dataclasses
import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.trained import load_generator
from tests.papers.biggan import tiny_biggan


def exported(folder, card=None, **nets):
    generator = tiny_biggan.trained()
    nets = nets or {"g": generator.variables}
    tables = {"standing_scaled": tiny_biggan.table()}
    write_export(folder, Export({**generator.card, **(card or {})}, nets, tables))
    return folder


def test_an_export_gives_the_generator_back(tmp_path):
    expected, read = tiny_biggan.trained(), load_generator(exported(tmp_path / "e"))
    assert read.module == expected.module
    assert (read.latent, read.class_names) == ("normal", tiny_biggan.CLASS_NAMES)
    jax.tree.map(np.testing.assert_array_equal, read.variables, expected.variables)
    np.testing.assert_array_equal(read.tables["standing_scaled"]["truncation"], [0.5, 1])
    assert read.origin == f"export {tmp_path / 'e'}"


def test_exports_need_neither_orbax_nor_optax(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['orbax'] = sys.modules['orbax.checkpoint'] = sys.modules['optax'] = None\n"
        "from jaxrepro.papers.biggan import trained\n"
        "from jaxrepro.papers.biggan.sampling import sampler\n"
        f"g = trained.load_generator({str(exported(tmp_path / 'e'))!r})\n"
        "print(sampler.Sampler(g, 2).draw([0, 1], 0).shape)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "(2, 16, 16, 1)\n", result.stderr


def test_statistics_of_a_truncation_and_where_they_are_from():
    table = tiny_biggan.table()
    generator = dataclasses.replace(tiny_biggan.trained(), tables={"standing_scaled": table})
    own = generator.variables["batch_stats"]

    def check(mode, threshold, factor, sentence):
        variables, said = generator.variables_at(mode, threshold)
        expected = jax.tree.map(lambda x: x * factor, own)
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6),
            variables["batch_stats"],
            expected,
        )
        assert variables["params"] is generator.variables["params"]
        assert sentence in said

    check("none", None, 1, "moving averages of training")
    check("scaled", 0.5, 0.5, "table standing_scaled, row of truncation 0.5")
    check("scaled", 0.6, 0.6, "table standing_scaled, interpolated between truncation 0.5 and 1")
    check("resample", 0.6, 1, "no table standing_resample; there is standing_scaled")
    with pytest.raises(InputError, match="truncation 0.4 is outside the table"):
        generator.variables_at("scaled", 0.4)
    with pytest.raises(InputError, match="mode gaussian given without a truncation"):
        generator.variables_at("gaussian", None)
    other = {**table, "batch_stats": {"other": table["batch_stats"]["output_norm"]}}
    generator = dataclasses.replace(generator, tables={"standing_scaled": other})
    with pytest.raises(InputError, match="batch_stats does not fit its generator: .*is absent"):
        generator.variables_at("scaled", 0.5)


def test_wrong_folders_are_said(tmp_path):
    with pytest.raises(InputError, match="no trained network of biggan: it is an empty folder"):
        load_generator(tmp_path)
    (tmp_path / "model.json").write_text('{"paper": "srcnn"}')
    with pytest.raises(
        InputError, match="it is a run of srcnn; give the folder of a run of biggan or of"
    ):
        load_generator(tmp_path)
    card = dict(tiny_biggan.trained().card)
    del card["latent"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="its model card has no latent: another version wrote it"):
        load_generator(tmp_path)


def test_exports_that_do_not_fit_are_said(tmp_path):
    folder = tmp_path / "export"
    variables = tiny_biggan.trained().variables
    for card, nets, message in (
        ({"latent": "levy"}, {}, "has latent 'levy'; allowed: normal"),
        ({"class_names": ["a"]}, {}, "names 1 classes for a generator of 3"),
        ({}, {"d": variables}, "has no network 'g'"),
        ({}, {"g": {**variables, "extra": {"x": np.ones(2)}}}, r"'x'.* expected none at all"),
        ({}, {"g": {"params": variables["params"]}}, "batch_stats.*absent"),
    ):
        with pytest.raises(InputError, match=message):
            load_generator(exported(folder, card, **nets))
    with pytest.raises(
        InputError, match="step 3 is chosen of .*, which is not the folder of a run"
    ):
        load_generator(exported(folder), step=3)
