import importlib.util
import pathlib

import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxrepro import papers
from jaxrepro.core import config as config_lib
from jaxrepro.core.errors import InputError

# Data that need no network and no folder of the user.
BUNDLED = ("digits", "figures", "photos", "photos:train", "photos:test", "photo_crops")
CONFIGS = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("*.py"))


def load(path, arg=None):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(arg)


def test_variant_defaults_to_the_first():
    arg = config_lib.parse_variant(None, ("paper", "demo"), bs=2048)
    assert (arg.variant, arg.bs) == ("paper", 2048)


def test_settings_take_the_type_of_their_default():
    arg = config_lib.parse_variant("demo, bs=64,lr=1e-3", ("paper", "demo"), bs=2048, lr=0.1)
    assert (arg.variant, arg.bs, arg.lr) == ("demo", 64, 1e-3)


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        ("dmeo", "unknown variant 'dmeo'.*allowed: variants: paper, demo; settings: bs=2048"),
        ("batch=3", "unknown setting 'batch'"),
        ("bs=many", "setting bs='many' is not of type int"),
    ],
)
def test_bad_variant_says_what_is_allowed(arg, message):
    with pytest.raises(InputError, match=message):
        config_lib.parse_variant(arg, ("paper", "demo"), bs=2048)


def test_unread_keys_are_named():
    settings = config_lib.Settings(ConfigDict({"seed": 0, "optim": {"lr": 1.0, "lrr": 2.0}}))
    assert settings.seed == 0
    assert settings.optim.lr == 1.0
    with pytest.raises(InputError, match=r"without effect: optim\.lrr;"):
        settings.check_all_read()
    assert settings.optim.lrr == 2.0
    settings.check_all_read()


def test_missing_key_lists_the_present_ones():
    settings = config_lib.Settings(ConfigDict({"optim": {"lr": 1.0}}))
    with pytest.raises(InputError, match=r"no key 'optim\.rate'; it has optim\.lr"):
        _ = settings.optim.rate


def test_values_are_checked():
    settings = config_lib.Settings(ConfigDict({"a": {"n": -1, "kind": "x"}}))
    with pytest.raises(InputError, match=r"a\.n is -1; it must be at least 0"):
        settings.a.at_least("n", 0)
    with pytest.raises(InputError, match=r"a\.kind is 'x'; allowed: 'y', 'z'"):
        settings.a.one_of("kind", ("y", "z"))


def test_differing_keys_leaves_out_what_may_change():
    saved = {"seed": 0, "train": {"total_steps": 5, "batch_size": 8}, "eval": {"every": 1}}
    given = {"seed": 1, "train": {"total_steps": 9, "batch_size": 8}, "eval": {"every": 2}}
    assert config_lib.differing_keys(saved, given) == ["seed: 0 -> 1"]
    assert config_lib.differing_keys(saved, {"seed": 0}) == ["train.batch_size: 8 -> absent"]


def test_keys_that_older_configs_lack_mean_what_they_meant():
    old, new = {"model": {"depth": 2}}, {"model": {"depth": 2, "groups": 1, "except": ()}}
    other = {"model": {"depth": 2, "groups": 2}}
    for config, groups in ((old, 1), (new, 1), (other, 2)):
        settings = config_lib.Settings(config)
        model = settings.model
        assert (model.depth, model.optional("except", ())) == (2, ())
        assert model.at_least("groups", 1, default=1) == groups
        assert settings.defaults == {"model.groups": 1, "model.except": ()}
        settings.check_all_read()
    defaults = settings.defaults
    assert config_lib.differing_keys(old, new, defaults) == []
    assert config_lib.differing_keys(new, old, defaults) == []
    assert config_lib.differing_keys(old, other, defaults) == ["model.groups: 1 -> 2"]
    assert config_lib.differing_keys(other, old, defaults) == ["model.groups: 2 -> 1"]
    assert config_lib.differing_keys(old, other) == [
        "model.groups: absent -> 2",
    ]
    with pytest.raises(InputError, match="no key 'model.heads'"):
        _ = config_lib.Settings(old).model.heads
    with pytest.raises(InputError, match=r"model\.groups is 0; it must be at least 1"):
        config_lib.Settings({"model": {"groups": 0}}).model.at_least("groups", 1, default=1)


def test_tuples_survive_json():
    saved = {"model": {"attention": [64]}}
    assert config_lib.differing_keys(saved, ConfigDict({"model": {"attention": (64,)}})) == []
    assert config_lib.Settings(saved).model.attention == (64,)


def test_unknown_task_lists_the_papers():
    with pytest.raises(InputError, match=r"task is 'bigan'; allowed: .*'biggan'"):
        papers.make_task(config_lib.Settings({"task": "bigan"}))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["paper", "demo", "test"])
def test_every_config_has_the_common_keys(path, variant):
    keys = config_lib.flatten(load(path, variant))
    assert keys["task"] in papers.task_names()
    assert {
        "seed",
        "train.total_steps",
        "train.batch_size",
        "checkpoint.every",
        "eval.every",
        "data.source",
    } <= keys.keys()
    if variant == "test":
        assert keys["train.total_steps"] == 2
    assert config_lib.flatten(load(path, f"{variant},bs=24"))["train.batch_size"] == 24
    if variant != "paper":
        assert keys["data.source"] in BUNDLED


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, "1", None])
def test_seeds_of_more_than_32_bits_are_refused(seed):
    with pytest.raises(InputError, match=r"seed is .*; it must be a whole number, 0 to 4294967295"):
        config_lib.checked_seed(seed)
    assert config_lib.checked_seed(np.uint32(2**32 - 1)) == config_lib.LARGEST_SEED


def test_numbers_that_no_machine_has_room_for_are_refused():
    settings = config_lib.Settings(
        {"eval": {"batch_size": 2**40}, "seed": 2**32 - 1, "rate": 1e30, "w": 5000}
    )
    with pytest.raises(InputError, match="eval.batch_size is 1099511627776; it must be at most"):
        settings.eval.at_least("batch_size", 1)
    assert settings.at_least("seed", 0) == 2**32 - 1
    assert settings.at_least("rate", 0) == 1e30
    with pytest.raises(InputError, match="w is 5000; it must be at most 1024"):
        settings.at_least("w", 0, maximum=config_lib.MOST_WORKERS)
