"""`export --format=stablehlo` and `onnx`: files that run without this package."""

import dataclasses
import json
import pathlib
import re

import jax
import numpy as np
import pytest

import jaxrepro
from jaxrepro import export, papers
from jaxrepro.core.errors import InputError
from tests import runs
from tests.bad_inputs.materials import Materials
from tests.test_load import write_classifier

PAGE = runs.ROOT / "docs" / "exports.md"
NETWORKS = [*papers.loadable_papers(), "classifier"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Returns the path of an export of a paper, or of a classifier, of drawn numbers."""
    folder = tmp_path_factory.mktemp("exports")
    materials = Materials(folder)

    def path(name):
        if name != "classifier":
            return materials.path(f"export:{name}")
        if not (folder / name).exists():
            write_classifier(folder / name)
        return folder / name

    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_says_what_it_computes(name, exports):
    loaded = jaxrepro.load(exports(name))
    network = getattr(loaded, "trained", loaded)
    function = network.inference_function()
    sizes = {**function.sizes, "batch": 2}
    inputs = [one.drawn(np.random.default_rng(0), sizes) for one in function.inputs]
    result = jax.eval_shape(function, *inputs)
    assert (result.dtype, result.shape[0]) == (np.float32, 2)
    for one, x in zip(function.inputs, inputs, strict=True):
        assert (one.concrete(sizes), one.dtype) == (x.shape, x.dtype)


def test_the_program_on_the_page_reads_a_file_without_this_package(exports, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "jaxrepro" not in program and len(program.split("\n")) <= 12
    monkeypatch.chdir(tmp_path)
    model = exports("biggan")
    runs.call(export, f"--model={model}", "--format=stablehlo", "--output=digits.stablehlo")
    found: dict = {}
    exec(program, found)
    assert found["images"].shape == (4, 16, 16, 1)
    card = found["card"]
    assert (card["paper"], card["format"]) == ("biggan", "stablehlo")
    assert card["platforms"] == ["cpu", "cuda", "tpu"] and card["relative_difference"] < 1e-5
    assert [one["shape"] for one in card["inputs"]] == [["batch", 60], ["batch"]]
    # And they are the images of the network here.
    generator = jaxrepro.load(model).trained
    variables = generator.variables
    ours = jax.jit(lambda z, y: generator.module.apply(variables, z, y, train=False))
    expected = ours(found["z"], np.arange(4, dtype=np.int32))
    np.testing.assert_allclose(found["images"], expected, atol=1e-5)


def test_an_enlarging_network_takes_pictures_of_any_size(tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    from jax.export import deserialize

    from jaxrepro.papers.srcnn.packaged import packaged_weights

    output = tmp_path / "x3.stablehlo"
    sizes = "--sizes=height=12,width=10"
    model = f"--model={packaged_weights(3)}"
    runs.call(export, model, "--format=stablehlo", sizes, f"--output={output}")
    out = capsys.readouterr().out
    assert "enlarged of planes [batch, height, width, 1]; it differs by " in out
    assert "fixed" not in out
    read = deserialize(bytearray(output.read_bytes()))
    planes = np.random.default_rng(0).random((1, 7, 15, 1), np.float32)
    network = jaxrepro.load(packaged_weights(3)).trained.inference_function()
    np.testing.assert_allclose(read.call(planes), network(planes), atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_runs_every_network(name, exports, tmp_path):
    pytest.importorskip("jax2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    output = tmp_path / "network.onnx"
    runs.call(export, f"--model={exports(name)}", "--format=onnx", f"--output={output}")
    session = onnxruntime.InferenceSession(output)
    card = json.loads(session.get_modelmeta().custom_metadata_map["jaxrepro.card"])
    shapes = {one["name"]: one["shape"] for one in card["inputs"]}
    assert {one.name: one.shape for one in session.get_inputs()} == shapes
    assert all(shape[0] == "batch" for shape in shapes.values())
    assert card["paper"] == json.loads((exports(name) / "model.json").read_text())["paper"]
    loaded = jaxrepro.load(exports(name))
    function = getattr(loaded, "trained", loaded).inference_function()
    rng, sizes = np.random.default_rng(7), {**function.sizes, "batch": 3}
    inputs = {one.name: one.drawn(rng, sizes) for one in function.inputs}
    (found,) = session.run([function.output], inputs)
    expected = np.asarray(jax.jit(lambda *x: function(*x))(*inputs.values()))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model=a"], "give --workdir, or --model, and --output"),
        (["--model=a", "--workdir=b", "--output=c"], "give --workdir, or --model, and --output"),
        (["--model=a", "--output=c"], "--model and --sizes are for --format=stablehlo or onnx"),
        (["--model=a", "--format=onnx", "--output=c.pt"], "--output=c.pt: a file .* in .onnx"),
        (["--model=a", "--format=stablehlo", "--output=c"], "--output=c: a file .* in .stablehlo"),
        (["--model=a", "--format=onnx", "--output=c.onnx", "--seed=1"], "--seed=1 is for --format"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(words, message):
    with pytest.raises(InputError, match=message):
        runs.call(export, *words)


def test_sizes_that_are_none_are_one_line(exports, tmp_path):
    given = [
        f"--model={exports('srcnn')}",
        "--format=stablehlo",
        f"--output={tmp_path}/a.stablehlo",
    ]
    for sizes, message in (("height", "--sizes has 'height'"), ("depth=3", "size 'depth' given")):
        with pytest.raises(InputError, match=message):
            runs.call(export, *given, f"--sizes={sizes}")
    assert not list(pathlib.Path(tmp_path).iterdir())


def test_onnx_without_its_packages_is_one_line(exports, monkeypatch):
    import sys

    from jaxrepro.core.exports.onnx_model import onnx_of

    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    function = jaxrepro.load(exports("srcnn")).trained.inference_function()
    with pytest.raises(InputError, match=r"^--format=onnx needs jax2onnx, .*jaxrepro\[onnx\]'$"):
        onnx_of(function, {})


def test_a_network_that_says_nothing_is_one_line(exports):
    from jaxrepro.core.inference.trained import Trained

    @dataclasses.dataclass(frozen=True)
    class Silent(Trained):
        def shapes(self):
            return {}

    with pytest.raises(InputError, match="^Silent has no inference_function"):
        Silent().inference_function()
