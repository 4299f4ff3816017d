import fcntl
import json
import os
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import Export, is_export, read_export, write_export
from jaxrepro.core.errors import InputError


@pytest.fixture
def export():
    return Export(
        {"paper": "test", "sizes": [1, 2]},
        {"g": {"params": {"a": {"kernel": jnp.arange(6.0).reshape(2, 3).T}}, "stats": {}}},
        {"standing": {"level": np.linspace(0, 1, 3), "mean": np.ones((3, 4), np.float32)}},
    )


def test_what_is_written_is_read(tmp_path, export):
    folder = tmp_path / "runs" / "export"
    write_export(folder, export)
    read = read_export(folder)
    assert read.card == export.card
    kernel = read.nets["g"]["params"]["a"]["kernel"]
    np.testing.assert_array_equal(kernel, np.arange(6.0).reshape(2, 3).T)
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(read.tables["standing"]["level"], [0, 0.5, 1])
    assert is_export(folder)
    assert [p.name for p in folder.parent.iterdir()] == ["export"]


def test_an_export_is_replaced_and_nothing_else(tmp_path, export):
    write_export(tmp_path / "a", export)
    write_export(tmp_path / "a", Export({"paper": "other"}, {}))
    assert read_export(tmp_path / "a").card == {"paper": "other"}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["model.json"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match="is not an export; choose another"):
        write_export(tmp_path / "mine", export)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"
    with pytest.raises(InputError, match="only the workdir of a run may be in an object store"):
        write_export(pathlib.Path("gs://bucket/export"), export)
    assert not pathlib.Path("gs:").exists()


def test_what_a_killed_export_left_is_removed_and_nothing_else(tmp_path, export):
    left, live, *others = (
        tmp_path / name
        for name in (
            ".a.b[1.k3x_9q0z.tmp",
            ".a.b[1.11111111.tmp",
            ".a.b.k3x_9q0z.tmp",
            ".a.b[1.backup",
            ".a.b[1.k3x_9q0z.tmp.mine",
        )
    )
    for folder in (left, live, *others):
        folder.mkdir()
        (folder / "g.safetensors").write_bytes(b"half")
    handle = os.open(live, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    write_export(tmp_path / "a.b[1", export)
    os.close(handle)
    assert set(tmp_path.iterdir()) == {tmp_path / "a.b[1", live, *others}


class Array:
    """An array that does something when it is written."""

    def __init__(self, work):
        self.work = work

    def __array__(self, *_, **__):
        self.work()
        return np.ones(2, np.float32)


def test_an_export_under_way_is_known_as_live(tmp_path):
    during = Array(lambda: write_export(tmp_path / "a", Export({"paper": "first"}, {})))
    write_export(tmp_path / "a", Export({"paper": "last"}, {"g": {"x": during}}))
    assert read_export(tmp_path / "a").card == {"paper": "last"}
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_export_that_fails_changes_nothing(tmp_path):
    def fail():
        raise OSError(28, "No space left on device")

    write_export(tmp_path / "a", Export({"paper": "first"}, {}))
    with pytest.raises(InputError, match="cannot write .*a: No space left on device"):
        write_export(tmp_path / "a", Export({"paper": "last"}, {"g": {"x": Array(fail)}}))
    assert read_export(tmp_path / "a").card == {"paper": "first"}
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_every_damage_is_named(tmp_path, export):
    folder = tmp_path / "export"
    with pytest.raises(InputError, match=r"is not an export: no model\.json"):
        read_export(folder)
    write_export(folder, export)
    arrays = folder / "g.safetensors"
    content = arrays.read_bytes()
    changed = bytearray(content)
    changed[-1] ^= 1
    arrays.write_bytes(changed)
    with pytest.raises(InputError, match=r"g\.safetensors is damaged or changed"):
        read_export(folder)
    arrays.unlink()
    with pytest.raises(InputError, match=r"cannot read .*g\.safetensors"):
        read_export(folder)
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "sizes": [1, 3]}))
    with pytest.raises(InputError, match=r"model\.json is damaged or changed: its SHA-256"):
        read_export(folder)
    del card["sha256"]  # As an earlier version wrote it.
    card["files"]["nets"] = {"../g": card["files"]["nets"]["g"]}
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="only plain names"):
        read_export(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(InputError, match="cannot read"):
        read_export(folder)
    (folder / "model.json").write_text('{"paper": "biggan"}')
    assert not is_export(folder)
    with pytest.raises(InputError, match="this is not an export"):
        read_export(folder)
