import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.errors import InputError
from jaxrepro.metrics import feature_choice
from jaxrepro.metrics.samples.comparison import ComparisonSettings, compare
from jaxrepro.metrics.samples.feature_set import FeatureSet
from jaxrepro.papers.biggan import truncation_curve
from jaxrepro.papers.biggan.sampling.sampler import Sampler
from jaxrepro.papers.biggan.standing import standing_table
from tests import runs
from tests.metrics.features.linear_network import LinearNetwork
from tests.papers.biggan import tiny_biggan

SETTINGS = ComparisonSettings(neighborhood_samples=0, score_splits=2)


def test_each_truncation_has_samples_with_its_own_statistics():
    generator, network = tiny_biggan.trained(), LinearNetwork()
    rng = np.random.default_rng(1)
    real = FeatureSet(
        rng.normal(size=(30, 3)).astype(np.float32),
        rng.normal(size=(30, 4)).astype(np.float32),
        np.zeros(30, np.int32),
    )
    points = truncation_curve.curve(
        generator,
        network,
        real,
        "resample",
        [0.5, 2.0],
        num=12,
        passes=2,
        batch_size=6,
        seed=3,
        settings=SETTINGS,
    )
    assert [point["truncation"] for point in points] == [0.5, 2.0]
    labels = np.random.default_rng(3).integers(generator.module.num_classes, size=12)
    for point in points:
        threshold = point["truncation"]
        table = standing_table(generator, "resample", [threshold], passes=2, batch_size=6, seed=3)
        own = dataclasses.replace(generator, tables={"standing_resample": table})
        variables, _ = own.variables_at("resample", threshold)
        images = Sampler(own, 6).draw(
            labels, 3, mode="resample", threshold=threshold, variables=variables
        )
        drawn = FeatureSet(*network.by_hand(images), labels.astype(np.int32))
        # A pixel in the middle between two grey levels may be rounded either way.
        expected = pytest.approx(compare(network.name, real, drawn, SETTINGS), rel=1e-2)
        assert point["results"] == expected


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAXREPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(feature_choice, "feature_network", lambda *arguments: LinearNetwork())
    write_export(tmp_path / "export", tiny_biggan.trained().to_export({}))
    options = (f"--model={tmp_path / 'export'}", "--source=digits", "--num=12", "--passes=1")
    options += ("--batch_size=6", "--num_reference=20")
    output = tmp_path / "curve.json"
    runs.call(truncation_curve, *options, "--truncations=2,0.5", f"--output={output}")
    record = json.loads(output.read_text())
    assert [point["truncation"] for point in record["points"]] == [0.5, 2.0]
    for point in record["points"]:
        assert np.isfinite(list(point["results"].values())).all()
        assert "frechet@12:linear-test-00000000" in point["results"]
    assert (record["mode"], record["network"]) == ("resample", "linear-test-00000000")
    with Image.open(output.with_suffix(".png")) as picture:
        assert picture.width > picture.height
    said = capsys.readouterr().out
    assert "generated images: 12 samples of 3 features" in said
    for wrong, message in (
        ("--output=curve.txt", "must end in .json"),
        ("--num=9", "need 10 or more"),
        ("--source=digit", "unknown data source"),
    ):
        with pytest.raises(InputError, match=message):
            runs.call(truncation_curve, *options, "--truncations=1", f"--output={output}", wrong)
