import dataclasses

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.strokes.free_form_mask import MaskMix
from jaxrepro.papers.scfegan.examples.drops import Drops
from jaxrepro.papers.scfegan.examples.training_examples import (
    FIXED,
    ExampleSettings,
    FixedExamples,
    conditions_of,
    draw_example,
    example_transform,
)
from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe, derive_maps
from tests.papers.scfegan import drawn_faces

SIZE = 32
CONDITIONS = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "strokes": 1, "noise": 1}


class DrawnFaces:
    """Six drawings with their maps; it can be pickled."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        picture, labels = drawn_faces.face(SIZE, shift=index)
        return derive_maps(picture, labels if index % 2 else None, MapRecipe(SIZE))

    def __repr__(self):
        return "DrawnFaces()"


ITEM = DrawnFaces()[1]
USUAL = ExampleSettings(aligned=True, num_sketches=4)
PLAIN = USUAL.without_augmentation()


def examples(settings, count=200, item=ITEM):
    return [draw_example(item, np.random.default_rng([0, i]), settings) for i in range(count)]


def test_examples_have_the_agreed_arrays():
    for example in examples(USUAL, 20):
        assert {name: x.shape for name, x in example.items()} == {
            name: (SIZE, SIZE, channels) for name, channels in CONDITIONS.items()
        }
        assert {x.dtype for x in example.values()} == {np.dtype(np.uint8)}
        for name in ("mask", "sketch", "strokes", "noise"):
            assert example[name].max() <= 1
        assert example["mask"].any()
        assert not (example["color"] * (1 - example["strokes"])).any()


def test_examples_without_augmentation_show_the_picture_and_its_first_sketch():
    for example in examples(PLAIN, 20):
        np.testing.assert_array_equal(example["image"], ITEM["image"])
        np.testing.assert_array_equal(example["sketch"], ITEM["sketches"] & 1)
        np.testing.assert_array_equal(example["color"], ITEM["color"] * example["strokes"])
        assert 0 < example["strokes"].mean() < 1


def test_half_of_the_pictures_are_mirrored_with_all_their_maps():
    mirrored = dataclasses.replace(PLAIN, flip=True, drops=Drops(0, 0, 0, 1))
    flips = 0
    for example in examples(mirrored):
        flip = (example["image"] == ITEM["image"][:, ::-1]).all()
        flips += flip
        side = slice(None, None, -1 if flip else 1)
        np.testing.assert_array_equal(example["image"], ITEM["image"][:, side])
        np.testing.assert_array_equal(example["sketch"], (ITEM["sketches"] & 1)[:, side])
        np.testing.assert_array_equal(example["color"], ITEM["color"][:, side])
    assert flips == pytest.approx(100, abs=30)


def test_brightness_and_contrast_change_picture_and_colors_alike():
    bright = dataclasses.replace(PLAIN, brightness=0.1, contrast=0.15, drops=Drops(0, 0, 0, 1))
    gains, shifts = [], []
    for example in examples(bright, 60):
        before = np.concatenate([ITEM["image"].ravel(), ITEM["color"].ravel()]).astype(float)
        after = np.concatenate([example["image"].ravel(), example["color"].ravel()]).astype(float)
        inside = (after > 0) & (after < 255)
        gain, shift = np.polyfit(before[inside] - 127.5, after[inside] - 127.5, 1)
        np.testing.assert_allclose(
            after, np.clip((before - 127.5) * gain + 127.5 + shift, 0, 255), atol=1
        )
        gains.append(gain)
        shifts.append(shift)
    assert 0.84 < min(gains) < 0.9 and 1.1 < max(gains) < 1.16
    assert -26 < min(shifts) < -18 and 18 < max(shifts) < 26


def test_all_sketches_are_used():
    styles = dataclasses.replace(PLAIN, num_sketches=4)
    used = {example["sketch"].tobytes() for example in examples(styles, 60)}
    assert used == {((ITEM["sketches"] >> k) & 1).tobytes() for k in range(4)}
    assert len(used) > 1


def test_hair_that_is_a_guess_is_erased_less_often():
    hair_only = dataclasses.replace(
        PLAIN, mix=MaskMix(region=0, rectangle=0, everything=0, eye=0, hair=0.9)
    )
    known = ITEM["regions"]
    assert (known & 4).all()
    guessed = {**ITEM, "regions": known & 3}
    hair = known & 1

    def share(item):
        return np.mean([x["mask"][hair > 0].all() for x in examples(hair_only, 300, item)])

    assert share(ITEM) == pytest.approx(0.9, abs=0.06)
    assert share(guessed) == pytest.approx(0.1, abs=0.06)


def test_pictures_that_are_no_faces_have_no_hair():
    nothing = {**ITEM, "regions": np.zeros_like(ITEM["regions"])}
    mix = MaskMix(region=1, rectangle=0, everything=0, eye=1, hair=1)
    masks = [
        [
            x["mask"].mean()
            for x in examples(dataclasses.replace(PLAIN, mix=mix, aligned=a), 60, nothing)
        ]
        for a in (True, False)
    ]
    # Only where a face may be expected, a ring stands for the hair and a stroke begins at an eye.
    assert np.mean(masks[0]) > np.mean(masks[1]) + 0.08


def batches(num_workers, start_step=0, seed=3):
    with train_iterator(
        DrawnFaces(),
        example_transform(USUAL),
        seed=seed,
        batch_shape=(2,),
        start_step=start_step,
        num_workers=num_workers,
    ) as iterator:
        return [next(iterator) for _ in range(5 - start_step)]


def test_training_examples_depend_on_seed_and_step_alone():
    alone = batches(0)
    assert {name: x.shape for name, x in alone[0].items()} == {
        name: (2, SIZE, SIZE, channels) for name, channels in CONDITIONS.items()
    }
    for others in (batches(2), [*alone[:2], *batches(0, start_step=2)]):
        for ours, theirs in zip(alone, others, strict=True):
            for name in CONDITIONS:
                np.testing.assert_array_equal(ours[name], theirs[name])
    # Another seed, and the same picture in the next epoch (steps 0 to 2 and 3 to 5).
    assert (alone[0]["mask"] != batches(0, seed=4)[0]["mask"]).any()
    masks = [mask.tobytes() for batch in alone for mask in batch["noise"]]
    assert len(set(masks)) == len(masks)


def test_fixed_examples_are_always_the_same():
    fixed = FixedExamples(DrawnFaces(), PLAIN, seed=1)
    [first, second] = list(eval_batches(fixed, FIXED, 4))
    assert second["index"].tolist() == [4, 5, 5, 5]
    assert second["mask"].tolist() == [True, True, False, False]
    expected = draw_example(DrawnFaces()[2], np.random.default_rng([1, 2]), PLAIN)
    assert conditions_of(first).keys() == CONDITIONS.keys()
    for name, values in conditions_of(first).items():
        np.testing.assert_array_equal(values[2], expected[name])
    again = FixedExamples(DrawnFaces(), PLAIN, seed=2)
    assert (fixed[0]["noise"] != again[0]["noise"]).any()
    assert "seed=1" in repr(fixed)


def test_impossible_changes_of_color_are_refused():
    with pytest.raises(InputError, match=r"brightness=1.5"):
        ExampleSettings(aligned=True, brightness=1.5)
