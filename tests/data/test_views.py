import functools

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import Transform, crop_transform, square_transform
from jaxrepro.data.views import AsTrained, Subset, content_fingerprint, random_subset


class Images(Source):
    """Given images in memory."""

    def __init__(self, images, labels):
        super().__init__("images", split="train", channels=1, class_names=("a", "b"))
        self.images, self.given_labels = images, np.asarray(labels, np.int32)

    @property
    def labels(self):
        return self.given_labels

    def read_image(self, index):
        return self.images[index]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (6, 8, 8, 1), np.uint8), [0, 1, 0, 1, 1, 0])


def test_a_subset_has_the_chosen_images(images):
    part = Subset(images, [4, 1])
    assert len(part) == 2
    np.testing.assert_array_equal(part.labels, [1, 1])
    np.testing.assert_array_equal(part[0]["image"], images.images[4])
    assert part.num_classes == 2
    assert repr(part) != repr(Subset(images, [1, 4]))
    with pytest.raises(InputError, match="without images"):
        Subset(images, [])


def test_a_random_subset_is_distinct_and_fixed(images):
    part = random_subset(images, 4)
    shown = [part.read_image(i).tobytes() for i in range(4)]
    assert len(set(shown)) == 4
    assert shown == [random_subset(images, 4).read_image(i).tobytes() for i in range(4)]
    assert len(random_subset(images, 100)) == 6


def test_images_as_trained_have_one_fixed_augmentation(images):
    flipped = AsTrained(images, square_transform(8, channels=1, flip=True))
    shown = np.stack([flipped.read_image(i) for i in range(6)])
    np.testing.assert_array_equal(shown, [flipped.read_image(i) for i in range(6)])
    is_flipped = [np.array_equal(x, y[:, ::-1]) for x, y in zip(shown, images.images)]
    is_same = [np.array_equal(x, y) for x, y in zip(shown, images.images)]
    assert [a != b for a, b in zip(is_flipped, is_same)] == [True] * 6
    assert 0 < sum(is_flipped) < 6
    plain = AsTrained(images, square_transform(4, channels=1))
    assert plain.read_image(0).shape == (4, 4, 1)


def test_fingerprint_sees_pixels_labels_and_order(images):
    before = content_fingerprint(images)
    assert content_fingerprint(Images(images.images.copy(), images.labels)) == before
    others = images.images.copy()
    others[3, 0, 0] ^= 1
    for changed in (
        Images(others, images.labels),
        Images(images.images, 1 - images.labels),
        Images(images.images[::-1], images.labels),
        Images(images.images[:5], images.labels[:5]),
    ):
        assert content_fingerprint(changed) != before
    assert content_fingerprint(open_source("digits", channels=1)) != before


def test_descriptions_of_transforms_tell_them_apart():
    made = [
        square_transform(8, channels=1),
        square_transform(16, channels=1),
        square_transform(8, channels=1, flip=True),
        crop_transform(8, channels=1, min_fraction=0.5),
    ]
    descriptions = [transform.description for transform in made]
    assert len(set(descriptions)) == 4
    assert square_transform(8, channels=1).description == descriptions[0]
    assert "0x" not in "".join(descriptions)
    assert Transform(functools.partial(dict, a=1)).description == (
        "prepare=builtins.dict(a=1), augment=None"
    )
