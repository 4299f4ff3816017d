import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import interpolate
from jaxrepro.papers.biggan.sampling.sampler import Sampler
from tests import runs
from tests.papers.biggan import tiny_biggan

NAMES = tiny_biggan.CLASS_NAMES


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interpolate") / "export"
    write_export(folder, tiny_biggan.trained().to_export({}))
    return f"--model={folder}"


def test_classes_of_the_rows():
    def ends(*given, change):
        return interpolate.class_ends(list(given), NAMES, 4, 0, change=change)

    assert ends("hen", "tabby", change=True) == [(2, 0), (0, 2), (2, 0), (0, 2)]
    assert ends("hen", "tabby", change=False) == [(2, 2), (0, 0), (2, 2), (0, 0)]
    with pytest.raises(InputError, match="--classes=hen: a path between classes needs two"):
        ends("hen", change=True)
    drawn = interpolate.class_ends(None, NAMES, 50, 0, change=True)
    assert all(a != b for a, b in drawn) and set(np.ravel(drawn)) == {0, 1, 2}
    assert drawn != interpolate.class_ends(None, NAMES, 50, 1, change=True)
    assert all(a == b for a, b in interpolate.class_ends(None, NAMES, 50, 0, change=False))
    assert interpolate.class_ends(None, ("all",), 1, 0, change=True) == [(0, 0)]


@pytest.mark.parametrize("change_z", [True, False])
def test_ends_are_samples_and_the_middle_is_the_middle(change_z):
    generator = tiny_biggan.trained()
    ends = [(0, 2), (1, 1)]
    options = {"mode": "resample", "threshold": 0.5}
    paths = interpolate.interpolate(
        generator, ends, 1, 7, change_z=change_z, batch_size=6, **options
    )
    assert paths.shape == (2, 3, 16, 16, 1) and paths.dtype == np.uint8
    sampler = Sampler(generator, 6)
    z = sampler.latents(4, 7, **options)
    last_z = z[2:] if change_z else z[:2]
    first, last = sampler.embed(np.asarray([0, 1])), sampler.embed(np.asarray([2, 1]))
    expected = np.stack(
        [
            sampler.synthesize(z[:2], first),
            sampler.synthesize((z[:2] + last_z) / 2, (first + last) / 2),
            sampler.synthesize(last_z, last),
        ],
        axis=1,
    )
    np.testing.assert_allclose(paths, expected.astype(float), atol=1)
    np.testing.assert_allclose(paths[:, 0], sampler.draw([0, 1], 7, **options) * 1.0, atol=1)
    # Where neither z nor the class changes there is one image, else there are three.
    assert (paths[1, 0] == paths[1, 2]).all() == (not change_z)
    assert (paths[0, 0] != paths[0, 2]).any()


def test_sheet_and_animation_of_the_command(export, tmp_path, capsys):
    options = (export, "--rows=2", "--midpoints=2", "--batch_size=4", "--spherical")
    runs.call(interpolate, *options, f"--output={tmp_path / 'a.png'}")
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.height == 2 + 2 * (48 + 2) and sheet.width > 2 + 4 * (48 + 2)
    assert "2 paths of 4 images, export" in capsys.readouterr().out
    for name in ("a.gif", "a.webp"):
        runs.call(interpolate, *options, f"--output={tmp_path / name}")
        with Image.open(tmp_path / name) as animation:
            assert (animation.n_frames, animation.size) == (6, (102, 52))


def test_what_does_not_fit_is_said(export):
    for arguments, message in (
        (["--output=a.jpg"], "must end in .png, .gif or .webp"),
        (["--output=a.png", "--path=y"], "--path=y; choose among z, class, both"),
        (["--output=a.png", "--path=class", "--spherical"], "--spherical is for latent vectors"),
        (["--output=a.png", "--midpoints=0"], "--midpoints=0; it must be 1"),
        (["--output=a.png", "--classes=dog,hen"], "no class 'dog'"),
    ):
        with pytest.raises(InputError, match=message):
            runs.call(interpolate, export, *arguments)
