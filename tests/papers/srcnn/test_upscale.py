import dataclasses
import os

import jax
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms
from scipy.signal import correlate2d

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import Picture, read_picture, write_picture
from jaxrepro.data.formats.resize import resize
from jaxrepro.papers.srcnn import upscale
from jaxrepro.papers.srcnn.enlarge import Enlarger
from jaxrepro.papers.srcnn.network.model import SRCNN
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.trained import Trained
from tests.runs import call

RNG = np.random.default_rng(0)


def random_network():
    """A luma network that is not symmetric, so that borders and turns matter."""
    module = SRCNN(kernels=(3, 1, 3), widths=(4, 3))
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(
        lambda: module.init(jax.random.key(0), np.zeros((1, 9, 9, 1), np.float32))
    )
    params = jax.tree.map(lambda x: rng.normal(0, 0.05, x.shape).astype(np.float32), shapes)
    # Around the identity, so that no unit is dead and nothing is clipped.
    for name, layer in params["params"].items():
        middle = layer["kernel"].shape[0] // 2
        layer["kernel"][middle, middle, 0, 0] += 1
        layer["bias"] = np.abs(layer["bias"]) / (10 if name == "reconstruction" else 1)
    return Trained(module, params, 2, "y", "matlab-bicubic", "test")


def identity_network(color):
    """A network that changes nothing: what is left is bicubic interpolation."""
    channels = 1 if color == "y" else 3
    module = SRCNN(kernels=(1, 1), widths=(channels,), channels=channels)
    layer = {"kernel": np.eye(channels, dtype=np.float32)[None, None]}
    layer["bias"] = np.zeros(channels, np.float32)
    params = {"params": {"extraction": layer, "reconstruction": dict(layer)}}
    return Trained(module, params, 3, color, "matlab-bicubic", "test")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    trained = random_network()
    card = {
        "paper": "srcnn",
        "network": network_card(trained.module),
        "scale": trained.scale,
        "color": trained.color,
        "degradation": trained.degradation,
    }
    folder = tmp_path_factory.mktemp("network") / "export"
    write_export(folder, Export(card, {"model": trained.variables}))
    return folder


def noise(shape, dtype=np.uint8):
    """Not too dark and not too bright, so that nothing is clipped."""
    maximum = np.iinfo(dtype).max
    return RNG.integers(maximum // 4, maximum // 4 * 3, shape).astype(dtype)


def network_by_hand(x):
    """The random network in float64, each map extended by its edge values."""
    params = random_network().variables["params"]
    layers = ("extraction", "mapping", "reconstruction")
    maps = [x]
    for name in layers:
        kernel, bias = (np.asarray(params[name][k], np.float64) for k in ("kernel", "bias"))
        padded = [np.pad(m, kernel.shape[0] // 2, mode="edge") for m in maps]
        maps = [
            sum(correlate2d(m, kernel[:, :, i, o], "valid") for i, m in enumerate(padded)) + bias[o]
            for o in range(kernel.shape[3])
        ]
        if name != "reconstruction":
            maps = [np.maximum(m, 0) for m in maps]
    return maps[0]


def test_16_bit_colour_is_luma_through_the_network_and_chroma_by_bicubic(tmp_path, weights):
    color = noise((9, 14, 3), np.uint16)
    write_picture(tmp_path / "a.png", Picture(color))
    call(upscale, f"{tmp_path}/a.png", f"{tmp_path}/b.tif", "--scale=2", f"--model={weights}")
    got = tifffile.imread(tmp_path / "b.tif")
    assert got.dtype == np.uint16 and got.shape == (18, 28, 3)
    r, g, b = np.moveaxis(color / 65535, 2, 0)
    y = (16 + 65.481 * r + 128.553 * g + 24.966 * b) / 255
    cb, cr = ((-37.797 * r - 74.203 * g + 112 * b) / 255, (112 * r - 93.786 * g - 18.214 * b) / 255)
    y, cb, cr = (resize(x[..., None], (18, 28))[..., 0] for x in (y, cb, cr))
    gray = (network_by_hand(y) - 16 / 255) * 255 / 219
    # The inverse of the matrix above, as ITU-R BT.601 gives it.
    want = np.stack(
        [
            gray + 1.402 * cr * 255 / 224,
            gray - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587 * 255 / 224,
            gray + 1.772 * cb * 255 / 224,
        ],
        axis=2,
    )
    np.testing.assert_allclose(got, np.clip(want, 0, 1) * 65535, atol=12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_gives_the_same_whether_stored_as_grey_or_as_rgb(dtype):
    grey = noise((8, 10, 1), dtype)
    enlarger = Enlarger(random_network(), side=64)
    as_grey = enlarger(Picture(grey, stored_as="grey"))
    as_rgb = enlarger(Picture(np.repeat(grey, 3, axis=2)))
    assert as_grey.color.shape == (16, 20, 1) and as_grey.color.dtype == dtype
    np.testing.assert_allclose(
        np.repeat(as_grey.color, 3, axis=2).astype(int), as_rgb.color, atol=dtype == np.uint16
    )
    y = resize((16 + 219.0 * grey / np.iinfo(dtype).max) / 255, (16, 20))[..., 0]
    want = (network_by_hand(y) * 255 - 16) / 219 * np.iinfo(dtype).max
    assert want.std() > np.iinfo(dtype).max / 100
    np.testing.assert_allclose(as_grey.color[..., 0], want, atol=0.51 if dtype == np.uint8 else 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_networks_of_luma_ycbcr_and_rgb_change_no_colours(channels):
    color = noise((7, 8, channels))
    want = resize(color.astype(np.float64), (21, 24))
    for planes in ("y", "ycbcr", "rgb"):
        got = Enlarger(identity_network(planes), side=32)(Picture(color)).color
        np.testing.assert_allclose(got, want, atol=0.51, err_msg=planes)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_full_range_luma_sees_it(channels):
    """White is 1 to it and black 0: a network that doubles what it sees shows the range."""
    network = identity_network("y")
    params = network.variables["params"]
    doubled = {**params["reconstruction"], "kernel": 2 * params["reconstruction"]["kernel"]}
    variables = {"params": {**params, "reconstruction": doubled}}
    picture = Picture(np.full((6, 5, channels), 51, np.uint8))
    for degradation, want in (
        ("article-intended", 2 * 51),
        # 16 + 219/255 * 51 doubled, and back.
        ("matlab-bicubic", (2 * (16 + 219 / 255 * 51) - 16) * 255 / 219),
    ):
        given = dataclasses.replace(network, variables=variables, degradation=degradation)
        got = Enlarger(given, side=32)(picture).color
        np.testing.assert_allclose(got, want, atol=0.51, err_msg=degradation)


@pytest.mark.parametrize("size", [(30, 41), (8, 8), (64, 3), (1, 1)])
def test_tiles_change_nothing(size):
    picture = Picture(noise((*size, 3), np.uint16))
    whole = Enlarger(random_network(), side=128)(picture).color
    assert size == (1, 1) or whole.std(axis=(0, 1)).min() > 1000
    for side in (8, 32):
        enlarger, calls = Enlarger(random_network(), side=side), []
        tiled = enlarger(picture, lambda: calls.append(1)).color  # noqa: B023
        np.testing.assert_allclose(tiled.astype(int), whole, atol=1)
        assert len(calls) == enlarger.num_tiles(picture.color.shape)


def test_the_ensemble_is_the_average_over_flips_and_rotations():
    grey = noise((6, 9, 1), np.uint16)
    plain = Enlarger(random_network(), side=32)
    results = []
    for k in range(4):
        for flip in (False, True):
            turned = np.rot90(np.flip(grey, 1) if flip else grey, k)
            back = np.rot90(plain(Picture(turned)).color, -k)
            results.append(np.flip(back, 1) if flip else back)
    assert np.ptp(results, axis=0).max() > 100
    ensemble = Enlarger(random_network(), ensemble=True, side=32)
    got = ensemble(Picture(grey)).color
    np.testing.assert_allclose(got, np.mean(results, axis=0), atol=2)
    assert ensemble.num_tiles(grey.shape) == 8 * plain.num_tiles(grey.shape)


def test_alpha_is_enlarged_and_what_is_invisible_does_not_bleed():
    alpha = np.zeros((12, 12), np.uint8)
    alpha[3:9, 3:9] = 255
    color = np.zeros((12, 12, 3), np.uint8)
    color[3:9, 3:9] = (200, 100, 50)
    got = Enlarger(identity_network("y"), side=64)(Picture(color, alpha))
    want = resize(alpha[..., None].astype(np.float64), (36, 36))[..., 0]
    np.testing.assert_allclose(got.alpha, np.clip(want, 0, 255), atol=0.51)
    visible = got.color[got.alpha > 0]
    np.testing.assert_allclose(visible, np.broadcast_to((200, 100, 50), visible.shape), atol=1)


def test_a_folder_keeps_its_structure_and_reports_what_is_corrupt(tmp_path, weights, capsys):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "deep" / "er").mkdir(parents=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "somebody"
    Image.fromarray(noise((8, 12, 3))).save(
        source / "photo.jpg", exif=exif.tobytes(), icc_profile=profile
    )
    palette = Image.fromarray(noise((8, 9, 3))).quantize(4)
    palette.save(source / "deep" / "palette.png", transparency=0)
    Image.fromarray(noise((8, 9))).save(source / "deep" / "er" / "grey.bmp")
    (source / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    write_picture(source / "wide.jpg", Picture(noise((8, 8, 3))))
    write_picture(tmp_path / "wide.png", Picture(noise((8, 8, 3), np.uint16)))
    (tmp_path / "wide.png").replace(source / "wide.jpg")
    (source / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="2 of 5 pictures failed: ") as failure:
        call(upscale, f"{source}", f"{target}", "--scale=2", f"--model={weights}")
    shown = capsys.readouterr()
    for text in (str(failure.value), shown.out):
        assert "in/broken.png: not a readable picture" in text
        assert "out/wide.jpg: JPEG cannot hold 16 bits" in text
    assert "left out, no pictures of a known kind: 1 .txt" in shown.out
    assert "in/photo.jpg -> " in shown.out and "16 x 24" in shown.out
    written = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    assert written == ["deep/er/grey.bmp", "deep/palette.png", "photo.jpg"]
    photo = read_picture(target / "photo.jpg")
    assert photo.color.shape == (24, 16, 3)
    assert photo.icc_profile == profile and b"somebody" in photo.exif
    assert read_picture(target / "deep" / "palette.png").alpha.shape == (16, 18)
    assert read_picture(target / "deep" / "er" / "grey.bmp").color.shape == (16, 18, 1)


def test_outputs_are_replaced_on_request_only_and_can_be_skipped(tmp_path, weights, capsys):
    for name in "ab":
        write_picture(tmp_path / "in" / f"{name}.png", Picture(noise((8, 8, 1))))
    out, options = tmp_path / "out", ("--scale=2", f"--model={weights}")
    (out).mkdir()
    (out / "a.png").write_bytes(b"mine")
    pattern = f"{tmp_path}/in/*.png"
    with pytest.raises(InputError, match="1 of 2 outputs exist already, such as .*a.png"):
        call(upscale, pattern, f"{out}", *options)
    assert [path.name for path in out.iterdir()] == ["a.png"]
    call(upscale, pattern, f"{out}", "--skip_existing", *options)
    assert (out / "a.png").read_bytes() == b"mine" and (out / "b.png").exists()
    assert "1 pictures are done already" in capsys.readouterr().out
    call(upscale, pattern, f"{out}", "--overwrite", *options)
    assert read_picture(out / "a.png").color.shape == (16, 16, 1)


def test_ctrl_c_leaves_whole_files_only(tmp_path, weights, monkeypatch):
    for name in "abc":
        write_picture(tmp_path / "in" / f"{name}.png", Picture(noise((8, 8, 1))))
    out, replace, calls = tmp_path / "out", os.replace, []

    def interrupted(*paths):
        calls.append(paths)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(*paths)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt, match="what is written is whole; with --skip_existing"):
        call(upscale, f"{tmp_path}/in", f"{out}", "--scale=2", f"--model={weights}")
    assert [path.name for path in out.iterdir()] == ["a.png"]
    assert read_picture(out / "a.png").color.shape == (16, 16, 1)


def test_errors_say_what_to_do(tmp_path, weights):
    write_picture(tmp_path / "a.png", Picture(noise((8, 8, 3)), noise((8, 8))))
    source = f"{tmp_path}/a.png"
    cases = [
        ((), "no input given; write INPUT OUTPUT"),
        ((source,), "no output given"),
        ((source, f"{tmp_path}/b.png", "c.png"), "unexpected argument 'c.png'.*quote a pattern"),
        ((source, f"{tmp_path}/b"), "neither a folder nor a name that ends in .png"),
        ((source, source, "--overwrite"), "would replace the input"),
        ((source, f"{tmp_path}/b.png", "--scale=97"), "no network for --scale=97 comes with"),
        (
            (source, f"{tmp_path}/b.png", "--scale=3", f"--model={weights}"),
            "enlarges by 2, not by 3",
        ),
        ((source, "x.png", "--overwrite", "--skip_existing"), "contradict each other"),
    ]
    for arguments, message in cases:
        with pytest.raises(InputError, match=message):
            call(upscale, *arguments)
    with pytest.raises(InputError, match="b.jpg: "):
        call(upscale, source, f"{tmp_path}/b.jpg", "--scale=2", f"--model={weights}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
