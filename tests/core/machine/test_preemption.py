"""Notices to stop, alone and among processes."""

import os
import signal

import jax
import pytest
from jax.experimental import multihost_utils

from jaxrepro.core.machine.preemption import JobStopRequest, StopRequest, stop_request


@pytest.fixture
def handler():
    """A handler of the test's own, and what it received."""
    received = []
    previous = {n: signal.signal(n, lambda n, _: received.append(n)) for n in (2, 15)}
    yield received
    for number, old in previous.items():
        signal.signal(number, old)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_alone_the_first_signal_is_a_request_and_the_second_acts(number, handler):
    with StopRequest() as stop:
        assert stop.status(1) is None
        os.kill(os.getpid(), number)
        assert stop.status(2) == 128 + number
        assert handler == []
        os.kill(os.getpid(), number)
        assert handler == [number]
    os.kill(os.getpid(), number)
    assert handler == [number, number]


def test_among_processes_all_stop_at_the_step_that_jax_names(handler, monkeypatch):
    monkeypatch.setattr(multihost_utils, "reached_preemption_sync_point", lambda step: step == 7)
    with JobStopRequest() as stop:
        assert [stop.status(step) for step in (6, 7, 8)] == [None, 143, None]
        # Ctrl-C becomes the notice that all processes hear of; SIGTERM is left to JAX.
        os.kill(os.getpid(), signal.SIGINT)
        assert handler == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGINT)
        assert handler == [signal.SIGTERM, signal.SIGINT]


def test_the_kind_follows_the_number_of_processes(monkeypatch):
    assert isinstance(stop_request(), StopRequest)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert isinstance(stop_request(), JobStopRequest)
