"""Joints of people in pictures: where they are found, what is drawn, written and refused."""

import dataclasses
import json
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import ExifTags, Image

from jaxrepro.core.analysis.flops import count_operations
from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import read_colors
from jaxrepro.data.pose.joint_sets import JointSet
from jaxrepro.data.pose.pose_crop import Padding
from jaxrepro.papers.pyranet import predict
from jaxrepro.papers.pyranet import trained as trained_module
from jaxrepro.papers.pyranet.trained import TrainedPose, load_trained
from tests.papers.pyranet.tiny_task import pose_task
from tests.runs import call

# None of them has a side: the network below knows colours, whichever way the picture is turned.
HEAD = JointSet(
    "head", ("nose", "upper_neck", "head_top"), (("nose", "upper_neck"), ("upper_neck", "head_top"))
)
NOSE, NECK = (150, 40), (120, 90)


class ColorFinder(nn.Module):
    """Maps of how red, green and blue a cell is, less than nothing on grey; times the stack."""

    num_stacks: int = 3
    num_joints: int = 3
    depth: int = 1

    def __call__(self, images, *, train, num_stacks=None):
        x = nn.avg_pool(images, (4, 4), (4, 4))
        maps = x - (x.sum(axis=-1, keepdims=True) - x) / 2 - 0.02
        used = self.num_stacks if num_stacks is None else num_stacks
        return jnp.stack([maps * (stack + 1) for stack in range(used)])


def color_finder(decode="torch"):
    return TrainedPose(ColorFinder(), {}, HEAD, 64, "none", Padding(1.25, 15.0), decode, "a test")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, where every network is `ColorFinder`."""
    monkeypatch.setattr(trained_module, "load_trained", lambda *_, **__: color_finder())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_person(path, *, orientation=1, shift=0):
    """A red nose and a green neck on grey, 200 x 120; stored turned if `orientation` is 6."""
    pixels = np.full((120, 200, 3), 128, np.uint8)
    for (x, y), color in ((NOSE, (255, 0, 0)), (NECK, (0, 255, 0))):
        pixels[y - 6 : y + 7, x - shift - 6 : x - shift + 7] = color
    image = Image.fromarray(pixels)
    exif = image.getexif()
    if orientation == 6:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[ExifTags.Base.Orientation] = 6
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif)


def run(*arguments):
    call(predict, "--model=net", "--output=out", *arguments)


def written(name):
    with open(f"out/{name}.json") as file:
        return json.load(file)


def joints(person):
    return np.array([[person["joints"][j]["x"], person["joints"][j]["y"]] for j in HEAD.joints[:2]])


# The middle of the pixel.
TRUTH = np.array([NOSE, NECK]) + 0.5


@pytest.mark.parametrize(
    ("arguments", "tolerance"),
    [
        # Cells are 12.5 pixels wide, and in a box 100 high 7.8; peaks are known to a quarter.
        ((), 6.3),
        (("--box=90,10,80,100",), 4.0),
        (("--box=90,10,80,100", "--flip"), 4.0),
        (("--box=90,10,80,100", "--scales"), 4.0),
        (("--box=90,10,80,100", "--scales", "--flip"), 4.0),
    ],
)
def test_joints_are_where_they_are_in_the_upright_picture(place, arguments, tolerance):
    write_person(place / "turned.png", orientation=6)
    run("turned.png", *arguments)
    found = written("turned")
    assert (found["image"], found["width"], found["height"]) == ("turned.png", 200, 120)
    (person,) = found["people"]
    np.testing.assert_allclose(joints(person), TRUTH, atol=tolerance)
    # There is no blue.
    nothing = person["joints"]["head_top"]
    assert (nothing["x"], nothing["y"]) == (None, None)
    assert nothing["confidence"] < 0
    drawn = read_colors(place / "out/turned.png")
    assert drawn.shape[0] > 2 * 120  # A legend below.
    assert drawn.shape[1] >= 2 * 200
    assert found["decoding"]["scales"] == (
        [0.8, 0.9, 1, 1.1, 1.2, 1.3] if "--scales" in arguments else [1]
    )
    assert found["decoding"]["flip"] == ("--flip" in arguments)
    assert found["network"]["origin"] == "a test"


def test_the_square_around_a_box_and_around_the_whole(place):
    write_person(place / "a.png")
    run("a.png", "--box=90,10,80,100", "--box=10,20,40,30")
    first, second = written("a")["people"]
    # 1.25 times the longer side, about the middle of the box.
    assert first["square"] == [67.5, -2.5, 125.0, 125.0]
    assert second["square"] == [5.0, 10.0, 50.0, 50.0]
    assert [person["box"] for person in (first, second)] == [[90, 10, 80, 100], [10, 20, 40, 30]]
    assert second["joints"]["nose"]["x"] is None  # Outside of what the network saw.
    run("a.png", "--overwrite")
    (person,) = written("a")["people"]
    assert (person["box"], person["square"]) == ([0, 0, 200, 120], [0, -40, 200, 200])


def test_an_earlier_stack_answers(place):
    write_person(place / "a.png")
    confidences = []
    for stacks in ("--stacks=1", "--stacks=2", "--step=0"):
        run("a.png", stacks, "--overwrite")
        confidences.append(written("a")["people"][0]["joints"]["nose"]["confidence"])
    np.testing.assert_allclose(confidences, np.array([1, 2, 3]) * confidences[0], rtol=1e-6)
    with pytest.raises(InputError, match="stacks=4 given; the network has 3"):
        run("a.png", "--stacks=4", "--overwrite")


def test_later_stacks_are_not_computed():
    task = pose_task(**{"model.num_stacks": 3})
    key = jax.random.key(0)
    crops = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.uint8)
    variables = jax.eval_shape(
        lambda: task.module.init({"params": key}, jnp.zeros(crops.shape), train=False)
    )

    def operations(stacks):
        predictor = dataclasses.replace(task.predictor, stacks=stacks)
        return count_operations(
            lambda v, c: predictor.maps(v, c, key), variables, crops
        ).contractions

    first, second, third = (operations(stacks) for stacks in (1, 2, 3))
    assert first < second < third
    # Later stacks cost the same; the stem is on top of the first.
    assert third - second == pytest.approx(second - first, rel=0.01)
    assert first > (second - first)
    assert operations(None) == third


def test_damaged_pictures_are_told_and_the_rest_is_done(place, capsys):
    write_person(place / "in/good.png")
    write_person(place / "in/sub/other.jpg")
    (place / "in/bad.png").write_bytes((place / "in/good.png").read_bytes()[:200])
    (place / "in/notes.txt").write_text("no picture")
    with pytest.raises(InputError, match="1 of 3 pictures failed: in/bad.png: not a readable"):
        run("in")
    out, err = capsys.readouterr()
    assert not err
    assert "failed: in/bad.png: not a readable picture" in out
    assert "left out, no pictures of a known kind: 1 .txt" in out
    made = sorted(str(p.relative_to("out")) for p in pathlib.Path("out").rglob("*.*"))
    assert made == ["good.json", "good.png", "sub/other.json", "sub/other.png"]
    run("in/good.png", "in/sub", "--skip_existing")
    assert "1 pictures are done already" in capsys.readouterr().out
    with pytest.raises(InputError, match="exist already, such as out/good.png"):
        run("in/good.png")


def test_a_file_of_boxes(place, capsys):
    write_person(place / "in/a.png")
    write_person(place / "in/sub/a.png")
    write_person(place / "in/none.png")
    write_person(place / "in/unlisted.png")
    boxes = {"a.png": [[90, 10, 80, 100]], "sub/a.png": [[0, 0, 50, 60]] * 2, "none.png": []}
    (place / "boxes.json").write_text(json.dumps(boxes))
    with pytest.raises(InputError, match="in/unlisted.png: the file of boxes does not name it"):
        run("in", "--boxes=boxes.json")
    assert [p["box"] for p in written("a")["people"]] == [[90, 10, 80, 100]]
    assert [p["box"] for p in written("sub/a")["people"]] == [[0, 0, 50, 60]] * 2
    assert written("none")["people"] == []
    (place / "boxes.json").write_text(json.dumps({"a.png": [[1, 2, 3]]}))
    with pytest.raises(InputError, match=r"boxes.json: a box has 4 numbers, \[1, 2, 3\] given"):
        run("in", "--boxes=boxes.json", "--overwrite")


def write_annotations(path, *images):
    """One person of COCO's form in each picture, and a second in the first."""
    rows = [(i, name) for i, name in enumerate(images)]
    people = [{"image_id": i, "bbox": [90, 10, 80, 100]} for i, _ in rows]
    people.append({"image_id": 0, "bbox": [0, 0, 40, 30]})
    content = {
        "categories": [{"id": 1, "keypoints": list(HEAD.joints)}],
        "images": [{"id": i, "file_name": name} for i, name in rows],
        "annotations": [
            {"id": n, "category_id": 1, "keypoints": [150, 40, 2] * 3, **person}
            for n, person in enumerate(people)
        ],
    }
    path.write_text(json.dumps(content))


def test_people_of_a_data_set(place):
    for name in ("a.png", "b.png", "deep/c.png"):
        write_person(place / "images" / name)
    write_annotations(place / "people.json", "a.png", "b.png", "deep/c.png")
    run("a.png", "c.png", "images/a.png", "--people=coco:people.json")
    first, second = written("a")["people"]
    np.testing.assert_allclose(joints(first), TRUTH, atol=4)
    # Square, with the longer side; then as the network's padding says, which moves it down.
    assert first["box"] == [80, 10, 100, 100]
    assert first["square"] == [67.5, 5, 125, 125]
    assert second["box"] == [0, -5, 40, 40]
    assert first["box_source"] == "annotation"
    assert written("deep/c")["image"] == "deep/c.png"
    assert not (place / "out/b.png").exists()
    run("b*", "--people=coco:people.json")
    assert (place / "out/b.png").exists()
    with pytest.raises(InputError, match="'z.png' is no picture of .*it has 3, such as 'a.png'"):
        run("z.png", "--people=coco:people.json")
    write_person(place / "out.png")
    write_annotations(place / "people.json", "../out.png")
    with pytest.raises(InputError, match=r"names a picture '../out.png' outside its folder"):
        run("--people=coco:people.json")


def test_figures_that_are_drawn_have_numbers(place):
    run("figure 3", "--people=figures")
    assert written("figure 3")["width"] == 160


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no picture given; write PICTURE --output=poses"),
        (("a.png", "--box=1,2,3"), "--box=1,2,3: give x,y,width,height in pixels"),
        (("a.png", "--box=1,2,0,3"), "width and height of a box are positive"),
        (("a.png", "--box=1,2,nan,3"), "width and height of a box are positive"),
        (("a.png", "--box=1,2,3,4", "--boxes=b.json"), "--box and --boxes given; people are taken"),
        (("a.png", "--boxes=b.json"), "cannot read b.json"),
        (("a.png", "--split=test"), "--split and --images are of --people"),
        (("a.png", "--overwrite", "--skip_existing"), "contradict each other"),
        (("a.png", "--shift"), "--shift is of use with --flip only"),
        (("a.png", "--num_draws=3"), "--num_draws is of use with --windows=averaged only"),
        (("a.png", "--decode=best"), "--decode=best: allowed are torch, pytorch_pose, hrnet"),
        (("a.png", "--decode=hrnet"), "trained for torch, in which a peak lies half a cell else"),
        (("z.png",), "no file, folder or pattern 'z.png'"),
    ],
)
def test_what_cannot_be_done_is_one_line(place, arguments, message):
    write_person(place / "a.png")
    with pytest.raises(InputError, match=message) as error:
        run(*arguments)
    assert "\n" not in str(error.value)
    assert not (place / "out").exists()


def test_a_network_is_asked_for():
    with pytest.raises(InputError, match="give a trained network, such as --model=runs/hourglass"):
        call(predict, "a.png", "--output=out")


def test_a_box_outside_the_picture_fails_that_picture(place):
    write_person(place / "a.png")
    message = "^a.png: the box 200,0,10,10 lies outside the picture, which is 200 x 120"
    with pytest.raises(InputError, match=message):
        run("a.png", "--box=200,0,10,10")


def filled(tree, number):
    return jax.tree.map(lambda x: jnp.asarray(np.full(x.shape, number, x.dtype)), tree)


def test_the_average_of_a_run_or_its_last_update(tmp_path):
    from jaxrepro.core.checkpoints.checkpoint import Checkpoints
    from jaxrepro.core.run.workdir import MODEL_CARD, write_json

    for decay in (0.0, 0.5):
        task = pose_task(**{"ema.decay": decay})
        workdir = tmp_path / f"run{decay}"
        write_json(workdir / MODEL_CARD, task.model_card())
        shapes = jax.eval_shape(task.init, jax.random.key(0))
        key = jax.random.key(0)
        net = shapes.nets["model"]
        state = shapes.replace(
            step=jnp.int32(7),
            key=key,
            nets={
                "model": net.replace(
                    params=filled(net.params, 1),
                    stats=filled(net.stats, 1),
                    opt_state=filled(net.opt_state, 0),
                )
            },
            ema=filled(shapes.ema, 2),
        )
        with Checkpoints(workdir, keep=1) as checkpoints:
            checkpoints.save(7, state, wait=True)

    def first(**choice):
        trained = load_trained(tmp_path / "run0.5", **choice)
        return trained.weights, {float(x.ravel()[0]) for x in jax.tree.leaves(trained.variables)}

    assert first() == first(average=True) == ("moving average", {2.0})
    assert first(average=False) == ("last update", {1.0})
    plain = load_trained(tmp_path / "run0.0")
    assert (plain.weights, plain.origin) == ("last update", f"step 7 of {tmp_path / 'run0.0'}")
    with pytest.raises(InputError, match="keeps no moving average"):
        load_trained(tmp_path / "run0.0", average=True)
    with pytest.raises(InputError, match="a moving average, or none, is chosen of .*net.npz"):
        load_trained(tmp_path / "net.npz", average=True)
