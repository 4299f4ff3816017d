import importlib
import os
import pathlib
import subprocess
import sys
import types

import pytest
from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from tests.runs import ROOT, call


def command(*, with_arguments=True):
    """A command that keeps what it was given."""
    given = {}

    def define_flags():
        if with_arguments:
            cli.define_argument("input", "What is read.")
            cli.define_argument("output", "What is written.")
        flags.DEFINE_integer("size", 1, "A number.")

    def main(args):
        given.update(
            {name: args[name].value for name in ("input", "output", "size") if name in args}
        )

    return types.SimpleNamespace(
        __name__="command", define_flags=define_flags, main=main, given=given
    )


@pytest.mark.parametrize(
    "line",
    [
        "a b --size=3",
        "--size=3 a b",
        "a --size 3 b",
        "--input=a b --size=3",
        "--output=b a --size=3",
    ],
)
def test_arguments_are_taken_in_order_wherever_the_flags_are(line):
    tool = command()
    call(tool, *line.split())
    assert tool.given == {"input": "a", "output": "b", "size": 3}


def test_arguments_may_be_absent():
    tool = command()
    call(tool, "a")
    assert tool.given == {"input": "a", "output": None, "size": 1}


def test_surplus_words_are_errors():
    with pytest.raises(InputError, match="unexpected argument 'c'.*quote a pattern"):
        call(command(), "a", "b", "c")
    with pytest.raises(InputError, match="unexpected argument 'a'; options are written --name=val"):
        call(command(with_arguments=False), "a")


def test_a_dash_in_front_can_be_escaped():
    tool = command()
    call(tool, "--", "-a", "b")
    assert tool.given["input"] == "-a"


def test_an_error_does_not_wait_for_what_a_failed_save_left():
    script = """
import atexit, threading
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

class Waiting(threading.Thread):
    __module__ = "orbax.checkpoint._src.futures.future"

def main(args):
    atexit.register(print, "left in order")
    Waiting(target=threading.Event().wait).start()
    raise InputError("the store refuses")

cli.run(lambda: None, main)
"""
    # Without end, if it waited.
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, b"left in order\n")
    assert ended.stderr == b"error: the store refuses\n"


@pytest.mark.parametrize("where", ["define_flags", "main"])
def test_ctrl_c_is_one_line_whenever_it_comes(where, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    steps = {"define_flags": lambda: None, "main": lambda args: None, where: interrupted}
    monkeypatch.setattr(sys, "argv", ["command"])
    monkeypatch.delenv("JAXREPRO_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.run(steps["define_flags"], steps["main"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_any_number_of_arguments_around_the_flags():
    given = {}

    def define_flags():
        cli.define_argument("output", "What is written.")
        cli.define_arguments("inputs", "What is read.")
        flags.DEFINE_integer("size", 1, "A number.")

    def main(args):
        given.update({name: args[name].value for name in ("output", "inputs", "size")})

    tool = types.SimpleNamespace(__name__="command", define_flags=define_flags, main=main)
    call(tool, *["o", "a", "--size=3", "b", "c"])
    assert given == {"output": "o", "inputs": ["a", "b", "c"], "size": 3}
    call(tool, *["--output=o", "a"])
    assert given == {"output": "o", "inputs": ["a"], "size": 1}
    call(tool, "o")
    assert given["inputs"] == []


def test_output_that_nobody_reads_ends_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "jaxrepro.train", "--show_config", "--config=configs/srcnn.py"],
            cwd=ROOT,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("module", ["scfegan.edit", "biggan.sample", "biggan.interpolate"])
@pytest.mark.parametrize("seed", ["4294967296", "4294967297", "-1", "1.5", "one", "9" * 60])
def test_a_seed_has_32_bits_in_every_command(module, seed):
    verb = importlib.import_module(f"jaxrepro.papers.{module}")
    with pytest.raises(
        flags.IllegalFlagValueError, match="--seed is .*, 0 to 4294967295"
    ) as raised:
        call(verb, f"--seed={seed}")
    assert isinstance(raised.value.__context__, InputError)


def test_the_largest_seed_is_taken():
    seen = []
    verb = types.SimpleNamespace(
        __name__="verb",
        define_flags=lambda: cli.define_seed("Of all."),
        main=lambda args: seen.append(args.seed),
    )
    call(verb, "--seed=4294967295")
    call(verb)
    assert seen == [4294967295, 0]


def test_memory_that_is_not_there_is_one_line(monkeypatch, capsys):
    def main(args):
        raise MemoryError("Unable to allocate 8.00 TiB")

    monkeypatch.setattr(sys, "argv", ["command"])
    monkeypatch.delenv("JAXREPRO_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.run(lambda: None, main)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: not enough memory: Unable to allocate 8.00")


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.steps", "; the nearest is total_steps; without the override"),
        ("optim.speed", "; optim has decay_factor, drop_steps, "),
        ("none.such", "; none has no keys; "),
    ],
)
def test_an_unknown_key_is_told_with_its_neighbours(override, told, monkeypatch, capsys):
    config = pathlib.Path(__file__).parents[2] / "configs" / "prm_cifar.py"
    words = ["train", f"--config={config}:test", f"--config.{override}=5"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.delenv("JAXREPRO_TRACEBACK", raising=False)
    try:
        with pytest.raises(SystemExit):
            cli.run(cli.define_config, lambda args: None)
        assert f"unknown config key: --config.{override}{told}" in capsys.readouterr().err
    finally:
        for name in [n for n in flags.FLAGS if n == "config" or n.startswith("config.")]:
            delattr(flags.FLAGS, name)


def test_a_trained_network_is_a_model(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sample", "--weights=G.pth"])
    try:
        with pytest.raises(SystemExit):
            cli.run(lambda: flags.DEFINE_string("model", None, "A network."), lambda args: None)
        said = capsys.readouterr().err
        assert said == "error: unknown flag --weights: a trained network is given as --model=PATH\n"
    finally:
        delattr(flags.FLAGS, "model")
