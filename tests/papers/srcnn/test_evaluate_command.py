"""The evaluate command: what it measures, prints, writes, checks and refuses."""

import json
import math
import shutil
import types

import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.whole_files import write_png
from jaxrepro.data.formats.ycbcr import rgb_to_ycbcr, to_uint8
from jaxrepro.metrics.pictures.image_quality import psnr
from jaxrepro.papers.srcnn import evaluate
from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.network.borders import replicate
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures
from jaxrepro.papers.srcnn.tables import published
from jaxrepro.papers.srcnn.tables.figures import Figure
from jaxrepro.papers.srcnn.tables.measured import load_models
from jaxrepro.papers.srcnn.tables.score_table import (
    Scores,
    ScoreTable,
    deviations,
    means_text,
    pictures_text,
)
from tests.papers.srcnn.tiny_pictures import tiny_network, write_pictures


def flags(**given):
    names = ["step", "scale", "linear", "check", "output"]
    given.setdefault("linear_side", 5)
    return types.SimpleNamespace(**dict.fromkeys(names) | given)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    module, variables = tiny_network()
    card = {"paper": "srcnn", "network": network_card(module), "scale": 3}
    card |= {"color": "y", "degradation": "matlab-bicubic"}
    write_export(folder / "tiny", Export(card, {"model": variables}))
    module, variables = tiny_network(3)
    card |= {"color": "rgb", "network": network_card(module)}
    write_export(folder / "rgb", Export(card, {"model": variables}))
    write_pictures(folder / "Set5")
    # Grey pictures are their own luma.
    write_pictures(folder / "grey", sizes=((30, 30),), channels=1)
    return folder


def test_measures_are_those_of_the_whole_pictures(files, capsys):
    output = files / "out" / "scores.json"
    evaluate.main(
        flags(
            model=[f"{files / 'tiny'}"],
            data=[f"folder:{files / 'Set5'}", f"folder:{files / 'grey'}"],
            linear=f"folder:{files / 'Set5'}",
            output=str(output),
        )
    )
    text = capsys.readouterr().out
    record = json.loads(output.read_text())
    assert {"command", "time", "versions", "devices"} <= set(record)
    assert record["linear"] == {"data": f"folder:{files / 'Set5'}", "side": 5}
    (weights,) = record["weights"]
    assert weights["network"]["kernels"] == [3, 1, 3]
    assert len(weights["sha256"]) == 64
    assert [result["set"] for result in record["results"]] == ["set5", "grey"]

    module, variables = tiny_network()
    for result in record["results"]:
        pictures = degraded_pictures(result["data"], "matlab-bicubic", 3, "y")
        assert result["pictures"] == [picture.name for picture in pictures]
        bicubic, linear, network = result["methods"]
        assert [m["name"] for m in (bicubic, linear, network)] == ["bicubic", "linear 5x5", "tiny"]
        expected = [
            published_measures(
                np.asarray(module.apply(variables, p.enlarged[None], replicate))[0, ..., 0],
                p.truth[..., 0],
                3,
            )
            for p in pictures
        ]
        np.testing.assert_allclose(network["psnr"], [row["psnr"] for row in expected], atol=0.02)
        np.testing.assert_allclose(network["ssim"], [row["ssim"] for row in expected], atol=1e-3)
        for method in (bicubic, linear, network):
            assert method["mean_psnr"] == pytest.approx(np.mean(method["psnr"]))
            assert f"{method['mean_psnr']:.3f}" in text
        assert result["protocol"]["shave"] == 3
        assert "3 pixels shaved off" in result["protocol_sentence"]
    first, second = record["results"]
    # Fitted on this very set, it cannot be worse than doing nothing; the tiny network can.
    assert first["methods"][1]["mean_psnr"] > first["methods"][0]["mean_psnr"]
    assert first["methods"][0]["published"][0]["psnr"] == 30.39
    assert second["methods"][0]["published"] == []
    assert first["methods"][2]["published"] == []


def test_notes_say_which_pictures_are_grey_and_which_have_no_error():
    kinds = {"a": "grey", "b": "colour", "c": "grey in colour"}
    scores = (
        Scores("bicubic", (math.inf, 20.0, 30.0), (1.0, 0.5, 0.6)),
        Scores("exact", (math.inf,) * 3, (1.0,) * 3),
    )
    table = ScoreTable("set", "folder:set", 3, "matlab-bicubic", kinds, scores)
    text = pictures_text(table)
    assert text.splitlines()[5].split() == ["mean", "25.000", "0.7000", "inf", "1.0000"]
    notes = [
        "1 of 3 pictures is grey: luma in 0..255 (a); "
        "1 of 3 pictures is grey but stored in colour: luma in 16..235 (c)",
        "bicubic: 1 of 3 pictures has no error; the mean is over the others",
        "exact: no picture has an error",
    ]
    assert text.splitlines()[-3:] == [f"note: {note}" for note in notes]
    record = table.as_json()
    assert record["notes"] == notes
    assert record["kinds"] == ["grey", "colour", "grey in colour"]
    assert [method["num_exact"] for method in record["methods"]] == [1, 3]
    # The published way, of which the sentence tells.
    assert record["protocol"]["grey"] == "as stored"
    assert "luma in 16..235, of grey files in 0..255;" in record["protocol_sentence"]


def test_networks_of_colour_are_measured_by_their_luma(files):
    spec, output = f"folder:{files / 'Set5'}", files / "rgb.json"
    evaluate.main(flags(model=[str(files / "rgb")], data=[spec], output=str(output)))
    _, network = json.loads(output.read_text())["results"][0]["methods"]
    module, variables = tiny_network(3)
    expected = [
        psnr(
            *(
                rgb_to_ycbcr(to_uint8(planes))[3:-3, 3:-3, 0]
                for planes in (
                    np.asarray(module.apply(variables, p.enlarged[None], replicate)[0]),
                    p.truth,
                )
            )
        )
        for p in degraded_pictures(spec, "matlab-bicubic", 3, "rgb")
    ]
    np.testing.assert_allclose(network["psnr"], expected, atol=0.02)


def test_networks_of_other_degradations_have_a_record_of_their_own(files, tmp_path):
    """Also of pictures without error, whose decibels no JSON number can be."""
    module, variables = tiny_network()
    card = {"paper": "srcnn", "network": network_card(module), "scale": 3, "color": "y"}
    card |= {"degradation": "article-intended"}
    write_export(tmp_path / "net", Export(card, {"model": variables}))
    write_png(tmp_path / "flat" / "a.png", np.full((24, 24, 1), 90, np.uint8))
    output = tmp_path / "scores.json"
    evaluate.main(
        flags(model=[str(tmp_path / "net")], data=[f"folder:{tmp_path}/flat"], output=str(output))
    )
    (result,) = json.loads(output.read_text(), parse_constant=pytest.fail)["results"]
    assert result["protocol"]["degradation"] == "article-intended"
    assert result["protocol"]["luma"] == "full"
    assert result["methods"][0]["psnr"] == [None]
    assert result["methods"][0]["mean_psnr"] is None


def test_networks_of_one_name_are_called_by_their_paths(files, tmp_path):
    shutil.copytree(files / "tiny", tmp_path / "tiny")
    paths = [files / "tiny", tmp_path / "tiny", files / "rgb"]
    models = load_models((path, None) for path in paths)
    assert [model.name for model in models] == [str(paths[0]), str(paths[1]), "rgb"]
    assert models[0].sha256 == models[1].sha256 != models[2].sha256


def test_what_is_not_there_is_said(files):
    with pytest.raises(InputError, match="no networks or no data given"):
        evaluate.main(flags(model=[], data=["photos:test"]))
    with pytest.raises(InputError, match="absent is no trained network of srcnn: there is nothing"):
        evaluate.main(flags(model=["absent"], data=["photos:test"]))
    tiny, data = [str(files / "tiny")], [f"folder:{files / 'grey'}"]
    with pytest.raises(InputError, match="unknown pictures 'Set5'"):
        evaluate.main(flags(model=tiny, data=["Set5"]))
    with pytest.raises(InputError, match="unknown pictures 'T91'"):
        evaluate.main(flags(model=tiny, data=data, linear="T91"))
    with pytest.raises(InputError, match="--linear_side=4 is even"):
        evaluate.main(flags(model=tiny, data=data, linear_side=4))
    with pytest.raises(InputError, match="enlarges by 3, not by 2"):
        evaluate.main(flags(model=tiny, data=data, scale=2))
    (files / "net.mat").write_bytes(b"")
    with pytest.raises(InputError, match="does not say its scale"):
        evaluate.main(flags(model=[str(files / "net.mat")], data=data))
    with pytest.raises(InputError, match="found no published figure"):
        evaluate.main(flags(model=tiny, data=data, check=0.01))


def test_a_release_folder_stands_for_its_files(tmp_path):
    for name in ("b/x4.mat", "a/x2.mat", "a/x3.mat", "a/notes.mat", "a/xy.mat"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = evaluate.weight_files(tmp_path, None)
    assert [str(p.relative_to(tmp_path)) for p in found] == ["a/x2.mat", "a/x3.mat", "b/x4.mat"]
    assert evaluate.weight_files(tmp_path, 4) == [tmp_path / "b/x4.mat"]
    with pytest.raises(InputError, match="no weights for --scale=8"):
        evaluate.weight_files(tmp_path, 8)
    assert evaluate.scale_in_name(tmp_path / "x3.mat") == 3
    assert evaluate.scale_in_name(tmp_path / "x33.mat") is None


def table(psnr, figure, same=True):
    scores = Scores("net", (psnr - 1, psnr + 1), (0.5, 0.5), (figure,), same)
    return ScoreTable(
        "set5", "folder:Set5", 3, "matlab-bicubic", {"a": "grey", "b": "colour"}, (scores,)
    )


@pytest.mark.parametrize(
    ("psnr", "number"), [(32.395, 0), (32.385, 0), (32.401, 1), (32.379, 1), (np.nan, 1)]
)
def test_deviations(psnr, number):
    figure = Figure(32.39, 0.9, "91 images", "paper")
    sentences, checked = deviations([table(psnr, figure)], 0.01)
    assert (len(sentences), checked) == (number, 1)
    if number:
        assert sentences[0].startswith(f"net on set5 x3: {psnr:.3f} dB, published 32.39")


def test_nothing_to_check_is_an_error():
    figure = Figure(32.39, None, "91 images", "paper")
    for tables in (
        [table(32.39, figure, same=False)],
        [table(32.39, Figure(32.39, None, "", "paper"))],
    ):
        with pytest.raises(InputError, match="found no published figure"):
            deviations(tables, 0.01)


def test_figures_of_networks_trained_by_others_are_told_apart():
    figure = Figure(32.39, 0.9, "91 images", "paper")
    line = means_text([table(32.0, figure, same=False)]).splitlines()[-1]
    words = "set5 x3 net 32.000 32.39 -0.390 0.5000 0.9000 -0.4000 91 images, paper; trained by"
    assert " ".join(line.split()) == f"{words} others"


def test_a_failed_check_is_the_exit_status(files, capsys, monkeypatch):
    figure = Figure(10.0, None, "91 images", "paper")
    monkeypatch.setattr(
        "jaxrepro.papers.srcnn.tables.measured.network_figures", lambda *_: (figure,)
    )
    release = published.Released("9-1-5", "91 images", 3)
    monkeypatch.setattr("jaxrepro.papers.srcnn.tables.measured.released", lambda _: release)
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    shapes = {1: (9, 4), 2: (4, 1, 2), 3: (2, 9)}
    arrays = {f"weights_conv{i}": rng.normal(size=shape) for i, shape in shapes.items()}
    arrays |= {f"biases_conv{i}": np.zeros((n, 1)) for i, n in ((1, 4), (2, 2), (3, 1))}
    path = files / "9-1-5(91 images)" / "x3.mat"
    path.parent.mkdir()
    savemat(path, arrays)
    given = flags(model=[str(path)], data=[f"folder:{files / 'grey'}"], check=0.5)
    with pytest.raises(SystemExit) as stopped:
        evaluate.main(given)
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    assert "check failed: 9-1-5(91 images) on grey x3" in captured.err
    assert "91 images, paper" in captured.out
