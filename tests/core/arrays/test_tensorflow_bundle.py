import pathlib
import re
import sys

import numpy as np
import pytest

from jaxrepro.core.arrays import sorted_table
from jaxrepro.core.arrays.sorted_table import masked_checksum, read_table
from jaxrepro.core.arrays.tensorflow_bundle import checkpoint_prefix, read_bundle
from jaxrepro.core.errors import InputError
from tests.core.arrays.tensorflow_files import entry, field, table_of, write_bundle

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "tensorflow_checkpoint.npz"
RNG = np.random.default_rng(0)
ARRAYS = {
    "generator/a/kernel": RNG.normal(size=(3, 3, 2, 5)).astype(np.float32),
    "generator/a/bias": RNG.normal(size=5),
    "generator/b/steps": np.int64(-7).reshape(()),
    "generator/b/table": RNG.integers(-9, 9, (4, 3), np.int32),
    "half": RNG.normal(size=(2, 3)).astype(np.float16),
    "none": np.zeros((0, 3), np.float32),
    "truth": np.array([True, False, True]),
}


def equal(have, want):
    assert set(have) == set(want)
    for name, array in want.items():
        assert have[name].dtype == array.dtype, name
        np.testing.assert_array_equal(have[name], array)


# RFC 3720, B.4, and the check value of the CRC catalogues, each rotated right by 15 bits, plus a
# constant.
@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_checksums(data, crc, monkeypatch):
    bits = f"{crc:032b}"
    want = (int(bits[-15:] + bits[:-15], 2) + 0xA282EAD8) % 2**32
    assert masked_checksum(data) == want
    assert masked_checksum(np.frombuffer(data, np.uint8)) == want
    monkeypatch.setattr(sorted_table, "_PIECE", 5)
    assert masked_checksum(np.frombuffer(data, np.uint8)) == want


@pytest.mark.parametrize("per_block", [1, 3, 100])
def test_round_trip(tmp_path, per_block):
    write_bundle(tmp_path / "model.ckpt", ARRAYS, per_block=per_block)
    for given in ("model.ckpt", "model.ckpt.index", "."):
        equal(read_bundle(tmp_path / given), ARRAYS)
        equal(read_bundle(str(tmp_path / given)), ARRAYS)
    some = {"half", "generator/a/bias"}
    equal(read_bundle(tmp_path / "model.ckpt", some), {name: ARRAYS[name] for name in some})
    assert checkpoint_prefix(tmp_path / "model") is None


@pytest.fixture(scope="module")
def by_tensorflow(tmp_path_factory):
    """A folder of checkpoints that TensorFlow wrote, and the arrays of the one named "whole"."""
    folder = tmp_path_factory.mktemp("tensorflow")
    with np.load(GOLDEN, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    for name, array in content.items():
        if not name.startswith("array/"):
            (folder / name).write_bytes(array.tobytes())
    arrays = {name[6:]: x for name, x in content.items() if name.startswith("array/")}
    return folder, arrays


def test_checkpoints_written_by_tensorflow(by_tensorflow):
    folder, arrays = by_tensorflow
    assert len(arrays) == 87
    equal(read_bundle(folder / "whole"), arrays)
    assert "it has slices of variables" in read_error(folder / "sliced")
    assert "s holds strings" in read_error(folder / "strings")
    equal(read_bundle(folder / "strings", ["b"]), {"b": np.ones(2, np.float32)})


def test_the_writer_of_these_tests_writes_as_tensorflow_does(by_tensorflow, tmp_path):
    folder, arrays = by_tensorflow
    write_bundle(tmp_path / "a", arrays, per_block=1000)
    data = "data-00000-of-00001"
    assert (tmp_path / f"a.{data}").read_bytes() == (folder / f"whole.{data}").read_bytes()
    have, want = (
        read_table(path.read_bytes(), most=10**6)
        for path in (tmp_path / "a.index", folder / "whole.index")
    )
    assert list(have) == list(want)


def read_error(path, **options):
    with pytest.raises(InputError) as caught:
        read_bundle(path, **options)
    message = str(caught.value)
    assert "\n" not in message and str(path.parent) in message
    return message


def test_compressed_blocks_are_refused(tmp_path):
    write_bundle(tmp_path / "a", ARRAYS, kind=1)
    message = "a block is compressed (kind 1), and TensorFlow writes none; save it with TensorFlow"
    assert read_error(tmp_path / "a").endswith(f": {message}")


def test_what_is_to_be_installed_is_said(tmp_path, monkeypatch):
    write_bundle(tmp_path / "a", ARRAYS)
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with pytest.raises(InputError) as caught:
        read_bundle(tmp_path / "a")
    assert str(caught.value) == (
        "reading TensorFlow checkpoints needs google-crc32c; install it with: "
        "pip install 'jaxrepro[tensorflow-checkpoints]'"
    )


def test_what_cannot_be_read_is_said(tmp_path):
    path = tmp_path / "a"
    assert "no TensorFlow checkpoint" in read_error(path)
    write_bundle(path, ARRAYS)
    assert "no variables x" in read_error(path, names=["x"])
    assert "bytes, 10 are allowed" in read_error(path, most_bytes=10)
    half = ARRAYS["half"]
    cases = {
        "half is written in slices": entry(half, 0, extra=field(7, b"")),
        "half holds strings": entry(half, 0, dtype=7),
        "half holds bfloat16": entry(half, 0, dtype=14),
        "half holds numbers of the kind 99": entry(half, 0, dtype=99),
        "half of shape (2, 3) has 12 bytes": entry(half, 0, dtype=1),
        "half lies beyond the end": entry(half, 10**9),
        "half has no possible shape": entry(half, 0, extra=field(2, field(2, field(1, 2**64 - 1)))),
        "half has no known shape": entry(half, 0, extra=field(2, field(3, 1))),
        "a variable lies in data file 6 of 1": entry(half, 0, extra=field(3, 5)),
        "the checksum of half is wrong": entry(half, 3),
    }
    for message, replaced in cases.items():
        write_bundle(path, ARRAYS, replaced={"half": replaced})
        assert message in read_error(path)
    # What is not asked for need not be readable.
    write_bundle(path, ARRAYS, replaced={"half": cases["half holds strings"]})
    equal(read_bundle(path, ["none"]), {"none": ARRAYS["none"]})
    write_bundle(path, ARRAYS, header=field(1, 1) + field(2, 1))
    assert "big-endian" in read_error(path)
    write_bundle(path, {**ARRAYS, "\0slice": half})
    assert "it has slices of variables" in read_error(path)
    # Many variables in the same bytes would take more memory than the file has.
    many = {f"half{i}": entry(half, 0) for i in range(40)}
    write_bundle(path, {"half": half} | dict.fromkeys(many, half[:0]), replaced=many)
    assert "has 12 bytes for variables of 492" in read_error(path)
    data = tmp_path / "a.data-00000-of-00001"
    write_bundle(path, ARRAYS)
    data.write_bytes(data.read_bytes()[:-1])
    assert "cut short" in read_error(path)
    data.unlink()
    assert re.search("cannot read .*data-00000-of-00001: No such file", read_error(path))


def test_tables_do_not_grow_beyond_their_limit():
    shared = [(b"k" * 500 + bytes([i]), b"") for i in range(100)]
    with pytest.raises(ValueError, match="keys and values have more than 20000"):
        read_table(table_of(shared, per_block=100), most=20_000)
    with pytest.raises(ValueError, match="blocks have more than"):
        read_table(table_of([(b"a", bytes(900)), (b"b", bytes(900))], per_block=1), most=1500)
    with pytest.raises(ValueError, match="not in order"):
        read_table(table_of([(b"b", b""), (b"a", b"")]), most=1000)


def test_any_damage_is_one_error(tmp_path):
    path, index = tmp_path / "a", tmp_path / "a.index"
    data = tmp_path / "a.data-00000-of-00001"
    write_bundle(path, ARRAYS, per_block=3)
    whole, numbers = index.read_bytes(), data.read_bytes()
    rng = np.random.default_rng(1)
    num_errors = 0
    for place in rng.permutation(len(whole))[:300].tolist():
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        index.write_bytes(damaged)
        try:
            # Only what is not used may be damaged without an error: the footer's padding.
            equal(read_bundle(path), ARRAYS)
        except InputError:
            num_errors += 1
    assert num_errors > 250
    for size in rng.integers(0, len(whole), 60).tolist():
        index.write_bytes(whole[:size])
        read_error(path)
    index.write_bytes(whole)
    for place in rng.integers(0, len(numbers), 60).tolist():
        damaged = bytearray(numbers)
        damaged[place] ^= 1
        data.write_bytes(damaged)
        assert "checksum" in read_error(path)


def test_damage_with_a_right_checksum_is_one_error_or_other_numbers(tmp_path):
    path, rng = tmp_path / "a", np.random.default_rng(2)

    def change(block):
        block = bytearray(block)
        for _ in range(int(rng.integers(1, 4))):
            block[rng.integers(len(block))] = rng.integers(256)
        return bytes(block)

    outcomes = []
    for _ in range(400):
        write_bundle(path, ARRAYS, per_block=4, change=change)
        try:
            outcomes.append(sum(array.nbytes for array in read_bundle(path).values()))
        except InputError:
            outcomes.append(-1)
    assert outcomes.count(-1) > 200
    assert max(outcomes) <= sum(array.nbytes for array in ARRAYS.values())
