"""Progress on a pipe and after going back, and a profile that a run's end cuts short."""

import contextlib
import os
import signal
import sys

import jax.numpy as jnp
import pytest

from jaxrepro.core.reports.console import RunConsole
from jaxrepro.core.reports.profile import Profile
from jaxrepro.core.reports.progress import Progress


@contextlib.contextmanager
def nobody_reads():
    """A context in which standard output is a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as stdout, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        yield


def test_a_console_that_nobody_reads_falls_silent():
    lost = []
    with nobody_reads():
        console = RunConsole(lambda: lost.append(True))
        console.print("first")
        console.print("second")
        print("what comes after goes nowhere")
    assert lost == [True]


def test_a_run_that_nobody_sees_is_asked_to_stop():
    asked = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        with nobody_reads(), Progress(10, 0, 4) as progress:
            assert asked == []
            progress.message("compiled")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert asked == [signal.SIGTERM]


def test_speed_after_going_back(capsys):
    with Progress(100, 0, 4) as progress:
        progress.report(90, {})
        progress.restart(10)
        speed = progress.report(12, {})["speed/examples_per_second"]
    assert speed > 0
    assert "-" not in capsys.readouterr().out


def test_a_profile_is_written_where_the_run_ends_before_it(tmp_path):
    with Profile(tmp_path / "cut", at_step=2) as profile:
        for step in (1, 2, 3):
            profile.before(step)
            profile.after(step, jnp.zeros(()))
            assert not list((tmp_path / "cut").rglob("*.xplane.pb"))
    assert list((tmp_path / "cut").rglob("*.xplane.pb"))
