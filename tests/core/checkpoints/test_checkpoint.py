import contextlib
import gc
import pathlib
import resource
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from jaxrepro import checkpoints as checkpoints_command
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.checkpoint_mirror import COMMITTED, needs_mirror, remove_unfinished
from jaxrepro.core.checkpoints.digests import (
    STORED_DIGESTS,
    find_stored_damage,
    write_stored_digests,
)
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import fsdp, state_shardings, with_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files import places
from jaxrepro.core.guard.non_finite import NonFiniteError, check_finite
from jaxrepro.core.state import Net, TrainState
from tests import runs


def make_state(value=1.0):
    params = {"w": jnp.full((8, 4), value), "a/b": jnp.arange(4, dtype=jnp.bfloat16)}
    net = Net(params, {"spectral": {"u": jnp.ones(3)}}, (jnp.zeros((), jnp.int32),))
    return TrainState(
        step=jnp.asarray(3, jnp.int32),
        key=jax.random.key(7),
        nets={"g": net},
        ema={"g": {"params": jax.tree.map(jnp.copy, params)}},
    )


def abstract(fsdp_size=1, devices=None):
    shapes = jax.eval_shape(make_state)
    mesh = mesh_lib.make_mesh(fsdp_size, devices)
    return with_shardings(shapes, state_shardings(shapes, (("", fsdp(min_mb=0)),), mesh))


def assert_equal(a, b):
    raw = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x  # noqa: E731
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(raw(x), raw(y)), a, b)
    assert jax.tree.map(lambda x: x.dtype, a) == jax.tree.map(lambda x: x.dtype, b)


@pytest.mark.parametrize("fsdp_size", [1, 4])
def test_round_trip_is_exact_on_any_mesh(tmp_path, fsdp_size):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, make_state(), wait=True)
        restored = checkpoints.restore(3, abstract(fsdp_size))
    assert_equal(restored, make_state())
    assert len(restored.nets["g"].params["w"].addressable_shards) == 8


def test_save_copies_before_the_state_is_donated(tmp_path):
    state = make_state()
    double = jax.jit(
        lambda s: jax.tree.map(
            lambda x: x if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x * 2, s
        ),
        donate_argnums=0,
    )
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state)
        for _ in range(20):
            state = double(state)
        jax.block_until_ready(state)
        checkpoints.save(2, make_state(), wait=True)
        assert_equal(checkpoints.restore(1, abstract()), make_state())


def test_part_is_read_without_the_rest(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, make_state(5.0), wait=True)
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    part = {
        "ema": {"g": {"params": {"w": jax.ShapeDtypeStruct((8, 4), jnp.float32, sharding=device)}}}
    }
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        np.testing.assert_array_equal(
            checkpoints.restore_part(1, part)["ema"]["g"]["params"]["w"], 5.0
        )


def test_only_the_latest_and_the_milestones_are_kept(tmp_path):
    with Checkpoints(tmp_path, keep=2, keep_period=4) as checkpoints:
        for step in range(1, 8):
            checkpoints.save(step, make_state(), wait=True)
        assert checkpoints.steps == [4, 6, 7]


def test_what_a_kill_left_of_saving_and_deleting_is_removed(tmp_path):
    folder = tmp_path / "checkpoints"
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(1, make_state(), wait=True)
    shutil.copytree(folder / "1", folder / "2.orbax-checkpoint-tmp" / "state")
    shutil.copytree(folder / "1", folder / "discarded" / "0")
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.steps == [1]
    assert len(list(folder.iterdir())) == 3
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        assert checkpoints.steps == [1]
    assert [path.name for path in folder.iterdir()] == ["1"]


def test_deleting_a_checkpoint_never_leaves_a_part_under_its_name(tmp_path, monkeypatch):
    """As it is at every moment of the removal: what is being removed has another name already."""
    seen = []
    remove = shutil.rmtree

    def look_and_remove(path, **options):
        if pathlib.Path(path).exists():
            seen.append(sorted(p.name for p in pathlib.Path(path).iterdir()))
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", look_and_remove)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, make_state(), wait=True)
    assert seen == [["1"], ["2"]]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["3"]


def test_a_protected_checkpoint_stays_until_another_is(tmp_path):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step in range(1, 8):
            checkpoints.save(step, make_state(), wait=True)
            if step in (2, 5):
                checkpoints.protect("guard", step)
            if step == 4:
                assert checkpoints.steps == [2, 3, 4]
        assert checkpoints.steps == [5, 6, 7]
        checkpoints.save(8, make_state(), wait=True)
        checkpoints.protect("guard", None)
        checkpoints.save(9, make_state(), wait=True)
        assert checkpoints.steps == [8, 9]


def test_two_reasons_protect_two_checkpoints(tmp_path):
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step in range(1, 5):
            checkpoints.save(step, make_state(), wait=True)
            if step < 3:
                checkpoints.protect(("guard", "best")[step - 1], step)
        assert checkpoints.steps == [1, 2, 4]


def test_one_altered_byte_of_any_file_is_named(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, make_state(), wait=True)
    folder = tmp_path / "checkpoints" / "2"
    files = [path for path in (folder / "state").rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1}:
            altered = bytearray(content)
            altered[place] ^= 1
            path.write_bytes(altered)
            with (
                Checkpoints(tmp_path, read_only=True) as checkpoints,
                pytest.raises(
                    InputError, match=rf"step 2 .*{path.name} was altered .*--resume=1 \(kept: 1\)"
                ),
            ):
                checkpoints.restore(2, abstract())
        path.unlink()
        with (
            Checkpoints(tmp_path, read_only=True) as checkpoints,
            pytest.raises(InputError, match=rf"step 2 .*{path.name} is missing"),
        ):
            checkpoints.saved_shapes(2)
        path.write_bytes(content)
    (folder / "digests.json").write_text('{"files": 3}')
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(InputError, match=r"digests\.json cannot be read"):
            checkpoints.restore(2, abstract())
        assert_equal(checkpoints.restore(1, abstract()), make_state())


def test_what_was_altered_in_a_store_is_named_by_the_stores_own_checksums(store):
    folder = places.place("s3://bucket/run/checkpoints/4")
    assert find_stored_damage(folder) is None
    for name in ("_CHECKPOINT_METADATA", "state/_METADATA", "state/d/ab", COMMITTED):
        places.replace_object(folder / name, name.encode())
    write_stored_digests(folder)
    assert find_stored_damage(folder) == ""
    # Orbax writes them once more, last of all.
    for name in ("_CHECKPOINT_METADATA", COMMITTED):
        places.replace_object(folder / name, b"")
    assert find_stored_damage(folder) == ""
    places.replace_object(folder / "state/d/ab", b"other")
    assert find_stored_damage(folder) == f"{folder}/state/d/ab was altered after it was written"
    places.remove_folder(folder / "state/d")
    assert find_stored_damage(folder) == f"{folder}/state/d/ab is missing"
    places.replace_object(folder / STORED_DIGESTS, b"{")
    assert find_stored_damage(folder).startswith(f"{folder}/checksums.json cannot be read")
    store.finding_failure = PermissionError("Forbidden")
    places.replace_object(folder / STORED_DIGESTS, b'{"files": {}}')
    with pytest.raises(InputError, match=r"cannot read .*checksums\.json: Forbidden"):
        find_stored_damage(folder)


def test_a_checkpoint_without_digests_is_read_with_a_notice(tmp_path, capsys):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, make_state(), wait=True)
        (tmp_path / "checkpoints" / "1" / "digests.json").unlink()
        assert_equal(checkpoints.restore(1, abstract()), make_state())
    assert "step 1 has no digests.json" in capsys.readouterr().out


@contextlib.contextmanager
def files_of_at_most(num_bytes):
    """What a full disk is to a process: every byte of a file beyond `num_bytes` is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("num_bytes", [0, 900], ids=["at_once", "on_the_way"])
def test_a_full_disk_ends_with_one_line_and_the_last_checkpoint_whole(num_bytes, tmp_path, capfd):
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(1, make_state(), wait=True)
    message = r"cannot write a checkpoint to .*: File too large; earlier ones are whole"
    with (
        pytest.raises(InputError, match=message),
        files_of_at_most(num_bytes),
        Checkpoints(tmp_path, keep=1) as checkpoints,
    ):
        # What fails in the background is said at the next save, at a wait or at the end.
        checkpoints.save(2, make_state())
        checkpoints.wait()
    assert "Traceback" not in capfd.readouterr().err
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        assert checkpoints.steps == [1]
        assert_equal(checkpoints.restore(1, abstract()), make_state())
        checkpoints.save(2, make_state(2.0), wait=True)
        assert_equal(checkpoints.restore(2, abstract()), make_state(2.0))
        assert checkpoints.steps == [2]
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {"2"}


def damage(folder):
    """Cuts every data file of a checkpoint in half."""
    cut = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > 50 and "/d/" in str(path):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            cut += 1
    assert cut


# Orbax leaves its other readers' coroutines behind when one fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_damaged_checkpoint_is_named_and_older_ones_offered(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, make_state(), wait=True)
    damage(tmp_path / "checkpoints" / "3")
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(InputError, match=r"step 3 .* damaged.*--resume=2 \(kept: 1, 2\)"):
            checkpoints.restore(3, abstract())
        assert checkpoints.set_aside_after(2) == [3]
        assert checkpoints.steps == [1, 2]
        assert_equal(checkpoints.restore(2, abstract()), make_state())
    assert (tmp_path / "set_aside" / "3").is_dir()
    gc.collect()


def test_absent_checkpoints_are_said(tmp_path):
    with pytest.raises(InputError, match="no checkpoints in"):
        Checkpoints(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, make_state(), wait=True)
        with pytest.raises(InputError, match="no checkpoint of step 5 .*; there are 1"):
            checkpoints.restore(5, abstract())


def test_nan_guard_names_quantity_steps_and_leaf_and_keeps_the_last_such_state(tmp_path, capsys):
    debug = tmp_path / "debug"
    check_finite({"loss": 1.0}, 20, 10, make_state(), debug)
    assert not debug.exists()
    sharding = jax.sharding.NamedSharding(mesh_lib.make_mesh(), jax.P())
    # The moving average comes first in the tree, parameters come first in the message.
    state = jax.device_put(make_state(float("nan")), sharding)
    message = (
        r"loss/d, loss/g not finite at step 20 \(all finite at step 10\); first of the 2 bad "
        r"arrays of the state: nets/g/params/w; .*jaxrepro.checkpoints --workdir=.*debug --step=20"
    )
    with pytest.raises(NonFiniteError, match=message):
        check_finite(
            {"loss/d": float("nan"), "loss/g": float("inf"), "x": 0.0}, 20, 10, state, debug
        )
    net = state.nets["g"].replace(params=make_state().nets["g"].params)
    with pytest.raises(NonFiniteError, match=r"the 1 bad arrays of the state: ema/g/params/w"):
        check_finite({"loss/d": float("nan")}, 15, 10, state.replace(nets={"g": net}), debug)
    with pytest.raises(NonFiniteError, match="every array of the state is finite"):
        check_finite({"loss/d": float("nan")}, 16, 10, make_state(), debug / "other")
    (tmp_path / "file").touch()
    with pytest.raises(NonFiniteError, match=r"loss/d not finite .*could not be kept: .*/file/"):
        check_finite({"loss/d": float("nan")}, 16, 10, state, tmp_path / "file" / "debug")
    runs.call(checkpoints_command, f"--workdir={debug}")
    runs.call(checkpoints_command, f"--workdir={debug}", "--step=15")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("step        15")
    assert shown[0].endswith("as it was written")
    assert [line for line in shown if "NOT FINITE" in line] == [
        "ema/g/params/w  float32[8, 4]  NOT FINITE: 32 of 32"
    ]
    assert "nets/g/params/w  float32[8, 4]  from 1 to 1, mean 1" in shown


def test_a_store_that_orbax_does_not_know_holds_whole_checkpoints_only(tmp_path, store, capsys):
    workdir = places.place("s3://bucket/run")
    needed = [needs_mirror(path) for path in (workdir, epath.Path("gs://bucket/run"), tmp_path)]
    assert needed == [True, False, False]
    root = "bucket/run/checkpoints/"
    with Checkpoints(workdir, keep=2) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, make_state(float(step)))
        checkpoints.wait()
        assert {name.split("/")[3] for name in store.texts()} == {"2", "3"}
    # As a process leaves it that was killed while uploading.
    store().pipe_file(f"{root}4/state/manifest.ocdbt", b"")
    with Checkpoints(workdir, read_only=True) as checkpoints:
        assert checkpoints.steps == [2, 3]
        local = checkpoints._directory
        assert_equal(checkpoints.restore(2, abstract()), make_state(2.0))
        # The arrays of the other are not read.
        assert list((local / "2").rglob("d/*")) and not list((local / "3").rglob("d/*"))
        checkpoints.check_shapes(3, abstract())
    assert f"{root}4/state/manifest.ocdbt" in store.texts() and not local.exists()

    with Checkpoints(workdir, keep=2) as checkpoints:
        assert f"{root}4/state/manifest.ocdbt" not in store.texts()
        assert checkpoints.set_aside_after(2) == [3] and checkpoints.steps == [2]
        assert f"bucket/run/set_aside/3/{COMMITTED}" in store.texts()
        store.put_failure = PermissionError("Access Denied")
        checkpoints.save(3, make_state(7.0))
        with pytest.raises(InputError, match="s3://bucket/run/.*Access Denied"):
            checkpoints.wait()
    capsys.readouterr()
    runs.call(checkpoints_command, f"--workdir={workdir}")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("step         2") and line.endswith("as it was written")


def test_what_a_kill_left_of_a_save_in_a_store_is_removed(store):
    folder = places.place("s3://bucket/run/checkpoints")
    remove_unfinished(folder)
    for name in (f"4/{COMMITTED}", "4/state/d/ab", "8/state/d/ab", f"8/state/{COMMITTED}", "note"):
        places.replace_object(folder / name, b"")
    remove_unfinished(folder)
    assert places.files_below(folder) == [f"4/{COMMITTED}", "4/state/d/ab", "note"]


def test_a_store_that_refuses_is_told_from_damage(store):
    class ForbiddenError(Exception):
        __module__ = "google.api_core.exceptions"

    refusals = (
        ForbiddenError("403 GET\nno access"),
        ValueError("UNAVAILABLE: no access [source locations='x.cc']"),
        PermissionError("no access"),
    )
    damage = (ValueError("DATA_LOSS: bad node"), ValueError("OUT_OF_RANGE: cut"), KeyError("w"))
    with Checkpoints(places.place("s3://bucket/run")) as checkpoints:
        for error in refusals:
            with (
                pytest.raises(InputError, match="cannot read the .* 3 in .*no access; look at the"),
                checkpoints._reading(3),
            ):
                raise error
            with (
                pytest.raises(InputError, match="cannot write a .*no access; .* look at the buck"),
                checkpoints._writing(),
            ):
                raise error
        for error in damage:
            with (
                pytest.raises(InputError, match="checkpoint of step 3 in .* is damaged"),
                checkpoints._reading(3),
            ):
                raise error


def test_several_processes_cannot_share_one_way_to_a_store(store, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(InputError, match="give a workdir on gs:// or on a disk that all share"):
        Checkpoints(places.place("s3://bucket/run"))
