import os
import signal
import subprocess
import sys
import time

from tests.papers.scfegan import drawn_faces


def command(folder, output, *options):
    return [
        *(sys.executable, "-m", "jaxrepro.papers.scfegan.prepare", f"--source=folder:{folder}"),
        *(f"--output={output}", "--num_workers=1", "--shard_size=2", *options),
    ]


def prepare(folder, output, *options):
    return subprocess.run(command(folder, output, *options), capture_output=True, text=True)


def test_interrupted_command_goes_on_where_it_stopped(tmp_path):
    folder = drawn_faces.write_faces(tmp_path / "pictures", 12, size=150)
    (folder / "damaged.png").write_bytes(b"junk")
    output = tmp_path / "set"
    process = subprocess.Popen(
        command(folder, output, "--size=144"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (kept := list(output.glob("maps-*.json"))) and time.monotonic() < deadline:
        time.sleep(0.005)
    # As the terminal does it for Ctrl-C: to the workers, too.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted: give the same command again to go on\n"
    assert kept and not list(output.glob(".*")) and not (output / "manifest.json").exists()
    written = {path: path.stat().st_mtime_ns for path in output.glob("maps-*")}

    done = prepare(folder, output, "--size=144")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "12 pictures of 144x144 with 4 sketches each, 11 to train and 1 held out" in lines[0]
    # Two pictures a shard, and two files.
    num_kept = len(written)
    assert lines[1].startswith(f"derived {12 - num_kept} in ")
    assert lines[1].endswith(f"s, kept {num_kept} from before")
    assert lines[2] == "warning: 1 pictures were left out:"
    assert "damaged.png: not a readable image" in lines[3]
    assert lines[4] == f"open it as faces:{output}"
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_missing_flags_and_wrong_weights_are_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jaxrepro.papers.scfegan.prepare"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "error: --source is missing; see --help\n")
    folder = drawn_faces.write_faces(tmp_path / "pictures", 1)
    done = prepare(folder, tmp_path / "set", f"--edge_weights={tmp_path / 'hed.npz'}")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path / 'hed.npz'} is not a file; give the path of a file of weights\n"
    )
