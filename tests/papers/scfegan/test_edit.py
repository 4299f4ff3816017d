import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key
from jaxrepro.core.run.workdir import MODEL_CARD, write_json
from jaxrepro.core.state import Net, TrainState
from jaxrepro.data.formats.picture_files import Picture, read_picture, write_picture
from jaxrepro.papers.scfegan import edit
from jaxrepro.papers.scfegan.inference.crops import Box
from jaxrepro.papers.scfegan.inference.editing import Editor
from jaxrepro.papers.scfegan.network.conditions import draw_noise, generator_input, to_bytes
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.network.networks import generator_sizes
from jaxrepro.papers.scfegan.trained import NET, Trained, load_trained
from tests.runs import call

RNG = np.random.default_rng(0)
SIZE = 32


@functools.cache
def trained(channel_order="rgb"):
    module = Generator(2, **generator_sizes(SIZE))
    init = jax.jit(module.init)
    variables = init(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 9)))
    # Far from grey, so that every condition is seen in the result.
    variables = jax.tree.map(lambda x: np.asarray(2 * x), variables)
    return Trained(module, variables, SIZE, channel_order, "test")


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network") / "export"
    write_export(folder, trained().to_export())
    return folder


def inputs(height, width):
    image = RNG.integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width, 1), np.uint8)
    mask[height // 4 : height // 2, width // 3 : width // 3 + 9] = 1
    sketch = (RNG.random((height, width, 1)) < 0.1).astype(np.uint8)
    strokes = (RNG.random((height, width, 1)) < 0.3).astype(np.uint8)
    color = RNG.integers(0, 256, (height, width, 3), np.uint8)
    return image, mask, sketch, color, strokes


def test_at_the_networks_size_a_result_is_the_networks():
    image, mask, sketch, color, strokes = inputs(SIZE, SIZE)
    results = Editor(trained()).edit(image, mask, sketch, color, strokes, seed=3, num=3)
    kept = mask[..., 0] == 0
    network = trained()
    differing = 0
    for result in results:
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(result[kept], image[kept])
        differing += (result != results[0]).any()
    assert differing == 2
    # The same noise: the conditions as an example of training has them.
    conditions = dict(image=image, mask=mask, sketch=sketch, color=color, strokes=strokes)
    key = jax.random.fold_in(named_key(jax.random.key(3), "noise"), 1)
    noise = draw_noise(key, (1, SIZE, SIZE, 1))
    batch = {name: x[None] for name, x in conditions.items()} | {"noise": noise}
    want = np.asarray(
        to_bytes(jax.jit(network.module.apply)(network.variables, generator_input(batch)))
    )[0]
    assert np.abs(results[1][~kept].astype(int) - want[~kept]).max() <= 1


def test_each_condition_changes_the_result_and_only_inside_the_mask():
    image, mask, sketch, color, strokes = inputs(48, 40)
    editor = Editor(trained())
    edited = editor.edit(image, mask, sketch, color, strokes)[0]
    inside = mask[..., 0] > 0
    for other in (
        (image, mask, None, color, strokes),
        (image, mask, sketch, 255 - color, strokes),
        (image, mask, sketch, color, 1 - strokes),
        (image, mask, sketch, None, None),
    ):
        assert (editor.edit(*other)[0][inside] != edited[inside]).any()
    # What lies outside of the mask, and what is erased, is never used.
    hidden = np.where(inside[..., None], 255 - image, image)
    far = tuple(np.where(inside[..., None], x, 1 - x) for x in (sketch, strokes))
    same = editor.edit(hidden, mask, far[0], color, far[1], seed=0)[0]
    np.testing.assert_array_equal(same, np.where(inside[..., None], edited, hidden))
    assert (editor.edit(image, mask, sketch, color, strokes, seed=1)[0] != edited).any()


@pytest.mark.parametrize("crop", ["whole", "mask", Box(-4, 3, 60, 60)])
@pytest.mark.parametrize("shape", [(48, 70), (20, 100), (17, 19)])
def test_any_size_and_crop_keeps_every_byte_outside_of_the_mask(shape, crop):
    image, mask, *others = inputs(*shape)
    mask[shape[0] // 3, shape[1] // 3 + 1] = 0
    if isinstance(crop, Box) and max(shape) == 100:
        mask[:, 63:] = 0
    before = image.copy()
    results = Editor(trained()).edit(image, mask, *others, num=2, crop=crop)
    np.testing.assert_array_equal(image, before)
    outside = mask[..., 0] == 0
    for result in results:
        np.testing.assert_array_equal(result[outside], image[outside])
        assert (result[~outside] != image[~outside]).mean() > 0.5


def test_results_do_not_depend_on_how_many_are_asked_for():
    editor, given = Editor(trained()), inputs(SIZE, SIZE)
    one, three = editor.edit(*given, seed=5), editor.edit(*given, seed=5, num=3)
    np.testing.assert_array_equal(one[0], three[0])


def test_channels_are_those_of_the_weights():
    image, mask, sketch, color, strokes = inputs(SIZE, SIZE)
    rgb = Editor(trained()).edit(image, mask, sketch, color, strokes)[0]
    flipped = (x[..., ::-1] for x in (image, color))
    image, color = (np.ascontiguousarray(x) for x in flipped)
    bgr = Editor(trained("bgr")).edit(image, mask, sketch, color, strokes)[0]
    np.testing.assert_array_equal(bgr[..., ::-1], rgb)
    assert (Editor(trained()).edit(image, mask, sketch, color, strokes)[0] != bgr).any()


def test_inputs_that_do_not_fit_are_said():
    image, mask, sketch, color, strokes = inputs(20, 24)
    editor = Editor(trained())
    cases = {
        "the mask erases nothing": (image, 0 * mask),
        r"mask is uint8 \(20, 24\) .* must be uint8 \(20, 24, 1\)": (image, mask[..., 0]),
        "sketch has the value 255": (image, mask, 255 * sketch + 255),
        "image is float64": (image / 255, mask),
        "color is uint8": (image, mask, sketch, color[1:], strokes),
        "color and strokes go together": (image, mask, sketch, color),
    }
    for message, given in cases.items():
        with pytest.raises(InputError, match=message):
            editor.edit(*given)
    for options, message in (
        ({"num": 0}, "num=0"),
        ({"seed": -1}, "seed is -1; it must be a whole number"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"crop": "face"}, "crop='face'; allowed are whole, mask"),
        ({"crop": Box(0, 0, 3, 3)}, "not inside the crop"),
    ):
        with pytest.raises(InputError, match=message):
            editor.edit(image, mask, **options)


def write_layers(folder, shape=(40, 52)):
    image, mask, sketch, color, strokes = inputs(*shape)
    write_picture(folder / "image.png", Picture(image))
    write_picture(folder / "mask.png", Picture(255 * mask))
    write_picture(folder / "sketch.png", Picture(255 * sketch))
    write_picture(folder / "color.png", Picture(color, alpha=255 * strokes[..., 0]))
    return image, mask, sketch, color, strokes


def flags_for(folder, export, *names):
    layers = [f"--{name}={folder}/{name}.png" for name in ("image", "mask", *names)]
    return [f"--model={export}", *layers]


def test_the_command_writes_what_the_editor_returns(tmp_path, export, capsys):
    image, mask, *others = write_layers(tmp_path)
    given = flags_for(tmp_path, export, "sketch", "color")
    call(edit, *given, f"--output={tmp_path}/out.png", "--seed=2", "--num=2")
    said = capsys.readouterr().out
    assert "saw 40 x 40 at" in said and f"  erases {100 * mask.mean():.0f} %  " in said
    assert "warning" not in said
    results = Editor(load_trained(export)).edit(image, mask, *others, seed=2, num=2)
    outside = mask[..., 0] == 0
    for index, result in enumerate(results):
        written = np.asarray(Image.open(tmp_path / f"out_{index + 1}.png"))
        np.testing.assert_array_equal(written, result)
        np.testing.assert_array_equal(written[outside], image[outside])
    call(edit, *given, f"--output={tmp_path}/mask_crop.tif", "--crop=mask")
    call(edit, *given, f"--output={tmp_path}/box.webp", "--crop=2,-3,44")
    call(edit, *given, f"--output={tmp_path}/eyes.png", "--eyes=19,19,32,19")
    for name in ("mask_crop.tif", "box.webp", "eyes.png"):
        written = read_picture(tmp_path / name).color
        np.testing.assert_array_equal(written[outside], image[outside])
        assert (written != results[0]).any()


def test_a_mask_that_erases_nearly_everything_is_warned_about(tmp_path, export, capsys):
    image, *_ = write_layers(tmp_path)
    all_but_one = np.full(image.shape[:2], 255, np.uint8)
    all_but_one[3, 4] = 0
    Image.fromarray(all_but_one).save(tmp_path / "mask.png")
    call(edit, *flags_for(tmp_path, export), f"--output={tmp_path}/out.png")
    said = capsys.readouterr().out
    assert "  erases 100 %  " in said
    assert f"warning: {tmp_path}/mask.png: the mask erases 100 % of the picture" in said


def test_alpha_16_bits_and_grey_are_kept(tmp_path, export):
    _, mask, *_ = write_layers(tmp_path)
    wide = RNG.integers(0, 65536, (40, 52, 3), np.uint16)
    alpha = RNG.integers(0, 65536, (40, 52), np.uint16)
    grey = RNG.integers(0, 256, (40, 52, 1), np.uint8)
    for picture in (Picture(wide, alpha=alpha), Picture(grey, stored_as="grey")):
        write_picture(tmp_path / "image.png", picture)
        call(edit, *flags_for(tmp_path, export), f"--output={tmp_path}/out.png", "--overwrite")
        result = read_picture(tmp_path / "out.png")
        outside = mask[..., 0] == 0
        want = np.broadcast_to(picture.color, result.color.shape)
        assert result.color.dtype == want.dtype
        np.testing.assert_array_equal(result.color[outside], want[outside])
        assert (result.color[~outside] != want[~outside]).any()
        if picture.alpha is not None:
            np.testing.assert_array_equal(result.alpha, alpha)
            assert (result.color[~outside] % 257 == 0).all()
    write_picture(tmp_path / "image.png", Picture(grey, icc_profile=b"profile", stored_as="grey"))
    with pytest.raises(InputError, match="grey with a colour profile"):
        call(edit, *flags_for(tmp_path, export), f"--output={tmp_path}/b.png")


def test_a_folder_of_pictures(tmp_path, export, capsys):
    for name in ("images", "masks", "sketches"):
        (tmp_path / name).mkdir()
    images = {}
    for stem in ("a", "b", "c"):
        image, mask, sketch, *_ = inputs(36, 36)
        images[stem] = image, mask
        write_picture(tmp_path / "images" / f"{stem}.bmp", Picture(image))
        write_picture(tmp_path / "masks" / f"{stem}.png", Picture(255 * mask))
        if stem == "b":
            write_picture(tmp_path / "sketches" / f"{stem}.png", Picture(255 * sketch))
    (tmp_path / "images" / "notes.txt").write_text("no picture")
    write_picture(tmp_path / "masks" / "c.png", Picture(np.zeros((36, 36, 1), np.uint8)))
    given = [f"--model={export}", f"--image={tmp_path}/images", f"--mask={tmp_path}/masks"]
    given += [f"--sketch={tmp_path}/sketches", f"--output={tmp_path}/out"]
    with pytest.raises(InputError, match="1 of 3 pictures failed: .*c.png erases nothing"):
        call(edit, *given)
    captured = capsys.readouterr()
    assert "c.png erases nothing" in captured.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    for stem in ("a", "b"):
        image, mask = images[stem]
        outside = mask[..., 0] == 0
        written = read_picture(tmp_path / "out" / f"{stem}.png").color
        np.testing.assert_array_equal(written[outside], image[outside])
    with pytest.raises(InputError, match=r"a\.png exists already; give --overwrite"):
        call(edit, *given)
    (tmp_path / "masks" / "c.png").unlink()
    with pytest.raises(InputError, match=r"no mask for .*c\.bmp"):
        call(edit, *given, "--overwrite")


def test_flags_that_do_not_fit_are_said(tmp_path, export):
    write_layers(tmp_path)
    given = flags_for(tmp_path, export)
    out = f"--output={tmp_path}/out.png"
    write_picture(tmp_path / "small.png", Picture(np.zeros((9, 9, 3), np.uint8)))
    cases = {
        "no --mask given": [given[0], given[1], out],
        "give a trained network": [*given[1:], out],
        "step 3 is chosen of": [*given, out, "--step=3"],
        "none, is chosen of": [*given, out, "--noaverage"],
        "--num=0; it must be 1": [*given, out, "--num=0"],
        "--crop=face; it must be whole, mask or LEFT,TOP,SIDE": [*given, out, "--crop=face"],
        "SIDE is 1 or more": [*given, out, "--crop=1,1,0"],
        "--eyes=1,2,3; it must be": [*given, out, "--eyes=1,2,3"],
        "give one of them": [*given, out, "--eyes=1,2,30,4", "--crop=mask"],
        ".jpg would change what is not erased": [*given, f"--output={tmp_path}/out.jpg"],
        "would replace an input": [*given, f"--output={tmp_path}/mask.png", "--overwrite"],
        "no sketch": [*given, out, f"--sketch={tmp_path}/none.png"],
        "has 9 x 9 pixels, its picture 52 x 40": [*given, out, f"--sketch={tmp_path}/small.png"],
        "more than 100 pixels": [*given, out, "--max_megapixels=0.0001"],
    }
    for message, arguments in cases.items():
        with pytest.raises(InputError) as caught:
            call(edit, *arguments)
        assert message in str(caught.value)
    assert not (tmp_path / "out.png").exists()


def test_exports_of_other_kinds_are_refused(tmp_path):
    good = trained().to_export()
    for change, message in (
        ({"paper": "biggan"}, "it is an export of biggan; give the folder of a run of scfegan"),
        ({"channel_order": "grb"}, "channel_order='grb'"),
        ({"resolution": 36}, "a multiple of 8"),
        ({"resolution": None}, "resolution=None"),
        ({"generator": {**good.card["generator"], "width": 3}}, "not those of its model card"),
    ):
        write_export(tmp_path / "e", Export({**good.card, **change}, good.nets))
        with pytest.raises(InputError, match=message):
            load_trained(tmp_path / "e")
    write_export(tmp_path / "e", Export(good.card, {"x": good.nets[NET]}))
    with pytest.raises(InputError, match="has no network 'g'"):
        load_trained(tmp_path / "e")


def test_a_run_gives_its_moving_average(tmp_path):
    network = trained()
    write_json(tmp_path / MODEL_CARD, network.to_export().card)
    with pytest.raises(InputError, match="no checkpoints? in"):
        load_trained(tmp_path)
    state = TrainState(
        jnp.zeros((), jnp.int32),
        jax.random.key(0),
        nets={NET: Net(jax.tree.map(jnp.zeros_like, network.variables["params"]), {}, ())},
        ema={NET: jax.tree.map(jnp.asarray, network.variables)},
    )
    with Checkpoints(tmp_path) as checkpoints:
        for step in (3, 5):
            checkpoints.save(step, state, wait=True)
            state = state.replace(ema=jax.tree.map(lambda x: x + 1, state.ema))
    at_three = load_trained(tmp_path, step=3)
    assert at_three.origin == f"step 3 of {tmp_path}"
    chex.assert_trees_all_equal(at_three.variables, network.variables)
    latest = load_trained(tmp_path)
    chex.assert_trees_all_close(
        latest.variables, jax.tree.map(lambda x: x + 1, network.variables), rtol=1e-6
    )
    last = load_trained(tmp_path, average=False)
    assert (latest.weights, last.weights) == ("moving average", "last update")
    assert not any(np.any(x) for x in jax.tree.leaves(last.variables))
