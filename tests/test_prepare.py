import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets import parallel_jobs, record_writer
from jaxrepro.data.sources import open_source


def make_images(root, num_images, side):
    rng = np.random.default_rng(0)
    for index in range(num_images):
        path = root / f"class{index % 3}" / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(path)
    return root


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 13, 9)


def command(images, output, *options):
    return [
        *(sys.executable, "-m", "jaxrepro.prepare", f"--source=folder:{images}"),
        *(f"--output={output}", "--size=8", "--shard_size=4", "--num_workers=2", *options),
    ]


def prepare(images, output, *options):
    return subprocess.run(command(images, output, *options), capture_output=True, text=True)


def write(images, output, **options):
    defaults = {"size": 8, "shard_size": 4, "num_workers": 1}
    return record_writer.write_set(
        open_source(f"folder:{images}"), output, **{**defaults, **options}
    )


def content(directory):
    return {file.name: file.read_bytes() for file in pathlib.Path(directory).iterdir()}


def test_command_line_prepares_and_then_says_it_is_complete(images, tmp_path):
    output = tmp_path / "set"
    done = prepare(images, output)
    assert (done.returncode, done.stderr) == (0, "")
    assert "13 images of 8x8 in 3 classes, 4 files" in done.stdout
    assert "images a class: 4 (class1) to 5 (class0)" in done.stdout
    assert "3 classes of fewer than 50 images" in done.stdout
    before = content(output)
    assert sorted(before) == [
        *(f"images-0000{i}-of-00004.array_record" for i in range(4)),
        "manifest.json",
    ]
    again = prepare(images, output)
    assert again.returncode == 0
    assert again.stdout.startswith(f"{output} is complete already\n")
    assert content(output) == before
    other = prepare(images, output, "--size=7")
    assert other.returncode == 1
    assert "differs in size (8 there, 7 now)" in other.stderr
    assert other.stderr.count("\n") == 1
    assert content(output) == before


def test_help_is_quick_and_missing_flags_are_named():
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "jaxrepro.prepare", "--help"], capture_output=True, text=True
    )
    assert time.perf_counter() - start < 3
    assert "--[no]skip_bad_images" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "jaxrepro.prepare"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "error: --source is missing; see --help\n")


def test_bad_images_stop_or_are_listed(images, tmp_path):
    bad = images / "class1" / "0004.png"
    bad.write_bytes(b"junk")
    output = tmp_path / "set"
    done = prepare(images, output)
    assert done.returncode == 1
    assert f"error: {bad}: not a readable image" in done.stderr
    assert done.stderr.count("\n") == 1
    with pytest.raises(InputError, match="did not finish"):
        open_source(f"array_record:{output}")
    done = prepare(images, output, "--skip_bad_images")
    assert done.returncode == 0
    assert "1 unreadable images were left out" in done.stdout
    assert str(bad) in done.stdout
    source = open_source(f"array_record:{output}")
    assert len(source) == 12
    assert str(bad) in source.manifest.shards[1].skipped[0]
    assert [item["label"] for item in source] == source.labels.tolist()


def test_killed_run_goes_on_and_ends_in_the_same_files(tmp_path):
    # Decoding takes long enough that the kill comes in between.
    images = make_images(tmp_path / "images", 60, 300)
    output = tmp_path / "set"
    process = subprocess.Popen(command(images, output), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (kept := list(output.glob("images-*.json"))) and time.monotonic() < deadline:
        time.sleep(0.005)
    workers = children(process.pid)
    process.kill()
    process.wait()
    assert kept
    assert not (output / "manifest.json").exists()
    assert workers
    while any(map(runs, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(runs, workers))
    with pytest.raises(InputError, match="did not finish"):
        open_source(f"array_record:{output}")

    finished = kept[0].with_suffix(".array_record")
    written = finished.stat().st_mtime_ns
    assert prepare(images, output).returncode == 0
    assert finished.stat().st_mtime_ns == written
    write(images, tmp_path / "at_once", num_workers=1)
    assert content(output) == content(tmp_path / "at_once")


def children(pid):
    return list(map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def runs(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# A shard is finished; the workers are still starting; the first shards are half done.
@pytest.mark.parametrize(
    ("moment", "shard_size"), [("images-*.json", 4), ("unfinished.json", 4), (".images-*", 600)]
)
def test_interrupt_says_how_to_go_on(tmp_path, moment, shard_size):
    images = make_images(tmp_path / "images", 60, 300)
    # So many that neither the run nor a shard comes to its end before the signal does.
    for image in list(images.rglob("*.png")):
        for copy in range(20):
            os.link(image, image.with_stem(f"{image.stem}-{copy}"))
    output = tmp_path / "set"
    process = subprocess.Popen(
        command(images, output, f"--shard_size={shard_size}"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(output.glob(moment)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no {moment}"
        time.sleep(0.005)
    # As the terminal does it for Ctrl-C: to the workers, too.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors == "interrupted: give the same command again to go on\n"
    assert not list(output.glob(".*"))
    if shard_size == 600:
        assert not list(output.glob("images-*"))
    assert not (output / "manifest.json").exists()


def test_damaged_shards_of_a_complete_set_are_written_again(images, tmp_path):
    output = tmp_path / "set"
    write(images, output)
    before = content(output)
    first, second = sorted(output.glob("*.array_record"))[:2]
    written = first.stat().st_mtime_ns
    second.write_bytes(second.read_bytes()[:1000])
    done = []
    write(images, output, on_progress=done.append)
    assert content(output) == before
    assert first.stat().st_mtime_ns == written
    # Three shards of 4, 4 and 1 images were kept.
    assert (done[0], done[-1]) == (9, 13)


def test_shards_without_a_skipped_image_are_kept_only_if_skipping_is_wanted(images, tmp_path):
    output = tmp_path / "set"
    (images / "class0" / "0000.png").write_bytes(b"junk")
    write(images, output, skip_bad_images=True)
    before = content(output)
    first, second = sorted(output.glob("*.array_record"))[:2]
    written = first.stat().st_mtime_ns
    second.unlink()
    with pytest.raises(InputError, match=r"class0/0000\.png: not a readable image"):
        write(images, output)
    write(images, output, skip_bad_images=True)
    assert first.stat().st_mtime_ns == written
    assert content(output) == before


def test_left_over_temporary_files_are_removed(images, tmp_path):
    output = tmp_path / "set"
    write(images, output)
    before = content(output)
    (output / "manifest.json").unlink()
    (output / "unfinished.json").write_text("{}")
    (output / ".images-00000-of-00004.array_record.77").write_text("half")
    with pytest.raises(InputError, match=r"differs in source \(None there"):
        write(images, output)
    (output / "unfinished.json").unlink()
    with pytest.raises(InputError, match=r"holds other files \(images-00000"):
        write(images, output)
    for file in output.iterdir():
        file.unlink()
    (output / ".manifest.json.abc").write_text("half")
    write(images, output)
    assert content(output) == before


def test_other_sets_are_refused(images, tmp_path):
    output = tmp_path / "set"
    write(images, output)
    with pytest.raises(InputError, match="shard_size .4 there, 5 now."):
        write(images, output, shard_size=5)
    Image.new("RGB", (9, 9)).save(images / "class0" / "more.png")
    with pytest.raises(InputError, match="num_source_images .13 there, 14 now., names or sizes"):
        write(images, output)
    with pytest.raises(InputError, match="size=0"):
        write(images, output, size=0)


def test_two_writers_do_not_meet(images, tmp_path):
    output = tmp_path / "set"
    with parallel_jobs.locked_folder(output), pytest.raises(InputError, match="another process"):
        write(images, output)


def test_what_was_not_read_is_kept_with_the_set(images, tmp_path):
    (images / "class0" / "a.heic").write_bytes(b"")
    manifest = write(images, tmp_path / "set")
    assert manifest.settings["not_read"] == f"not read in {images}: 1 .heic"
    # Files beside the pictures do not make it another set.
    (images / "class0" / "a.heic").unlink()
    assert write(images, tmp_path / "set") == manifest


def test_enlarged_images_are_counted(images, tmp_path):
    manifest = write(images, tmp_path / "set", size=10)
    assert sum(shard.num_enlarged for shard in manifest.shards) == 13


def test_unwritable_output_is_named(images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the output folder"):
        write(images, tmp_path / "file" / "set")


def test_files_do_not_depend_on_the_number_of_workers(images, tmp_path):
    for num_workers in (1, 3):
        write(images, tmp_path / str(num_workers), num_workers=num_workers)
    assert content(tmp_path / "1") == content(tmp_path / "3")


def test_real_images_survive(tmp_path, data_folder):
    """Caltech-101 pictures of 128 pixels, stored at their own size, keep every pixel."""
    packed = np.load(data_folder / "data" / "caltech101_128" / "caltech101_128.npz")
    offsets, stream = packed["offsets"], packed["jpeg"].tobytes()
    for index in range(6):
        path = tmp_path / "images" / str(packed["classes"][packed["labels"][index]])
        path.mkdir(parents=True, exist_ok=True)
        picture = stream[offsets[index] : offsets[index + 1]]
        (path / f"{index}.jpg").write_bytes(picture)
    write(tmp_path / "images", tmp_path / "set", size=128)
    before = open_source(f"folder:{tmp_path / 'images'}")
    after = open_source(f"array_record:{tmp_path / 'set'}")
    assert len(after) == 6
    for index in range(6):
        np.testing.assert_array_equal(before[index]["image"], after[index]["image"])
        assert before[index]["label"] == after[index]["label"]
