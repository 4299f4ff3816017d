import json

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.errors import InputError
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform
from jaxrepro.papers.biggan import neighbours
from tests import runs
from tests.papers.biggan import tiny_biggan


class MeanGrey:
    """A feature network whose one feature is the image's mean."""

    name = "mean-grey"
    variables = np.float32(1)

    def apply(self, variables, images):
        import types

        return types.SimpleNamespace(features=variables * images.mean((1, 2, 3))[:, None])


@pytest.fixture(scope="module")
def digits():
    source = open_source("digits", channels=1)
    transform = square_transform(16, channels=1)
    return source, np.stack([transform.prepare(source[i])["image"] for i in range(20)])


def test_training_images_are_their_own_neighbours(digits):
    source, images = digits
    picture, record = neighbours.compare(images[3:6], ["a", "b", "c"], source, 2)
    assert record["space"] == "pixels in [0, 1]"
    for number, sample in zip((3, 4, 5), record["samples"], strict=True):
        first, second = sample["neighbours"]
        assert (first["index"], first["distance"]) == (number, 0)
        assert first["class"] == source.class_names[source.labels[number]]
        near = square_transform(16, channels=1).prepare(source[second["index"]])["image"]
        far = np.linalg.norm((near.astype(float) - images[number]).ravel() / 255)
        assert second["distance"] == pytest.approx(far) and far > 0
    assert [sample["class"] for sample in record["samples"]] == ["a", "b", "c"]
    assert picture.shape[0] == 2 + 3 * (48 + 2)


def test_another_space_can_be_plugged_in(digits):
    source, images = digits
    _, record = neighbours.compare(images[:2], ["a", "b"], source, 1, MeanGrey())
    assert record["space"] == "mean-grey"
    assert [s["neighbours"][0]["distance"] for s in record["samples"]] == [0, 0]


def test_the_command(tmp_path):
    write_export(tmp_path / "export", tiny_biggan.trained().to_export({}))
    options = (f"--model={tmp_path / 'export'}", "--num=2", "--batch_size=2")
    output = tmp_path / "neighbours.png"
    runs.call(neighbours, *options, "--data=digits", "--neighbours=3", f"--output={output}")
    with Image.open(output) as sheet:
        assert sheet.height == 2 + 2 * (48 + 2)
    record = json.loads((tmp_path / "neighbours.json").read_text())
    assert [len(sample["neighbours"]) for sample in record["samples"]] == [3, 3]
    assert record["samples"][1]["class"] == "tiger cat" and "digits" in record["data"]
    for sample in record["samples"]:
        distances = [neighbour["distance"] for neighbour in sample["neighbours"]]
        assert distances == sorted(distances) and distances[0] > 0
    with pytest.raises(InputError, match="export does not say where its data are"):
        runs.call(neighbours, *options, f"--output={output}")
