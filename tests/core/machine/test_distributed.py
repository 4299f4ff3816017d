"""Joining a job: flags that do not fit, a process alone, what is said of errors."""

import threading
import types

import jax
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.machine import distributed
from jaxrepro.core.machine.distributed import Job, joined


class Flags:
    def __init__(self, **given):
        self.coordinator = self.num_processes = self.process_id = None
        self.start_timeout = self.peer_timeout = 5
        vars(self).update(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coordinator": "a:1"}, "--num_processes and --process_id missing"),
        ({"num_processes": 2, "process_id": 0}, "--coordinator missing; every process needs"),
        ({"coordinator": "a", "num_processes": 2, "process_id": 0}, "must be HOST:PORT"),
        ({"coordinator": "a:0", "num_processes": 2, "process_id": 0}, "must be HOST:PORT"),
        ({"coordinator": "a:1", "num_processes": 2, "process_id": 2}, "processes count from 0"),
        ({"coordinator": "a:1", "num_processes": 2, "process_id": -1}, "processes count from 0"),
        ({"start_timeout": 0}, "--start_timeout=0 given"),
        ({"peer_timeout": -1}, "--peer_timeout=-1 given"),
    ],
)
def test_flags_that_do_not_fit(given, message):
    with pytest.raises(InputError, match=message), joined(Flags(**given), preemption=True):
        pass


def test_a_process_alone_prints_and_keeps_its_errors(capsys):
    with pytest.raises(KeyError), joined(Flags(num_processes=1), preemption=True) as job:
        print("seen")
        raise KeyError
    assert (job.process, job.num_processes, job.leads) == (0, 1, True)
    assert job.share("config", "value") == "value"
    assert capsys.readouterr().out == "seen\n"


def test_no_cluster_is_one_process(monkeypatch):
    def initialize(**settings):
        assert settings["initialization_timeout"] > 5
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with joined(Flags(), preemption=True) as job:
        assert job == Job()


def test_a_cluster_that_cannot_be_joined_is_one_line(monkeypatch):
    def initialize(**settings):
        raise RuntimeError("the pod\nhas no controller")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with (
        pytest.raises(InputError, match=r"the pod has no controller; give .*--num_processes=1"),
        joined(Flags(), preemption=True),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "is_of_peer"),
    [
        (jax.errors.JaxRuntimeError("UNKNOWN: Gloo all-reduce failed: Connection closed"), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), False),
        (ValueError("UNKNOWN: Gloo AllGather failed: Connection reset by peer"), True),
        (InputError("the checkpoint is damaged: Gloo all-reduce failed: timed out"), True),
        (ConnectionResetError("Connection reset by peer"), False),
    ],
)
def test_errors_that_come_from_another_process(error, is_of_peer):
    assert distributed._is_of_peer(error) == is_of_peer


@pytest.fixture
def job(monkeypatch):
    """Process 0 of 2, with what is said in its job, and how it ends: `job.said`, `job.ends`."""

    class Client:
        def __init__(self):
            self.said = {}

        def key_value_set(self, key, value):
            if key in self.said:
                raise ValueError("ALREADY_EXISTS")
            self.said[key] = value

        def key_value_try_get(self, key):
            return self.said[key]

    def end(message, status):
        ends.append((message, status))
        ended.set()
        # In the thread that listens pytest would take it for an error.
        if threading.current_thread() is threading.main_thread():
            raise SystemExit

    client, ends, ended = Client(), [], threading.Event()
    monkeypatch.setattr(distributed, "_client", lambda: client)
    monkeypatch.setattr(distributed, "_end", end)
    monkeypatch.setattr(distributed, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(distributed, "_FAREWELL_SECONDS", 0.1)
    watch = distributed._FailureWatch(Job(0, 2))
    job = Job(0, 2, _watch=watch)
    yield types.SimpleNamespace(job=job, watch=watch, said=client.said, ends=ends, ended=ended)
    watch.close()


def fail_elsewhere(job, status=1):
    job.said["jaxrepro/failure"] = f"{status}\nprocess 1 of 2 (far): x.png is damaged"


GLOO = "UNKNOWN: Gloo all-reduce failed: Connection closed by peer"


def test_a_process_that_waits_for_one_that_failed_records_it_and_ends(job):
    told = []
    with job.job.told_of_peers(told.append):
        fail_elsewhere(job)
        assert job.ended.wait(60)
    assert [(str(error), error.status) for error in told] == [
        ("process 1 of 2 (far): x.png is damaged", 1)
    ]
    ((message, status),) = job.ends
    assert status == 1
    assert message.endswith("ends because of process 1 of 2 (far): x.png is damaged")


def test_a_record_that_hangs_delays_no_end(job):
    forever = threading.Event()
    with job.job.told_of_peers(lambda error: forever.wait()):
        fail_elsewhere(job)
        assert job.ended.wait(60)
    forever.set()


def test_a_broken_sum_is_the_failure_of_the_process_that_said_so(job, capsys):
    job.watch.close()
    fail_elsewhere(job)
    with (
        pytest.raises(distributed.PeerError, match="^process 1 of 2 .far.: x.png") as raised,
        job.job.told_of_peers(lambda error: None),
    ):
        raise jax.errors.JaxRuntimeError(GLOO)
    with pytest.raises(SystemExit):
        job.watch.fail(raised.value)
    ((message, status),) = job.ends
    assert (status, "ends because of process 1" in message) == (1, True)
    assert capsys.readouterr().err == ""


def test_a_broken_sum_of_which_nobody_says_why_may_go_on(job, capsys):
    job.watch.close()
    with pytest.raises(SystemExit):
        job.watch.fail(jax.errors.JaxRuntimeError(GLOO))
    assert job.ends == [("", 75)]
    assert "another process of this job ended or cannot be reached" in capsys.readouterr().err
    assert job.said["jaxrepro/failure"].startswith("75\nprocess 0 of 2")


def test_an_error_of_its_own_stays_what_it_is(job):
    job.watch.close()
    with pytest.raises(KeyError), job.job.told_of_peers(lambda error: None):
        raise KeyError
