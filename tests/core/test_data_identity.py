import dataclasses
import json

import numpy as np
import pytest

from jaxrepro.core.config import config_digest
from jaxrepro.core.data_identity import DataIdentity, all_notes, arrays_identity, joined
from jaxrepro.core.errors import InputError
from jaxrepro.core.run import workdir
from jaxrepro.core.run.run_record import read_starts, record_start

KEY = "data.source"
INSECTS = DataIdentity("a1", 24, ("ant", "bee", "cow"), places=("data.images",))


def start(folder, data, place="folder:data", **config):
    """A start of a run, as far as data count; returns what is recorded of it."""
    config = {"data": {"source": place, "images": place}, "train": {"total_steps": 5}, **config}
    with workdir.claimed(folder, config, data={KEY: data}):
        record_start(folder, 0, data={KEY: data})
    workdir.read_config(folder)  # The digest is that of the config that is there.
    return read_starts(folder)[-1]


def test_data_at_another_place_go_on_and_other_content_is_said_and_kept(tmp_path, capsys):
    first = start(tmp_path, INSECTS)
    assert first["data"][KEY]["class_names"] == ["ant", "bee", "cow"]
    assert first["data_keys"] == ["data.images", "data.source"]
    assert "data" not in start(tmp_path, INSECTS, "folder:moved")
    assert capsys.readouterr().out == ""
    other = dataclasses.replace(INSECTS, fingerprint="b2", num_examples=23)
    third = start(tmp_path, other, "folder:moved")
    assert third["data"][KEY]["fingerprint"] == "b2" and "other_data" not in first
    (line,) = third["other_data"]
    assert line.startswith(f"{KEY} holds other data than the run was last started with")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"{KEY} holds other data than the run in {tmp_path}" in said
    assert "b2 instead of a1, 23 examples instead of 24" in said and "bit for bit" in said
    assert "data" not in start(tmp_path, other, "folder:moved")
    assert capsys.readouterr().out == ""
    with pytest.raises(
        InputError,
        match=r"another config \(data.images: folder:moved -> folder:else; data.source: "
        r"folder:moved -> folder:else, and data.source holds other data\)",
    ):
        start(tmp_path, INSECTS, "folder:else")
    with pytest.raises(InputError, match=r"another config \(seed: absent -> 1\)"):
        start(tmp_path, other, "folder:moved again", seed=1)


@pytest.mark.parametrize("names", [("bee", "cow", "zebra"), ("bee", "ant", "cow"), ("ant", "bee")])
def test_other_classes_or_another_order_end_a_run_and_its_evaluation(tmp_path, names):
    start(tmp_path, INSECTS)
    for fingerprint in ("a1", "b2"):
        now = dataclasses.replace(INSECTS, fingerprint=fingerprint, class_names=names)
        expected = (
            rf"^data.source has the classes {', '.join(names)} \({len(names)}\), and the run in .* "
            r"was started with ant, bee, cow \(3\): give"
        )
        with pytest.raises(InputError, match=expected):
            start(tmp_path, now, "folder:data2")
        with pytest.raises(InputError, match=expected):
            workdir.check_data(tmp_path, {KEY: now})
    assert len(read_starts(tmp_path)) == 1


def test_a_run_of_an_earlier_version_has_its_classes_in_the_card(tmp_path, capsys):
    config = {"data": {"source": "folder:data"}, "train": {"total_steps": 5}}
    with workdir.claimed(tmp_path, config):
        record_start(tmp_path, 0)
    workdir.write_json(tmp_path / workdir.MODEL_CARD, {"class_names": ["ant", "bee", "cow"]})
    with workdir.claimed(tmp_path, config, data={KEY: INSECTS}):
        assert capsys.readouterr().out == ""
    with (
        pytest.raises(InputError, match="data.source has the classes cow, bee"),
        workdir.claimed(tmp_path, config, data={KEY: DataIdentity("a1", 24, ("cow", "bee"))}),
    ):
        pass
    # What its folder held is not known, so that another one cannot be told to hold the same.
    moved = {**config, "data": {"source": "folder:moved"}}
    with (
        pytest.raises(InputError, match=r"data.source: folder:data -> folder:moved\)"),
        workdir.claimed(tmp_path, moved, data={KEY: INSECTS}),
    ):
        pass


def test_long_lists_are_shown_from_where_they_differ(tmp_path):
    names = tuple(f"c{i:03}" for i in range(1000))
    swapped = (*names[:500], names[501], names[500], *names[502:])
    start(tmp_path, DataIdentity("a1", 9, names))
    with pytest.raises(
        InputError, match=r"^data.source has the classes \.\.\., c501, c500, c502,"
    ) as error:
        start(tmp_path, DataIdentity("a1", 9, swapped))
    assert len(str(error.value)) < 450 + len(str(tmp_path)) and "c511, ... (1000)" in str(
        error.value
    )


def test_a_config_that_was_killed_before_its_start_was_recorded_is_read(tmp_path):
    start(tmp_path, INSECTS)
    moved = {"data": {"source": "folder:b", "images": "folder:b"}, "train": {"total_steps": 5}}
    with workdir.claimed(tmp_path, moved, data={KEY: INSECTS}):
        pass  # Killed here: config.json is new, run.json is not.
    assert workdir.read_config(tmp_path) == moved
    start(tmp_path, INSECTS)
    (tmp_path / workdir.CONFIG).write_text("{")  # Damaged: the run's own command mends it.
    start(tmp_path, INSECTS, "folder:c")


def test_a_damaged_record_of_data_is_named(tmp_path):
    start(tmp_path, INSECTS)
    record = json.loads((tmp_path / workdir.RUN).read_text())
    record["starts"][0]["data"] = {KEY: ["a1"]}
    (tmp_path / workdir.RUN).write_text(json.dumps(record))
    with pytest.raises(InputError, match=r'run.json has a start whose "data" is damaged'):
        workdir.check_data(tmp_path, {KEY: INSECTS})


def test_weights_are_known_by_their_arrays_and_sets_of_one_key_in_their_order():
    tree = {"a": {"kernel": np.arange(4.0)}, "b": np.zeros(2, np.float32)}
    same = {"b": np.zeros(2, np.float32), "a": {"kernel": np.arange(4.0)}}
    others = [{**tree, "b": np.ones(2, np.float32)}, {**tree, "b": np.zeros(2)}, {"a": tree["a"]}]
    assert arrays_identity(tree).is_same(arrays_identity(same))
    assert not any(arrays_identity(tree).is_same(arrays_identity(other)) for other in others)
    first, second = DataIdentity("a1", 5, notes=("x",)), DataIdentity("b2", 14, notes=("x", "y"))
    both = joined([first, second])
    assert (both.num_examples, both.notes) == (19, ("x", "y"))
    assert both.fingerprint != joined([second, first]).fingerprint
    assert all_notes({"data.source": first, "data.validation": both}) == [
        "data.source: x",
        "data.validation: y",
    ]


def test_the_digest_of_a_config_may_leave_out_places():
    here, there = ({"data": {"source": place, "size": 8}} for place in ("a", "b"))
    assert config_digest(here) != config_digest(there)
    assert config_digest(here, ["data.source"]) == config_digest(there, ["data.source"])
