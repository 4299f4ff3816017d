import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import jax
import numpy as np
import pytest

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.network.networks import generator_sizes
from jaxrepro.papers.scfegan.trained import Trained
from tests.papers.scfegan.studio.studio_server import (
    drawing,
    file_of,
    mask_stroke,
    photo,
    picture_of,
)

COMMAND = [sys.executable, "-m", "jaxrepro.papers.scfegan.studio"]


def write_tiny_export(folder):
    """A generator for 32 px whose weights are random."""
    module = Generator(width=2, **generator_sizes(32))
    shapes = jax.eval_shape(module.init, jax.random.key(0), np.zeros((1, 32, 32, 9), np.float32))
    random = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: random.normal(0, 0.2, x.shape).astype(x.dtype), shapes)
    write_export(folder, Trained(module, variables, 32, "rgb", "a test").to_export())


def test_the_command_serves_a_model_until_it_is_interrupted(tmp_path):
    write_tiny_export(tmp_path / "tiny")
    # In a process of its own and with a clear environment: signals, ports and exit are tested too.
    with subprocess.Popen(
        [*COMMAND, f"--model={tmp_path / 'tiny'}", "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"open (http://127\.0\.0\.1:\d+)/ in a browser; .*\n", line)
            assert found, line + process.stderr.read()
            address = found[1]
            about = httpx.get(f"{address}/api/model").json()
            assert about["checkpoint"] == "tiny, 32 px"
            assert about["limits"]["max_pixels"] == 16_000_000
            assert "SC-FEGAN" in httpx.get(address).text
            given = photo(40, 50)
            stroke = mask_stroke([20, 20], [30, 25], width=8)
            parts = {"image": file_of(given), "drawing": drawing(stroke, height=40, width=50)}
            for crop in ("whole", "mask"):
                reply = httpx.post(
                    f"{address}/api/edit",
                    files=parts,
                    data={"crop": crop},
                    headers={"accept": "image/png"},
                    timeout=60,
                )
                result = picture_of(reply.content)
                changed = (result != given).any(axis=2)
                assert changed[16:28, 18:32].mean() > 0.5
                changed[14:31, 14:36] = False
                assert not changed.any()
            reply = httpx.post(f"{address}/api/sketch", files=parts, timeout=60)
            assert reply.status_code == 200 and "strokes" in reply.json()
        finally:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "stopped\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give a trained network, such as --model="),
        (["--model=none", "--host=300.1.1.1"], "cannot listen on 300.1.1.1, port"),
        (["--model=none", "--port=99999"], "port"),
    ],
)
def test_wrong_flags_are_one_line(flags, message):
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--model=none", f"--port={port}"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in done.stderr
