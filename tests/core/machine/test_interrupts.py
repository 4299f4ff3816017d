import os
import signal
import subprocess
import sys

import pytest

from jaxrepro.core.machine import interrupts
from tests.runs import ROOT


def ended(script, **options):
    """Returns (status, stdout, stderr) of a script that presses Ctrl-C itself."""
    done = subprocess.run(
        # What starts the tests may have told them to ignore it.
        ["env", "--default-signal=INT", sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        text=True,
        **options,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["-m", "/usr/bin/jaxrepro"])
def test_a_command_is_covered_from_the_import_of_the_package_on(name):
    script = f"import sys, signal; sys.argv = [{name!r}]; import jaxrepro; signal.raise_signal(2)"
    assert ended(script) == (130, "", "interrupted\n")


def test_who_imports_the_package_keeps_their_handler():
    script = "import signal, jaxrepro; print(signal.getsignal(2) is signal.default_int_handler)"
    assert ended(script) == (0, "True\n", "")


COMMAND = """
import os, signal, sys, time
from jaxrepro.core import cli
def press():
    os.kill(os.getpid(), signal.SIGINT)
{code}
cli.run(lambda: None, main)
"""


@pytest.mark.parametrize(
    ("code", "out"),
    [
        ("def main(args): press(); print('went on')", ""),
        # An exec that it goes through would make Python end by the signal.
        ("def main(args): exec('press()')", ""),
        # What a library makes of it, and one that Python only prints.
        (
            "def main(args):\n try: press()\n except BaseException: raise ValueError('own error')",
            "",
        ),
        (
            "class Lost:\n def __del__(self): press()\n"
            "def main(args):\n Lost()\n print('lost', flush=True)\n time.sleep(30)",
            "lost\n",
        ),
        # In an import it waits for the end of that.
        (
            "class Finder:\n"
            " def find_spec(self, name, *rest):\n"
            "  if name == 'slow': press(); print('whole', flush=True)\n"
            "sys.meta_path.insert(0, Finder())\n"
            "def main(args):\n"
            " try: import slow\n"
            " except ImportError: time.sleep(30)",
            "whole\n",
        ),
    ],
    ids=["plain", "exec", "turned", "lost", "import"],
)
def test_ctrl_c_is_one_line_and_status_130(code, out):
    environment = {k: v for k, v in os.environ.items() if k != "JAXREPRO_TRACEBACK"}
    assert ended(COMMAND.format(code=code), env=environment) == (130, out, "interrupted\n")


def test_jobs_in_the_background_stay_deaf():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.end_at_once()
        interrupts.raise_from_now_on()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
