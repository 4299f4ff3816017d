import io
import json
import pickle
import sys

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import encode_png
from jaxrepro.data.sources import open_source


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Ten examples with the classes a and b, prepared as tfds does it with ArrayRecord."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(names=["a", "b"]),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(10):
                image = np.full((8, 9, 3), 20 * i, np.uint8)
                yield i, {"image": io.BytesIO(encode_png(image)), "label": i % 2}

    directory = tmp_path_factory.mktemp("tfds")
    Tiny(data_dir=directory, file_format="array_record").download_and_prepare()
    return directory


def test_examples_are_read_without_tensorflow(data_dir):
    source = open_source(f"tfds:tiny@{data_dir}")
    assert "tensorflow" not in sys.modules
    assert source.class_names == ("a", "b")
    items = list(source)
    assert sorted(item["image"][0, 0, 0] for item in items) == list(range(0, 200, 20))
    for item, label in zip(items, source.labels):
        assert item["image"].shape == (8, 9, 3)
        assert item["label"] == label == item["image"][0, 0, 0] // 20 % 2
    assert open_source(f"tfds:tiny:1.0.0@{data_dir}", channels=1)[0]["image"].shape == (8, 9, 1)


def test_the_environment_names_the_folder(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    source = open_source("tfds:tiny")
    assert repr(source) == "TfdsSource('tfds:tiny', split='train', channels=3)"
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy[3]["image"], source[3]["image"])


def test_parts_of_a_split(data_dir):
    assert len(open_source(f"tfds:tiny@{data_dir}", split="train[:70%]")) == 7
    with pytest.raises(InputError, match=r"no split 'val'; its splits are \['train'\]"):
        open_source(f"tfds:tiny@{data_dir}", split="val")


def test_what_is_not_prepared_is_not_downloaded(tmp_path):
    with pytest.raises(InputError, match="tfds build cifar10 --file_format=array_record"):
        open_source(f"tfds:cifar10@{tmp_path}")


def test_other_versions_and_formats_are_refused(data_dir, tmp_path):
    with pytest.raises(InputError, match="not prepared"):
        open_source(f"tfds:tiny:2.0.0@{data_dir}")
    old = tmp_path / "old" / "1.0.0"
    old.mkdir(parents=True)
    (old / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord"}))
    with pytest.raises(InputError, match="prepared as tfrecord"):
        open_source(f"tfds:old@{tmp_path}")


def test_the_highest_version_is_taken(data_dir, tmp_path):
    for version in ("1.9.0", "1.10.0"):
        (tmp_path / "x" / version).mkdir(parents=True)
        info = {"fileFormat": version}
        (tmp_path / "x" / version / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=r"prepared as 1\.10\.0"):
        open_source(f"tfds:x@{tmp_path}")
