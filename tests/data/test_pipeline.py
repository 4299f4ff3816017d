import dataclasses
import subprocess
import sys

import chex
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.padding import padded_batches
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform, crop_transform, square_transform


class Numbered(Source):
    """Image i shows the number i in every pixel; counts how often it is read."""

    def __init__(self, num_images, side=4, varying=False):
        super().__init__("numbered", split="train", channels=1, class_names=("even", "odd"))
        self.num_images, self.side, self.varying, self.num_reads = num_images, side, varying, 0

    @property
    def labels(self):
        return np.arange(self.num_images, dtype=np.int32) % 2

    def read_image(self, index):
        self.num_reads += 1
        side = self.side + (index % 3 if self.varying else 0)
        return np.full((side, side, 1), index, np.uint8)


PLAIN = square_transform(4, channels=1)


def noisy(item, rng):
    return {**item, "noise": np.float32(rng.random())}


NOISY = dataclasses.replace(PLAIN, augment=noisy)


def take(num_steps, *, source=None, transform=NOISY, **options):
    defaults = {"seed": 5, "batch_shape": (2, 2, 4), "start_step": 0}
    with train_iterator(source or Numbered(37), transform, **{**defaults, **options}) as batches:
        return [next(batches) for _ in range(num_steps)]


def test_shapes_and_labels():
    (batch,) = take(1)
    chex.assert_shape(batch["image"], (2, 2, 4, 4, 4, 1))
    assert batch["image"].dtype == np.uint8
    assert batch["label"].dtype == np.int32
    np.testing.assert_array_equal(batch["image"][..., 0, 0, 0] % 2, batch["label"])


@pytest.mark.parametrize("num_threads", [0, 1, 3])
def test_starting_at_a_step_continues_the_stream(num_threads):
    # 9 steps of 16 images cross three epochs of 37.
    whole = take(9)
    chex.assert_trees_all_equal(take(4, start_step=5, num_threads=num_threads), whole[5:])


def test_worker_processes_give_the_same_stream():
    whole = take(7)
    chex.assert_trees_all_equal(take(5, start_step=2, num_workers=2), whole[2:])


def test_processes_together_give_the_same_global_batch():
    whole = take(3)
    parts = [take(3, process=process, num_processes=2) for process in range(2)]
    for step, batch in enumerate(whole):
        joined = {
            name: np.concatenate([part[step][name] for part in parts], axis=2) for name in batch
        }
        chex.assert_trees_all_equal(joined, batch)


def test_every_epoch_visits_each_image_once_in_a_new_order():
    seen = np.concatenate([b["image"][..., 0, 0, 0].ravel() for b in take(7)])
    first, second = seen[:37], seen[37:74]
    assert sorted(first) == sorted(second) == list(range(37))
    assert first.tolist() != second.tolist()


def test_augmentation_is_drawn_anew_in_each_epoch():
    noise = np.concatenate([b["noise"].ravel() for b in take(7)])
    assert len(np.unique(noise)) == len(noise)


def test_seeds_differ_even_when_they_are_neighbours():
    images = [np.concatenate([b["image"] for b in take(5, seed=seed)]) for seed in (5, 6)]
    assert (images[0] != images[1]).any()
    # Grain's shuffle seeds epoch e with seed + e: unmixed seeds would share their orders.
    later = np.concatenate([b["image"][..., 0, 0, 0].ravel() for b in take(7, seed=5)])[37:74]
    other = np.concatenate([b["image"][..., 0, 0, 0].ravel() for b in take(3, seed=6)])[:37]
    assert later.tolist() != other.tolist()


def test_one_update_may_span_epochs():
    (batch,) = take(1, source=Numbered(5))
    counts = np.bincount(batch["image"][..., 0, 0, 0].ravel())
    assert counts.sum() == 16
    assert set(counts) == {3, 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": Numbered(3)}, "3 examples, fewer than the batch of 4"),
        ({"num_processes": 3}, "multiple of 3"),
        ({"process": 2, "num_processes": 2}, "process 2 of 2"),
        ({"seed": -1}, "the seed of the data is -1"),
        ({"start_step": -1}, "start_step=-1"),
        ({"batch_shape": (2, 0)}, "positive"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        take(1, **options)


def test_images_of_different_shapes_are_refused():
    keep = Transform(prepare=dict)
    with pytest.raises(InputError, match=r"'image': uint8 \[\d, \d, 1\] and uint8 \[\d"):
        take(1, source=Numbered(37, varying=True), transform=keep)


class Lines:
    """Examples without a picture; of every third one something is changed."""

    def __init__(self, change=dict):
        self.change = change

    def __len__(self):
        return 12

    def __repr__(self):
        return "Lines()"

    def __getitem__(self, index):
        item = {"tokens": np.arange(index, index + 5, dtype=np.int32), "length": np.int32(index)}
        return self.change(item) if index % 3 == 2 else item


def test_examples_need_no_picture():
    keep = Transform(prepare=dict)
    (train, again), cached = (
        take(2, source=Lines(), transform=keep, memory_bytes=size) for size in (0, 10**6)
    )
    chex.assert_trees_all_equal([train, again], cached)
    assert train["tokens"].shape == (2, 2, 4, 5)
    assert train["tokens"].dtype == np.int32
    np.testing.assert_array_equal(train["tokens"][..., 0], train["length"])
    (batch, _) = eval_batches(Lines(), keep, 8)
    assert batch.keys() == {"tokens", "length", "mask", "index"}
    assert batch["length"].tolist() == list(range(8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tokens": np.zeros(7, np.int32)},
            r"in 'tokens': int32 \[5\] and int32 \[7\]; use",
        ),
        ({"length": 3.5}, r"differ in 'length': int32 \[\] and float64 \[\]"),
        ({"label": 1}, "names: one has 'tokens', 'length', another 'tokens', 'length', 'label'"),
        ({"mask": 1}, "different names"),
    ],
)
def test_the_name_that_differs_is_told(change, message):
    keep = Transform(prepare=dict)
    source = Lines(lambda item: item | change)
    with pytest.raises(InputError, match=message):
        list(eval_batches(source, keep, 12))
    # Both where examples are kept in memory, by the form of the first, and where they are not.
    for memory_bytes in (0, 10**6):
        with pytest.raises(InputError, match="examples of a batch"):
            take(2, source=source, transform=keep, memory_bytes=memory_bytes)


def test_names_of_an_evaluation_are_its_own():
    keep = Transform(prepare=lambda item: item | {"mask": True})
    with pytest.raises(InputError, match=r"Lines\(\) have 'mask' among their names"):
        next(eval_batches(Lines(), keep, 4))


def test_each_image_is_decoded_once_if_all_fit_in_memory():
    source = Numbered(37)
    cached = take(12, source=source)
    # One more for the first image, which gives the shape.
    assert source.num_reads <= 38 + 3
    source = Numbered(37)
    chex.assert_trees_all_equal(take(12, source=source, memory_bytes=100), cached)
    assert source.num_reads > 150


def test_images_of_many_sizes_are_prepared_at_every_visit():
    source = Numbered(37, side=5, varying=True)
    batches = take(5, source=source, transform=crop_transform(4, channels=1, flip=True))
    values = np.concatenate([b["image"].reshape(16, -1) for b in batches])
    assert (values == values[:, :1]).all()
    assert len(np.unique(values[:37])) == 37


def test_a_closed_iterator_ends():
    batches = train_iterator(Numbered(37), PLAIN, seed=0, batch_shape=(4,), start_step=0)
    next(batches)
    batches.close()
    with pytest.raises(ValueError, match="closed"):
        next(batches)


@pytest.mark.parametrize(
    ("num_workers", "ending"), [(0, "sys.exit(3)"), (1, "pass"), (1, "batches.close()")]
)
def test_python_ends_quietly_with_an_open_iterator(tmp_path, num_workers, ending):
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import sys
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform

if __name__ == "__main__":
    batches = train_iterator(
        open_source("digits"), square_transform(16, channels=3), seed=0, batch_shape=(64,),
        start_step=0, num_workers={num_workers}
    )
    batch = next(batches)
    {ending}
"""
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (3 if "exit" in ending else 0, "")


@pytest.mark.parametrize("num_processes", [1, 2, 3, 5, 9])
def test_evaluation_sees_every_image_once(num_processes):
    parts = [
        list(eval_batches(Numbered(21), NOISY, 8, process=p, num_processes=num_processes))
        for p in range(num_processes)
    ]
    assert [len(part) for part in parts] == [3] * num_processes
    batches = [
        {name: np.concatenate([part[k][name] for part in parts]) for name in parts[0][0]}
        for k in range(3)
    ]
    for batch in batches:
        chex.assert_shape(batch["image"], (-(-8 // num_processes) * num_processes, 4, 4, 1))
        assert "noise" not in batch
    # The same examples in every batch, in order, whatever the processes.
    kept = [batch["image"][batch["mask"]][:, 0, 0, 0] for batch in batches]
    for found, (first, last) in zip(kept, [(0, 8), (8, 16), (16, 21)], strict=True):
        np.testing.assert_array_equal(found, np.arange(first, last))
    np.testing.assert_array_equal(batches[-1]["label"], batches[-1]["index"] % 2)
    in_memory = [
        list(padded_batches({"x": np.arange(21)}, 8, p, num_processes))
        for p in range(num_processes)
    ]
    for part, other in zip(parts, in_memory, strict=True):
        for batch, rows in zip(part, other, strict=True):
            np.testing.assert_array_equal(batch["index"], rows["x"])
            np.testing.assert_array_equal(batch["mask"], rows["mask"])


@pytest.mark.parametrize(("given", "message"), [((0, 0, 1), "batch_size=0"), ((8, 2, 2), "of 2")])
def test_evaluation_batches_of_nobody_are_refused(given, message):
    size, process, num_processes = given
    with pytest.raises(InputError, match=message):
        next(eval_batches(Numbered(21), PLAIN, size, process=process, num_processes=num_processes))
