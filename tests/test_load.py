"""`jaxrepro.load`: trained networks in Python, with plain arrays in and out."""

import doctest
import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

import jaxrepro
from jaxrepro import papers
from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.config import Settings
from jaxrepro.core.supervised import NET
from jaxrepro.papers import make_task
from tests.bad_inputs.materials import Materials
from tests.papers.networks import contract_of

ROOT = pathlib.Path(jaxrepro.__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    return Materials(tmp_path_factory.mktemp("materials"))


def write_classifier(folder):
    """Writes an export of a classifier of drawn numbers."""
    from configs import prm_cifar

    task = make_task(Settings(prm_cifar.get_config("test")))
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(task.initial, jax.random.key(0))
    drawn = jax.tree.map(lambda x: rng.uniform(0.1, 0.2, x.shape).astype(x.dtype), shapes)
    write_export(folder, Export(task.model_card(), {NET: drawn}))


def test_the_page_shows_what_is_returned(materials, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    materials.copy("export:biggan", tmp_path / "exports" / "digits")
    materials.copy("export:scfegan", tmp_path / "exports" / "scfegan")
    materials.copy("run:pyranet", tmp_path / "runs" / "hourglass_demo")
    write_classifier(tmp_path / "runs" / "prm_cifar")
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, str(PAGE), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(parsed)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out
    assert runner.tries > 20


def test_importing_the_package_imports_neither_jax_nor_numpy():
    code = "import sys, jaxrepro; assert not {'jax', 'numpy', 'flax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("paper", papers.loadable_papers())
def test_published_files_are_told_apart_by_looking(paper, tmp_path):
    make = getattr(contract_of(paper), "published_network", None)
    if make is None:
        pytest.skip(f"{paper} reads no published files")
    path = make(tmp_path)
    choices = getattr(contract_of(paper), "PUBLISHED_CHOICES", {})
    loaded = jaxrepro.load(str(path), **choices)
    assert type(loaded).__module__.split(".")[2] in (paper, "pose", "inference")
    assert str(path) in loaded.origin
    assert type(jaxrepro.load(path, paper=paper, **choices)) is type(loaded)


def test_what_no_paper_reads_is_one_line(tmp_path):
    np.savez(tmp_path / "arrays.npz", x=np.zeros(3))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.json").write_text(json.dumps({"paper": "alchemy"}))
    for path, message in (
        (tmp_path / "arrays.npz", "is read by no paper. as one of biggan: "),
        (tmp_path / "run", "paper is 'alchemy'; known are biggan, "),
        (tmp_path, "is no trained network; give the folder of a run or of an export, or "),
    ):
        with pytest.raises(jaxrepro.InputError) as caught:
            jaxrepro.load(path)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_choices_are_those_of_the_paper(materials):
    with pytest.raises(jaxrepro.InputError, match="scale=3 is no choice for a network of biggan"):
        jaxrepro.load(materials.path("export:biggan"), scale=3)
    with pytest.raises(jaxrepro.InputError, match="it is an export of biggan"):
        jaxrepro.load(materials.path("export:biggan"), paper="srcnn")


def test_images_are_those_of_the_command(materials, tmp_path):
    from jaxrepro.papers.biggan import sample
    from tests import runs

    path = materials.path("export:biggan")
    output = tmp_path / "images.npz"
    runs.call(
        sample, f"--model={path}", "--classes=7,1", "--num=3", "--seed=5", f"--output={output}"
    )
    drawn = jaxrepro.load(path).sample(["7", 1], num=3, seed=5)
    np.testing.assert_array_equal(drawn, np.load(output)["images"])


WRONG = {
    "export:biggan": {
        "classes is empty": ("sample", ([],)),
        "a class is 10; it must be a whole number, 0 to 9": ("sample", (10,)),
        "no class 'cat'": ("sample", ("cat",)),
        "num is 0; it must be a whole number, 1 or more": ("sample", (None, 0)),
        "seed is 4294967296; it must be": ("sample", (None, 1, 2**32)),
        "truncation is 'low'": ("sample", (None, 1, 0, "low")),
    },
    "export:scfegan": {
        "image is float64": ("edit", (np.zeros((8, 8, 3)), np.ones((8, 8)))),
        "the mask erases nothing": ("edit", (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)))),
        "color is uint8 [8, 8, 3]; it must be RGBA": (
            "edit",
            (*(np.ones((8, 8, 3), np.uint8), np.ones((8, 8)), None), np.ones((8, 8, 3), np.uint8)),
        ),
    },
    "export:srcnn": {
        "image is uint8 [4, 4, 5]": ("enlarge", (np.zeros((4, 4, 5), np.uint8),)),
        "it has no pixels": ("enlarge", (np.zeros((0, 4), np.uint8),)),
    },
    "export:pyranet": {
        "it must be RGB": ("find_joints", (np.zeros((4, 4), np.uint8),)),
        "box=(1, 2, 3); give x, y": ("find_joints", (np.zeros((4, 4, 3), np.uint8), (1, 2, 3))),
        "lies outside the picture": (
            "find_joints",
            (np.zeros((4, 4, 3), np.uint8), (9, 9, 2, 2)),
        ),
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_one_line(name, materials):
    network = jaxrepro.load(materials.path(name))
    for message, (method, arguments) in WRONG[name].items():
        with pytest.raises(jaxrepro.InputError) as caught:
            getattr(network, method)(*arguments)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_every_layout_of_a_picture_stays(materials):
    network = jaxrepro.load(materials.path("export:srcnn"))
    for dtype in (np.uint8, np.uint16):
        for shape in ((6, 5), (6, 5, 1), (6, 5, 2), (6, 5, 3), (6, 5, 4)):
            large = network.enlarge(np.full(shape, 99, dtype))
            scale = network.scale
            assert (large.shape, large.dtype) == ((6 * scale, 5 * scale, *shape[2:]), dtype)
