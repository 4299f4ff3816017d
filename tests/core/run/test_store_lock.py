import json
import threading
import time

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.run import store_lock, workdir

# A lease of many renewals, so that a slow machine does not make an owner look dead; several looks
# between two of them, which find nothing new.
LIVE = store_lock.Times(renewal=0.1, lease=60, look=0.02)
DEAD = store_lock.Times(renewal=60, lease=0.05, look=0.01)
CONFIG = {"seed": 0, "train": {"total_steps": 5}}


@pytest.fixture
def path(store):
    return place("s3://bucket/run/.lock")


def test_a_living_owner_keeps_its_lock(path, capsys):
    with store_lock.held(path, "mark", times=LIVE):
        assert store_lock.read_mark(path) == "mark"
        with (
            pytest.raises(store_lock.HeldError, match=r"process \d+ on "),
            store_lock.held(path, "other", times=LIVE),
        ):
            pass
        assert store_lock.read_mark(path) == "mark"
        assert "waiting up to 60 s" in capsys.readouterr().out
    assert not path.exists()


def test_an_owner_that_is_ending_is_waited_for(path, monkeypatch):
    """The other renews its lock three times while it is looked at, and then removes it."""
    other = store_lock._Lock(path, "other")
    assert other.create()
    looks = []

    def look(seconds):
        looks.append(seconds)
        other.write() if len(looks) < 4 else other.remove()

    monkeypatch.setattr(store_lock.time, "sleep", look)
    with store_lock.held(path, "mine", patience=60, times=LIVE):
        assert store_lock.read_mark(path) == "mine"
    assert len(looks) == 4


def test_a_dead_owners_lock_is_taken_over(path, store):
    store.store.clear()
    dead = store_lock._Lock(path, "dead")
    assert dead.create() and not store_lock._Lock(path, "late").create()
    with store_lock.held(path, "mine", times=DEAD):
        assert store_lock.read_mark(path) == "mine"
        assert not dead.is_mine()
    assert store.texts() == {}


def test_an_owner_that_lost_its_lock_is_told_and_leaves_it(path):
    told = threading.Event()
    with store_lock.held(path, "mine", times=LIVE, lost=lambda owner: told.set()):
        store_lock._Lock(path, "thief").write()
        assert told.wait(60)
    assert store_lock.read_mark(path) == "thief"


def test_a_renewal_that_fails_is_tried_again(path, store):
    with store_lock.held(path, "mine", times=LIVE):
        store.failure = OSError("503 slow down")
        seen = json.loads(store.texts()["bucket/run/.lock"])["renewals"]
        deadline = time.monotonic() + 60
        while json.loads(store.texts()["bucket/run/.lock"])["renewals"] < seen + 3:
            assert time.monotonic() < deadline, "never renewed again"
            time.sleep(0.01)
        assert store.failure is None


def test_workdir_in_a_store_is_claimed_like_one_on_a_disk(store, monkeypatch):
    monkeypatch.setattr(store_lock, "Times", lambda: LIVE)
    folder = place("s3://bucket/run")
    with workdir.claimed(folder, CONFIG, "mark of this job"):
        workdir.wait_for_mark(folder, "mark of this job", patience=0)
        with (
            pytest.raises(workdir.InUseError, match=r"in use by another run \(process \d+ on "),
            workdir.claimed(folder, CONFIG),
        ):
            pass
    assert set(store.texts()) == {"bucket/run/config.json"}
    other = CONFIG | {"seed": 1}
    with (
        pytest.raises(InputError, match=r"another config \(seed: 0 -> 1\)"),
        workdir.claimed(folder, other),
    ):
        pass
    store.store.clear()
    store.failure = PermissionError("Access Denied")
    with (
        pytest.raises(
            InputError, match="run: Access Denied; look at the bucket and your credentials"
        ),
        workdir.claimed(folder, CONFIG),
    ):
        pass
