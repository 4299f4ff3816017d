import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import truncation_sweep
from jaxrepro.papers.biggan.sampling.sampler import Sampler
from tests import runs
from tests.papers.biggan import tiny_biggan


def test_rows_are_the_same_samples_at_their_truncation():
    generator = tiny_biggan.trained()
    generator = dataclasses.replace(generator, tables={"standing_scaled": tiny_biggan.table()})
    images, said = truncation_sweep.sweep(
        generator, "scaled", [1.0, 0.75], [0, 2, 1], 4, batch_size=3
    )
    assert images.shape == (2, 3, 16, 16, 1)
    for row, threshold in zip(images, (1.0, 0.75), strict=True):
        variables, _ = generator.variables_at("scaled", threshold)
        expected = Sampler(generator, 3).draw(
            [0, 2, 1], 4, mode="scaled", threshold=threshold, variables=variables
        )
        np.testing.assert_array_equal(row, expected)
    assert (images[0] != images[1]).any(axis=(1, 2, 3)).all()
    assert "row of truncation 1" in said[0] and "interpolated" in said[1]


def test_samples_become_alike_as_the_truncation_falls():
    images, _ = truncation_sweep.sweep(
        tiny_biggan.trained(), "resample", [2.0, 0.5, 0.04], [1] * 12, 0, batch_size=12
    )
    spread = images.astype(float).std(axis=1).mean(axis=(1, 2, 3))
    assert spread[0] > spread[1] > 3 * spread[2]


def test_the_command(tmp_path, capsys):
    write_export(tmp_path / "export", tiny_biggan.trained().to_export({}))
    options = (f"--model={tmp_path / 'export'}", "--columns=3", "--batch_size=3")
    output = tmp_path / "sweep.png"
    runs.call(truncation_sweep, *options, "--truncations=2,0.5", f"--output={output}")
    with Image.open(output) as sheet:
        assert sheet.height == 2 + 2 * (48 + 2) and sheet.width > 2 + 3 * (48 + 2)
    assert "resample 0.5: batch-norm statistics: moving averages" in capsys.readouterr().out
    with pytest.raises(InputError, match="must end in .png"):
        runs.call(truncation_sweep, *options, "--output=a.gif")
