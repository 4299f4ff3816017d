import gc
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core import mesh as mesh_lib
from jaxrepro.core.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from jaxrepro.core.hooks import NonFiniteError, check_finite
from jaxrepro.core.partition import fsdp, state_shardings, with_shardings
from jaxrepro.core.state import Net, TrainState


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
                checkpoints.protect(step)
            if step == 4:
                assert checkpoints.steps == [2, 3, 4]
        assert checkpoints.steps == [5, 6, 7]
        checkpoints.save(8, make_state(), wait=True)
        checkpoints.protect(None)
        checkpoints.save(9, make_state(), wait=True)
        assert checkpoints.steps == [8, 9]


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


def test_nan_guard_names_quantity_steps_and_leaf_and_keeps_the_state(tmp_path):
    state = make_state(float("nan"))
    check_finite({"loss": 1.0}, 20, 10, make_state(), tmp_path / "debug")
    assert not (tmp_path / "debug").exists()
    with pytest.raises(
        NonFiniteError,
        match=r"loss/d not finite at step 20 \(all finite at step 10\).*nets/g/params/w",
    ):
        check_finite({"loss/d": float("nan"), "x": 0.0}, 20, 10, state, tmp_path / "debug")
    with Checkpoints(tmp_path / "debug", read_only=True) as checkpoints:
        assert checkpoints.steps == [20]
