"""The command that measures the start: its files, its words, and what it refuses."""

import functools
import json
import types

import jax
import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.forms.biased_convolution import Flow
from jaxrepro.papers.pyranet import variance
from jaxrepro.papers.pyranet.start import branch_stack, start_measures
from jaxrepro.papers.pyranet.start.branch_stack import STARTS, BranchStack
from jaxrepro.papers.pyranet.start.growth import gradient_range, summary
from jaxrepro.papers.pyranet.start.start_measures import ResidualChain
from jaxrepro.papers.pyranet.start.variance_report import place_label, spread
from tests.papers.pyranet.tiny_task import pose_config


def arguments(**changes):
    values = {"config": None, "output": None, "num_seeds": 1, "init": None}
    return types.SimpleNamespace(**values | changes)


def test_what_is_refused(tmp_path):
    hourglass = pose_config("hourglass")
    for changes, message in (
        ({"output": None}, "no output given; for example --output=runs/variance"),
        ({"num_seeds": 0}, "--num_seeds=0: give at least 1"),
        ({"init": ["he"]}, "--init has he; allowed: torch, xavier, msra, branch_paper, "),
        ({"config": hourglass}, "model.name is 'hourglass'; allowed: 'pyranet'"),
    ):
        with pytest.raises(InputError) as caught:
            variance.main(arguments(**{"output": str(tmp_path)} | changes))
        assert str(caught.value).startswith(message)
    assert not any(tmp_path.iterdir())


def test_files_and_tables(tmp_path, monkeypatch, capsys):
    """On a tiny network, a chain of 2 units, one kind of plain layers and one seed."""
    short = functools.partial(ResidualChain, num_units=2)
    monkeypatch.setattr(start_measures, "ResidualChain", short)
    monkeypatch.setattr(branch_stack, "STACKS", {"split": BranchStack("split", width=8)})
    config = pose_config("pyranet", **{"model.block": "res"})
    variance.main(arguments(output=str(tmp_path), config=config, init=["torch", "msra"]))
    record = json.loads((tmp_path / "variance.json").read_text())
    assert record["config"] == json.loads(json.dumps(config.to_dict()))
    assert record["versions"]["jax"] == jax.__version__
    assert set(record["network"]) == set(record["chain"]) == {"with_fix", "without_fix"}
    assert list(record["chain"]["with_fix"]["torch"]["responses"]) == ["unit_1", "unit_2"]
    for fix in record["network"]:
        assert list(record["network"][fix]) == list(record["chain"][fix]) == ["torch", "msra"]
        for measured in record["network"][fix].values():
            for kind in ("responses", "gradients"):
                assert sorted(measured[kind]) == sorted(record["places"])
                assert all(values[0] > 0 for values in measured[kind].values())
    with_fix, without = (record["network"][fix]["torch"] for fix in ("with_fix", "without_fix"))
    # The same kernels before the first decoder, which differs, as its projection exists or not.
    for place in ("stem_3", "hourglass_0/skip_1_0", "hourglass_0/bottom_1_0"):
        assert with_fix["responses"][place] == pytest.approx(without["responses"][place], rel=1e-4)
    place = "hourglass_0/decoder_1_0"
    assert with_fix["responses"][place][0] != pytest.approx(without["responses"][place][0], rel=0.1)
    projection = f"{place}/shortcut/conv/kernel"
    assert set(with_fix["steps"]) - set(without["steps"]) == {projection}
    assert {stack: set(of) for stack, of in record["branches"].items()} == {"split": set(STARTS)}
    picture = np.asarray(Image.open(tmp_path / "variance.png"))
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 50
    assert record["summary"] == summary(record)
    printed = capsys.readouterr().out
    (growth,) = record["summary"]["hourglass_1"]["with_fix"]["torch"]
    assert f"{growth:.3g}" in printed


def test_identities_add_up_and_projections_do_not():
    """Each unit adds about what the first one had; E[W x] over drawn W needs some channels."""
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 3)).astype(np.float32)

    def growth(always_project):
        chain = ResidualChain(32, always_project, 4)

        @start_measures._compiled
        def run(key):
            variables = chain.init(key, x, train=False)
            return start_measures._measure_chain(chain, variables, x)["responses"]

        responses = run(jax.random.key(0))
        return responses["unit_4"] / responses["unit_1"]

    assert growth(False) > 1.4
    assert 0.7 < growth(True) < 1.3


def test_ratios_by_seed():
    def network(last, scale):
        responses = {"stem_3": [2.0, 4.0], "hourglass_0/merge_1": [last, last]}
        return {
            "responses": responses,
            "loss": {"loss": [scale * 0.1] * 2, "of_empty_maps": [0.1] * 2},
            "steps": {"score_0/kernel": [0.02], "score_return_0/kernel": [0.9], "a": [0.04]},
        }

    def chain(last):
        return {"responses": {"unit_1": [9.0], "unit_2": [1.0], "unit_3": [last]}}

    record = {
        "config": {"model": {"depth": 1, "num_stacks": 1}},
        "network": {
            "with_fix": {"torch": network(3.0, 5), "msra": network(4.0, 40)},
            "without_fix": {"torch": network(8.0, 5), "msra": network(10.0, 40)},
        },
        "chain": {
            "with_fix": {"torch": chain(1.0), "msra": chain(1.1)},
            "without_fix": {"torch": chain(1.5), "msra": chain(2.0)},
        },
    }
    numbers = summary(record)
    assert list(numbers) == ["hourglass_1", "chain", "first_loss", "score_step", "median_step"]
    assert numbers["hourglass_1"] == {
        "without_fix": {"torch": [4.0, 2.0], "msra": [5.0, 2.5]},
        "with_fix": {"torch": [1.5, 0.75], "msra": [2.0, 1.0]},
    }
    assert numbers["chain"]["without_fix"] == {"torch": [1.5], "msra": [2.0]}
    assert numbers["chain"]["with_fix"] == {"torch": [1.0], "msra": [1.1]}
    assert numbers["first_loss"]["with_fix"]["msra"] == pytest.approx([40, 40])
    # The layer that gives maps back is none of those that make them.
    assert numbers["score_step"]["with_fix"]["torch"] == [0.02]
    assert numbers["median_step"]["with_fix"]["torch"] == [0.04]


def test_default_network_is_the_published_one_smaller():
    settings = Settings(variance.small_config())
    task = start_measures._task(settings, "msra", fixed=False)
    assert (task.module.num_stacks, task.module.features, task.size) == (2, 64, 64)
    assert task.module.start.name == "msra"
    assert (task.module.make_block.fix_variance, task.module.make_block.pyramid.variant) == (
        False,
        "B",
    )


def test_place_labels():
    labels = {
        "stem_3": "stem 3",
        "stack_1": "2: input",
        "hourglass_0/skip_2_0": "1: skip 2",
        "hourglass_1/merge_3": "2: merge 3",
        "feature_conv_0": "1: feature conv",
        "score_1": "2: score",
        "unit_16": "unit 16",
    }
    assert {place: place_label(place) for place in labels} == labels


def test_spread_and_range():
    assert spread([1.234, 1.2341]) == "1.23"
    assert spread([0.92849, 21612.0]) == "0.928 to 21,600"
    gradients = {"stem_1": [1.0, 4.0], "score_0": [0.1, 0.1], "stem_2": [3.0, 3.0]}
    record = {"network": {"with_fix": {"torch": {"gradients": gradients}}}}
    assert gradient_range(record, "with_fix") == pytest.approx([30.0])


def test_one_program_draws_all_starts():
    flow, shape = Flow(branches_in=4), (1, 1, 6, 5)
    names = ("torch", "msra", "branch_paper")
    starts = [Initialization(name) for name in names]

    @jax.jit
    def run(index, key):
        kernel, bias = start_measures.AnyStart(starts, index)(flow)
        return kernel(key, shape), bias(key, shape)

    key = jax.random.key(3)
    for index, start in enumerate(starts):
        for have, draw in zip(run(index, key), start(flow), strict=True):
            np.testing.assert_allclose(have, draw(key, shape), rtol=1e-5)
