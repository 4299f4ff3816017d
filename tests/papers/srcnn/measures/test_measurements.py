"""What a config has measured: names, sharing between seeds, and sets of one name."""

import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers import make_task
from tests.papers.srcnn.tiny_color import tiny_config, write_pictures


def test_results_are_named_after_the_sets(tmp_path):
    sets = tuple(write_pictures(tmp_path / name) for name in ("Set5", "Other Set"))
    config = tiny_config(sets[0], "y", **{"data.validation": sets})
    task = make_task(Settings(config))
    assert list(task.evaluators()) == ["set5", "other_set", "first-layer", "before-after"]
    assert {"set5/psnr", "other_set/psnr"} <= set(task.references().descriptions)
    config.data.validation = ()
    assert list(make_task(Settings(config)).evaluators()) == ["first-layer"]


def test_two_sets_of_one_name_are_refused(tmp_path):
    sets = tuple(write_pictures(tmp_path / name / "Set5") for name in "ab")
    config = tiny_config(sets[0], "y", **{"data.validation": sets})
    with pytest.raises(InputError, match="results of these sets would be called set5, set5"):
        make_task(Settings(config))


def test_seeds_of_one_run_share_their_patches(tmp_path):
    config = tiny_config(write_pictures(tmp_path / "p"), "y", num_seeds=3)
    tasks = make_task(Settings(config)).tasks
    assert [task.seed for task in tasks] == [0, 1, 2]
    assert tasks[0].stream.source is tasks[1].stream.source is tasks[2].stream.source
