"""The sample command on a run and on an export: three kinds of output, continued series."""

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import sample
from jaxrepro.papers.biggan.trained import load_generator
from tests import runs
from tests.papers.biggan import tiny_biggan
from tests.papers.biggan.drawn_run import write_run


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("sample") / "run", steps=(1, 2))


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "export"
    tables = {"standing_scaled": tiny_biggan.table()}
    write_export(folder, tiny_biggan.trained().to_export(tables))
    return f"--model={folder}"


def images_of(path):
    return np.load(path, allow_pickle=False)["images"]


def test_npz_of_the_command(workdir, tmp_path):
    output = tmp_path / "out.npz"
    result = runs.run(
        "jaxrepro.papers.biggan.sample",
        f"--model={workdir}",
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
    assert arrays["class_names"].tolist() == [str(digit) for digit in range(10)]


def test_latest_step_is_the_default_and_others_can_be_asked_for(workdir):
    latest, earlier = load_generator(workdir), load_generator(workdir, step=1)
    assert (latest.card["step"], earlier.card["step"]) == (2, 1)
    kernels = [x.variables["params"]["first"]["kernel"] for x in (latest, earlier)]
    assert (np.asarray(kernels[0]) != np.asarray(kernels[1])).any()
    with pytest.raises(InputError, match="no checkpoint of step 9"):
        load_generator(workdir, step=9)


def test_a_series_is_continued(export, tmp_path):
    options = (export, "--batch_size=4", "--classes=hen,tabby", "--truncation=0.8")
    whole, rest = tmp_path / "whole.npz", tmp_path / "rest.npz"
    runs.call(sample, *options, "--num=9", f"--output={whole}")
    runs.call(sample, *options, "--num=4", "--start=5", f"--output={rest}")
    np.testing.assert_array_equal(images_of(rest), images_of(whole)[5:])
    np.testing.assert_array_equal(np.load(rest)["labels"], [0, 2, 0, 2])
    runs.call(sample, *options, "--num=1", "--start=9", f"--output={tmp_path / 'folder'}")
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["9_class0_tabby_tabby_cat.png"]


def test_truncation_and_its_statistics_are_said(export, tmp_path, capsys):
    output = tmp_path / "out.npz"
    found = []
    for options, said in (
        ([], ""),
        (["--truncation=0.75"], "mode resample; batch-norm statistics: moving averages"),
        (["--truncation=0.75", "--mode=scaled"], "interpolated between truncation 0.5 and 1"),
        (["--truncation=0.75", "--mode=gaussian"], "mode gaussian; batch-norm statistics: moving"),
    ):
        runs.call(sample, export, "--num=4", "--batch_size=4", f"--output={output}", *options)
        assert said in capsys.readouterr().out
        found.append(images_of(output).tobytes())
    assert len(set(found)) == 4


def test_sheet_and_folder(tmp_path):
    labels = np.asarray([0, 1, 0, 1], np.int32)
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), np.uint8)
    sample.write(tmp_path / "sheet.png", images, labels, ("zero", "one"))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 16
    sample.write(tmp_path / "folder", images, labels, ("zero", "one"), start=8)
    names = sorted(p.name for p in (tmp_path / "folder").iterdir())
    assert names == [
        f"{i:02}_class{i % 2}_{name}.png" for i, name in enumerate(["zero", "one"] * 2, 8)
    ]
    with Image.open(tmp_path / "folder" / names[1]) as image:
        np.testing.assert_array_equal(np.asarray(image), images[1, ..., 0])


def test_files_of_classes_that_are_called_by_numbers(tmp_path):
    labels = np.asarray([1, 0], np.int32)
    names = ("1", "10", "2")
    images = np.zeros((2, 16, 16, 1), np.uint8)
    sample.write(tmp_path / "folder", images, labels, names)
    files = sorted(p.name for p in (tmp_path / "folder").iterdir())
    assert files == ["0_class10.png", "1_class1.png"]
    sample.write(tmp_path / "a.npz", images, labels, names)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["class_names"][arrays["labels"]].tolist() == ["10", "1"]


def test_flags_that_do_not_fit_are_said(export):
    output = "--output=x.png"
    for arguments, message in (
        ([output], "give a trained network, such as --model="),
        ([output, export, "--step=3"], "step 3 is chosen of .*export, which is not the folder"),
        ([export], "give --output, such as"),
        ([export, output, "--num=0"], "--num=0; it must be 1 or more"),
        ([export, output, "--batch_size=0"], "--batch_size=0; it must be 1"),
        ([export, output, "--start=-1"], "--start=-1; it must be 0 or more"),
        ([export, output, f"--start={2**31}"], "start 2147483648 given; .*at most 2147483648"),
        ([export, output, "--truncation=2", "--mode=scaled"], "outside the table"),
        ([export, output, "--mode=scaled"], "without a truncation"),
        ([export, output, "--truncation=2", "--mode=soft"], "no truncation mode 'soft'"),
        ([export, output, "--classes=t"], "'t' could be 2 classes"),
    ):
        with pytest.raises(InputError, match=message):
            runs.call(sample, *arguments)
