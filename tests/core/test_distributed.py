"""Joining a job: flags that do not fit, a process alone, what is said of errors."""

import jax
import pytest

from jaxrepro.core import distributed
from jaxrepro.core.distributed import Job, joined
from jaxrepro.core.errors import InputError


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
