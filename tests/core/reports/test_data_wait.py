import threading

import pytest

from jaxrepro.core.reports import data_wait


@pytest.fixture
def clock(monkeypatch):
    """Sets when the next calls of the clock are; an update ends when its result says."""

    def set_to(*times):
        left = iter(times)
        monkeypatch.setattr(data_wait.time, "perf_counter", lambda: next(left))

    monkeypatch.setattr(data_wait, "_time_of", lambda result: result())
    return set_to


def ended(wait, time):
    wait.started(lambda: time)
    outcome(wait)


def outcome(wait):
    """Waits until the thread knows how the last update ended; returns its error, if any."""
    assert wait._ended is not None
    return wait._ended.exception()


def test_only_the_time_after_the_end_of_the_update_counts(clock):
    wait, batches = data_wait.DataWait(), iter("abcde")
    clock(0, 10)
    assert wait.next(batches) == "a"
    assert wait.take() == 0  # Nothing ran before the first.

    ended(wait, 12)  # Before the batch was asked for: all of the wait counts.
    clock(20, 25)
    assert wait.next(batches) == "b"
    ended(wait, 33)  # In between: 33 to 37.
    clock(30, 37)
    assert wait.next(batches) == "c"
    assert wait.take() == 5 + 4
    assert wait.take() == 0

    end = threading.Event()
    wait.started(lambda: end.wait() and 60)  # Not ended when the batch came.
    clock(40, 59)
    assert wait.next(batches) == "d"
    end.set()
    assert outcome(wait) is None
    assert wait.take() == 0
    wait.close()


def test_a_failed_update_is_not_hidden(clock):
    wait, batches = data_wait.DataWait(), iter("ab")

    def fail():
        raise FloatingPointError("on the device")

    wait.started(fail)
    assert isinstance(outcome(wait), FloatingPointError)
    clock(0, 1)
    with pytest.raises(FloatingPointError, match="on the device"):
        wait.next(batches)
    wait.close()
