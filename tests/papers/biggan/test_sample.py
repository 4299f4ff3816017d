"""The sample command: three kinds of output, and every image a function of (seed, index, class)."""

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import sample
from tests import runs

CONFIG = "--config=configs/biggan_digits.py:test"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "run"
    result = runs.run("jaxrepro.train", CONFIG, f"--workdir={folder}")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def model(workdir):
    return sample.load(workdir)


def draw(model, labels, seed=0):
    generator, latent, variables, _, _ = model
    return sample.draw(generator, latent, variables, np.asarray(labels, np.int32), seed)


def test_npz_of_the_command(workdir, tmp_path):
    output = tmp_path / "out.npz"
    result = runs.run(
        "jaxrepro.papers.biggan.sample",
        f"--workdir={workdir}",
        "--classes=3,5",
        "--num=7",
        "--seed=1",
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    assert "7 images of step 2" in result.stdout
    arrays = np.load(output, allow_pickle=False)
    assert arrays["images"].shape == (7, 16, 16, 1)
    assert arrays["images"].dtype == np.uint8
    np.testing.assert_array_equal(arrays["labels"], [3, 5, 3, 5, 3, 5, 3])


def test_images_depend_on_seed_index_and_class_only(model):
    many = draw(model, [3] * 60)
    np.testing.assert_array_equal(draw(model, [3] * 4), many[:4])
    np.testing.assert_array_equal(draw(model, [3, 5, 3])[2], many[2])
    assert (draw(model, [3], seed=1) != many[0]).any()
    assert (many[0] != many[1]).any()


def test_latest_step_is_the_default_and_others_can_be_asked_for(workdir, model):
    assert model[-1] == 2
    assert sample.load(workdir, 1)[-1] == 1
    with pytest.raises(InputError, match="no checkpoint of step 9"):
        sample.load(workdir, 9)


def test_sheet_and_folder(model, tmp_path):
    labels = np.asarray([0, 1, 0, 1], np.int32)
    images = draw(model, labels)
    sample.write(tmp_path / "sheet.png", images, labels, model[3])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 16
    sample.write(tmp_path / "folder", images, labels, model[3])
    names = sorted(p.name for p in (tmp_path / "folder").iterdir())
    assert names == ["0_class0.png", "1_class1.png", "2_class0.png", "3_class1.png"]
    with Image.open(tmp_path / "folder" / names[1]) as image:
        np.testing.assert_array_equal(np.asarray(image), images[1, ..., 0])


def test_classes_by_number_and_name():
    names = ("cat", "dog", "7")
    assert sample.parse_classes(None, names) == [0, 1, 2]
    assert sample.parse_classes(["dog", "0", "7"], names) == [1, 0, 2]
    for word in ("3", "-1", "cow", ""):
        with pytest.raises(InputError, match=f"no class {word!r}; classes are 0 to 2, named cat"):
            sample.parse_classes([word], names)


def test_wrong_folders_are_said(tmp_path):
    with pytest.raises(InputError, match=r"not the workdir of a run: no model\.json"):
        sample.load(tmp_path)
    (tmp_path / "model.json").write_text('{"paper": "srcnn"}')
    with pytest.raises(InputError, match="a run of 'srcnn', not of biggan"):
        sample.load(tmp_path)
