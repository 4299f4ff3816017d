import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.draw.animation import there_and_back, write_animation


def test_there_and_back():
    assert there_and_back(np.arange(4)).tolist() == [0, 1, 2, 3, 2, 1]
    assert there_and_back(np.arange(2)).tolist() == [0, 1]
    assert there_and_back(np.arange(1)).tolist() == [0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_frames_are_read_back(tmp_path, suffix, channels):
    levels = np.asarray([0, 90, 255], np.uint8)
    frames = np.broadcast_to(levels[:, None, None, None], (3, 8, 6, channels)).copy()
    frames[:, :4, ..., 0] = 30
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    write_animation(path, frames, frames_per_second=10)
    with Image.open(path) as animation:
        assert (animation.n_frames, animation.size) == (3, (6, 8))
        assert animation.info["loop"] == 0
        for number, frame in enumerate(frames):
            animation.seek(number)
            animation.load()
            assert animation.info["duration"] == 100
            read = np.asarray(animation.convert("RGB"))
            np.testing.assert_array_equal(read, np.broadcast_to(frame, read.shape))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_written_is_said(tmp_path):
    frames = np.zeros((2, 8, 8, 1), np.uint8)
    with pytest.raises(InputError, match=r"allowed are \.gif and \.webp"):
        write_animation(tmp_path / "a.mp4", frames, frames_per_second=10)
    for rate in (0, -1, 51, float("nan")):
        with pytest.raises(InputError, match="frames a second given"):
            write_animation(tmp_path / "a.gif", frames, frames_per_second=rate)
