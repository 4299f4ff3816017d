"""Trained networks by their path: runs, exports, published files, and what is none of them."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.inference import trained
from jaxrepro.core.run.workdir import MODEL_CARD, write_json

CARD = {"paper": "tiny", "size": 2}


@dataclasses.dataclass(frozen=True)
class Tiny(trained.Trained):
    module: Any
    variables: Any
    origin: str

    def shapes(self):
        shape = jax.ShapeDtypeStruct((self.module,), jnp.float32)
        return {"params": {"w": shape}, "batch_stats": {"m": shape}}


def from_card(card, origin):
    return Tiny(card["size"], {}, origin)


def load(path, **choices):
    file = trained.Published(
        "a file of one number",
        lambda path: path.suffix == ".number" and path.is_file(),
        lambda path: Tiny(1, float(path.read_text()), str(path)),
    )
    return trained.load(path, "tiny", "model", from_card, [file], **choices)


def variables(value):
    return {"params": {"w": jnp.full(2, value)}, "batch_stats": {"m": jnp.full(2, value)}}


def write_run(workdir, *, average=True, card=CARD):
    stats = variables(1.0)
    net = {"params": stats.pop("params"), "stats": stats}
    write_json(workdir / MODEL_CARD, card)
    with Checkpoints(workdir) as checkpoints:
        for step in (3, 5):
            ema = {"ema": {"model": variables(10.0 + step)}} if average else {}
            checkpoints.save(step, {"nets": {"model": net}, **ema}, wait=True)
    return workdir


def values(network):
    return {float(x) for leaf in jax.tree.leaves(network.variables) for x in np.ravel(leaf)}


def test_a_run_gives_its_average_or_its_last_update(tmp_path):
    run = write_run(tmp_path / "run")
    latest, earlier, last = load(run), load(str(run), step=3), load(run, average=False)
    assert [values(one) for one in (latest, earlier, last)] == [{15.0}, {13.0}, {1.0}]
    assert latest.variables.keys() == last.variables.keys() == {"params", "batch_stats"}
    assert (latest.weights, last.weights) == ("moving average", "last update")
    assert (earlier.origin, earlier.run) == (f"step 3 of {run}", run)
    assert earlier.card == CARD | {"step": 3}
    plain = write_run(tmp_path / "plain", average=False)
    assert (load(plain).weights, values(load(plain))) == ("last update", {1.0})
    with pytest.raises(InputError, match="plain keeps no moving average of 'model'"):
        load(plain, average=True)
    with pytest.raises(InputError, match="trained the seeds 7, 8 at once"):
        load(write_run(tmp_path / "seeds", card=CARD | {"seeds": [7, 8]}))


def test_a_run_in_a_store_is_read(store):
    run = write_run(place("s3://bucket/run"))
    assert values(load("s3://bucket/run")) == values(load(run)) == {15.0}
    message = r"^s3://bucket/no is no trained network of tiny: there is nothing of that name; "
    with pytest.raises(InputError, match=message):
        load("s3://bucket/no")


def test_an_export_and_a_published_file_are_read(tmp_path):
    tables = {"more": {"x": np.ones(3)}}
    nets = {"model": jax.tree.map(np.asarray, variables(4.0))}
    write_export(tmp_path / "export", Export(CARD, nets, tables))
    export = load(tmp_path / "export")
    assert (values(export), export.weights, export.run) == ({4.0}, "as published", None)
    assert (export.card, export.origin) == (CARD, f"export {tmp_path / 'export'}")
    np.testing.assert_array_equal(export.tables["more"]["x"], tables["more"]["x"])
    (tmp_path / "x.number").write_text("9")
    assert (load(tmp_path / "x.number").variables, load(tmp_path / "x.number").run) == (9.0, None)
    for path in (tmp_path / "export", tmp_path / "x.number"):
        with pytest.raises(InputError, match=r"step 3 is chosen of .*, which is not the folder of"):
            load(path, step=3)
        with pytest.raises(InputError, match=r"a moving average, or none, is chosen of"):
            load(path, average=False)


def test_arrays_that_are_not_the_cards_are_named(tmp_path):
    nets = {"model": jax.tree.map(np.asarray, variables(4.0))}
    for card, given, message in (
        (CARD | {"size": 3}, nets, r"its model card: \['batch_stats'\]\['m'\] .*\(2,\), .*\(3,\)"),
        (CARD, {"model": {"params": {}}}, r"\['m'\] has the shape of nothing, it is absent"),
        (CARD, {"other": nets["model"]}, "has no network 'model'"),
    ):
        write_export(tmp_path / "export", Export(card, given))
        with pytest.raises(InputError, match=message):
            load(tmp_path / "export")


def test_what_is_none_is_said_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "some").mkdir()
    for name in "dbca":
        (tmp_path / "some" / name).touch()
    (tmp_path / "a.txt").touch()
    write_run(tmp_path / "run", card={"paper": "other"})
    write_export(tmp_path / "export", Export({}, {}))
    taken = "the folder of a run of tiny or of an export, or a file of one number"
    for name, looks in {
        "absent": "there is nothing of that name",
        "absent.number": "there is nothing of that name",
        "empty": "it is an empty folder",
        "some": "it is a folder of a, b, c, ..., without model.json",
        "a.txt": "it is a file that ends in '.txt'",
        "run": "it is a run of other",
        "export": "it is an export of another paper",
    }.items():
        path = tmp_path / name
        with pytest.raises(InputError) as caught:
            load(path)
        assert str(caught.value) == f"{path} is no trained network of tiny: {looks}; give {taken}"
        with pytest.raises(InputError) as caught:
            trained.run_of(path, "tiny")
        wanted = f"{path} is no trained network of tiny: {looks}; give the folder of a run of tiny"
        assert str(caught.value) == wanted
    assert trained.run_of(write_run(tmp_path / "own"), "tiny") == (tmp_path / "own", CARD)
