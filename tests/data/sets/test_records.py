import json
import pickle

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.record_writer import write_set
from jaxrepro.data.sets.records import decode_record, encode_record
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform

NUM_IMAGES = 7


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with the classes cat (3 noise images) and dog (4)."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for index in range(NUM_IMAGES):
        path = root / ("cat" if index < 3 else "dog") / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 8 + index, 3), np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def finished(original, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sets") / "finished"
    source = open_source(f"folder:{original}")
    write_set(source, directory, size=5, shard_size=3, num_workers=1)
    return directory


@pytest.fixture
def prepared(finished, tmp_path):
    """A copy of the finished set that a test may damage."""
    copy = tmp_path / "set"
    copy.mkdir()
    for file in finished.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_a_record_holds_image_and_label():
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    got, label = decode_record(encode_record(image, 999), channels=3, name="x")
    np.testing.assert_array_equal(got, image)
    assert label == 999
    for damaged in (b"", b"JXR", b"XXXX" + encode_record(image, 1)[4:]):
        with pytest.raises(InputError, match="not a record"):
            decode_record(damaged, channels=3, name="x")


def test_the_set_holds_the_resized_images(prepared, original):
    source = open_source(f"array_record:{prepared}")
    images = open_source(f"folder:{original}")
    prepare = square_transform(5, channels=3).prepare
    assert source.class_names == ("cat", "dog")
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert len(source) == NUM_IMAGES
    for index in range(NUM_IMAGES):
        np.testing.assert_array_equal(
            source[index]["image"], prepare(images[index])["image"], strict=True
        )
        assert source[index]["label"] == images.labels[index]
    assert open_source(f"array_record:{prepared}", channels=1)[0]["image"].shape == (5, 5, 1)


def test_the_set_can_be_pickled_after_reading(prepared):
    source = open_source(f"array_record:{prepared}")
    first = source[0]["image"]
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy[0]["image"], first)
    assert repr(copy) == repr(source)


def test_the_split_is_the_one_that_was_prepared(prepared):
    assert len(open_source(f"array_record:{prepared}", split="all")) == NUM_IMAGES
    with pytest.raises(InputError, match="holds the split 'train', not 'test'"):
        open_source(f"array_record:{prepared}", split="test")


def shard_files(directory):
    return sorted(directory.glob("*.array_record"))


def test_a_truncated_or_missing_shard_is_named(prepared):
    damaged = shard_files(prepared)[1]
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="images-00001-of-00003.* is damaged: .* bytes instead"):
        open_source(f"array_record:{prepared}")
    damaged.unlink()
    with pytest.raises(InputError, match="images-00001-of-00003.* is missing"):
        open_source(f"array_record:{prepared}")


@pytest.mark.parametrize("content", ["zeros", "another shard"])
def test_a_shard_of_the_right_size_with_wrong_content_is_named(prepared, content):
    second, third = shard_files(prepared)[1:]
    num_bytes = third.stat().st_size
    assert second.stat().st_size == num_bytes
    third.write_bytes(bytes(num_bytes) if content == "zeros" else second.read_bytes())
    with pytest.raises(InputError, match=r"images-00002-of-00003.*: its SHA-256 is another"):
        open_source(f"array_record:{prepared}")


# The first and the last image of the second shard.
@pytest.mark.parametrize("find", [bytes.index, bytes.rindex])
def test_a_flipped_bit_is_found_when_the_set_is_opened(prepared, find):
    shard = shard_files(prepared)[1]
    content = bytearray(shard.read_bytes())
    content[find(bytes(content), b"IDAT") + 8] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match="images-00001-of-00003.* its SHA-256 is another"):
        open_source(f"array_record:{prepared}")


def test_a_label_that_was_changed_is_found_when_it_is_read(prepared):
    manifest = prepared / "manifest.json"
    content = json.loads(manifest.read_bytes())
    content["shards"][0]["labels"][1] = 1
    del content["sha256"]  # As an earlier version wrote it.
    manifest.write_text(json.dumps(content))
    source = open_source(f"array_record:{prepared}")
    with pytest.raises(InputError, match="image 1 of the set.*label 0 is not the manifest's"):
        source[1]


def test_an_unfinished_set_does_not_load(prepared):
    (prepared / "manifest.json").unlink()
    with pytest.raises(InputError, match="did not finish"):
        open_source(f"array_record:{prepared}")
    with pytest.raises(InputError, match="is not a folder"):
        open_source(f"array_record:{prepared / 'nowhere'}")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("shards"),
        lambda content: content["settings"].pop("class_names"),
        lambda content: content["settings"].update(class_names=["cat"]),
        lambda content: content["shards"][0].update(name="../images"),
        lambda content: content["shards"][0].update(labels=[-1]),
        lambda content: content.update(shards=[]),
        lambda content: content["settings"]["class_names"].reverse(),
        lambda content: content["shards"][0].update(sha256="0" * 64),
    ],
    ids=range(8),
)
def test_a_damaged_manifest_is_named(prepared, change):
    manifest = prepared / "manifest.json"
    content = json.loads(manifest.read_bytes())
    change(content)
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        open_source(f"array_record:{prepared}")


def test_a_manifest_of_another_format_is_refused(prepared):
    manifest = prepared / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(InputError, match="format 2"):
        open_source(f"array_record:{prepared}")
    manifest.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        open_source(f"array_record:{prepared}")
