"""The port command: from files in each layout to an export that the sample command reads."""

import hashlib
import json
import sys
import types

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxrepro.core.checkpoints.export import read_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import port
from jaxrepro.papers.biggan.network.networks import generator_from_card
from jaxrepro.papers.biggan.porting import port_tfhub_deep
from tests import published_weights, runs


def flags(**given):
    names = ["input", "output", "average", "discriminator", "class_names"]
    names += ["bn_epsilon", "sn_epsilon"]
    return types.SimpleNamespace(**dict.fromkeys(names) | {k: str(v) for k, v in given.items()})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    save_file(published_weights.author_generator(), folder / "G.safetensors")
    average = {k: v * 1.5 for k, v in published_weights.author_generator().items()}
    np.savez(folder / "G_ema.npz", **average)
    np.savez(folder / "D.npz", **published_weights.author_discriminator())
    np.savez(folder / "hub.npz", **published_weights.tfhub_generator(ch=4))
    return folder


def test_author_files_make_one_export(files, tmp_path, capsys):
    output = tmp_path / "export"
    port.main(
        flags(
            input=files / "G.safetensors",
            average=files / "G_ema.npz",
            discriminator=files / "D.npz",
            output=output,
        )
    )
    export = read_export(output)
    assert set(export.nets) == {"g", "g_current", "d"}
    averaged, current = (export.nets[k]["params"]["first"]["bias"] for k in ("g", "g_current"))
    np.testing.assert_allclose(averaged, 1.5 * current, rtol=1e-6)
    module = generator_from_card(export.card["generator"])
    expected, _ = port.generator_from_pytorch(published_weights.author_generator())
    assert module == expected
    assert export.card["class_names"] == ["0", "1", "2", "3", "4"]
    digest = hashlib.sha256((files / "D.npz").read_bytes()).hexdigest()
    assert export.card["provenance"][-1] == {
        "role": "discriminator",
        "file": "D.npz",
        "sha256": digest,
        "layout": "author",
    }
    printed = capsys.readouterr().out
    parameters = sum(x.size for x in jax.tree.leaves(export.nets["g"]["params"]))
    for said in (
        "Generator, 128 pixels, ch 8, 5 classes, z of 24, attention at 64",
        f"166 arrays, {parameters:,} parameters",
        "bn_epsilon 1e-05, the author's ImageNet script",
        "output_bn_epsilon 1e-05, always so in the author's code",
        "Discriminator, 128 pixels, ch 8, 5 classes, attention at 64",
    ):
        assert said in printed


def test_huggingface_file_is_sampled_from(tmp_path):
    arrays = published_weights.huggingface_generator()
    np.savez(tmp_path / "weights.npz", **arrays)
    config = {"output_dim": 128, "z_dim": 8, "channel_width": 4, "n_stats": 51, "eps": 1e-3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "names.txt").write_text("ant\nbee\ncat, tabby\ndog\nelk\n")
    result = runs.run(
        "jaxrepro.papers.biggan.port",
        f"--input={tmp_path / 'weights.npz'}",
        f"--output={tmp_path / 'export'}",
        f"--class_names={tmp_path / 'names.txt'}",
    )
    assert result.returncode == 0, result.stderr
    assert "bn_epsilon 0.001, config.json" in result.stdout
    assert "standing statistics of 51 truncations, 0 to 1" in result.stdout
    export = read_export(tmp_path / "export")
    assert export.card["generator"]["architecture"] == "deep"
    assert export.card["generator"]["bn_epsilon"] == 1e-3
    stats = export.tables["standing_scaled"]["batch_stats"]
    np.testing.assert_array_equal(
        stats["blocks_1"]["norm_1"]["normalize"]["mean"],
        arrays["generator.layers.1.bn_0.running_means"],
    )
    result = runs.run(
        "jaxrepro.papers.biggan.sample",
        f"--model={tmp_path / 'export'}",
        "--classes=bee",
        "--num=1",
        "--truncation=0.5",
        "--mode=scaled",
        f"--output={tmp_path / 'images.npz'}",
    )
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "images.npz") as images:
        assert images["images"].shape == (1, 128, 128, 3)
        assert images["labels"] == [1]
    config["channel_width"] = 128
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="not of these weights: channel_width 128 instead of 4"):
        port.main(flags(input=tmp_path / "weights.npz", output=tmp_path / "other"))


def as_tfhub_deep(arrays):
    """Hugging Face's arrays as TF-Hub has them: TensorFlow's names and layouts, u before a step."""
    hub, stacks = {}, []
    parts = {"bn_0": "BatchNorm", "generator.gen_z": "Generator/GenZ/G_linear"}
    parts |= {f"bn_{i}": f"BatchNorm_{i}" for i in (1, 2, 3)}
    parts |= {f"conv_{i}": f"conv{i}" for i in range(4)}
    for name, array in arrays.items():
        base, _, leaf = name.rpartition(".")
        words = base.split(".")
        if base == "embeddings":
            hub["linear/w/ema_0.9999"] = array.T
            continue
        if base == "generator.gen_z":
            theirs = "Generator/GenZ/G_linear"
        elif words[1] == "layers" and words[2] == "8":
            theirs = "/".join(["Generator/attention", *words[3:]]).replace("snconv1x1_", "")
        elif words[1] == "layers":
            block = int(words[2]) - (int(words[2]) > 8)
            theirs = "/".join(
                ["Generator/GBlock" + (f"_{block}" if block else "")]
                + [parts.get(word, word) for word in words[3:]]
            )
        else:
            theirs = base.replace("generator.", "Generator/").replace("/bn", "/BatchNorm")
        if leaf in ("running_means", "running_vars"):
            stacks.append(array)
        elif leaf == "weight_orig":
            weight = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
            hub[f"{theirs}/w/ema_0.9999"] = weight
            # The rule's vector: from it the file's u is one step.
            hub[f"{theirs}/u0"] = published_weights.by_rule(f"{base}.weight_u", (1, len(array)))
        elif leaf == "weight" and base == "generator.bn":
            hub[f"{theirs}/scale/ema_0.9999"] = array
        elif leaf == "bias":
            last = "offset" if base == "generator.bn" else "b"
            hub[f"{theirs}/{last}/ema_0.9999"] = array
        elif leaf == "gamma":
            hub[f"{theirs}/gamma/ema_0.9999"] = array
    # As the published graph numbers them: 1, 3, 6, 8, 11, 13, ...
    numbers = (10 * i + j for i in range(50) for j in (1, 3, 6, 8))
    for number, stack in zip(numbers, stacks):
        hub[f"module_apply_default/stack_{number}:0"] = stack
    return hub


def test_tfhub_deep_is_the_network_that_huggingface_made_of_it():
    arrays = published_weights.huggingface_generator()
    hub = as_tfhub_deep(arrays)
    shuffled = {name: hub[name] for name in sorted(hub)}
    module, variables, table = port.generator_from_tfhub_deep(shuffled)
    expected, expected_variables, expected_table = port.generator_from_huggingface(arrays)
    assert module == expected
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)  # noqa: E731
    jax.tree.map(close, variables, expected_variables)
    jax.tree.map(np.testing.assert_array_equal, table, expected_table)
    del hub["module_apply_default/stack_13:0"]
    with pytest.raises(InputError, match="there are 81 arrays .* 41 norms have 82"):
        port_tfhub_deep.huggingface_names(hub)
    del hub["Generator/GBlock_2/conv1/u0"]
    with pytest.raises(InputError, match="Generator/GBlock_2/conv1/u0 is missing"):
        port_tfhub_deep.huggingface_names(hub)


def test_weights_that_the_author_converted_from_tfhub():
    arrays = published_weights.author_generator()
    _, expected = port.generator_from_pytorch(arrays)
    converted = {name: array for name, array in arrays.items() if not name.endswith(".sv0")}
    converted["blocks.3.1.gamma"] = converted["blocks.3.1.gamma"][None]
    _, variables = port.generator_from_pytorch(converted)
    assert variables["spectral"]["first"]["sigma"] == 1
    for collection in ("params", "batch_stats"):
        jax.tree.map(np.testing.assert_array_equal, variables[collection], expected[collection])
    del arrays["linear.sv0"]
    with pytest.raises(InputError, match=r"missing: linear\.sv0"):
        port.generator_from_pytorch(arrays)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give --input and --output"),
        ({"input": "absent.npz", "output": "out"}, "--input=absent.npz: there is no such file"),
        ({"input": "D.npz", "average": "G_ema.npz"}, "holds a G and --input a D"),
        ({"input": "hub.npz", "average": "G_ema.npz"}, "not of the network of --input"),
        ({"input": "hub.npz", "discriminator": "hub.npz"}, "holds a G and --input a G"),
        ({"input": "names.txt"}, "ends in .*files of weights end in .bin, .npz"),
        ({"input": "G.safetensors", "class_names": "names.txt"}, "has 2 names; .* 5 classes"),
        ({"input": "strange.npz"}, "in no known layout: it has weight; looked for"),
        ({"input": "broken.npz"}, "broken.npz cannot be read"),
        ({"input": "broken.safetensors"}, "broken.safetensors cannot be read"),
    ],
)
def test_what_the_user_got_wrong_is_said(files, given, message, monkeypatch):
    monkeypatch.chdir(files)
    (files / "names.txt").write_text("a\nb\n")
    np.savez(files / "strange.npz", weight=np.zeros(3))
    for suffix in ("npz", "safetensors"):
        (files / f"broken.{suffix}").write_bytes(b"not this")
    if "input" in given:
        given = {"output": "out", **given}
    with pytest.raises(InputError, match=message):
        port.main(flags(**given))
    assert not (files / "out").exists()


def test_torch_files_without_torch(tmp_path, monkeypatch):
    (tmp_path / "G.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"PyTorch is not installed; .*numpy\.savez\("):
        port.main(flags(input=tmp_path / "G.pth", output=tmp_path / "out"))
