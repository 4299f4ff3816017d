import json
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.parallel_jobs import locked_folder
from jaxrepro.papers.scfegan import prepare
from jaxrepro.papers.scfegan.faces import map_writer
from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe, derive_maps
from jaxrepro.papers.scfegan.faces.face_sets import PhotoCrops, open_faces, split_indices
from jaxrepro.papers.scfegan.faces.map_records import decode_maps, encode_maps, read_face_manifest
from tests.papers.scfegan import drawn_faces

RECIPE = MapRecipe(32)


def write(folder, output, **options):
    defaults = {"shard_size": 4, "held_out_every": 4}
    return map_writer.write_faces(f"folder:{folder}", output, RECIPE, **{**defaults, **options})


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Six faces, two of them with a label map, a copy of one, and a damaged file."""
    root = tmp_path_factory.mktemp("faces")
    folder = drawn_faces.write_faces(root / "pictures", 6)
    (folder / "copy.png").write_bytes((folder / "03.png").read_bytes())
    (folder / "damaged.jpg").write_bytes(b"junk")
    labels = root / "labels"
    labels.mkdir()
    for number in (1, 4):
        Image.fromarray(drawn_faces.face(64, shift=number)[1]).save(labels / f"{number:02d}.png")
    done = []
    manifest, report = write(
        folder, root / "set", labels=str(labels), on_progress=lambda *x: done.append(x)
    )
    return root, manifest, report, done


def test_maps_are_those_of_the_pictures(prepared):
    root, _, report, done = prepared
    faces = open_faces(f"faces:{root / 'set'}", split="all", size=32)
    assert faces.names == ("00", "01", "02", "03", "04", "05")
    assert (faces.aligned, faces.num_sketches, len(faces)) == (True, 4, 6)
    for index in (1, 2):
        picture = np.asarray(Image.open(root / "pictures" / f"0{index}.png"))
        small = np.rint(picture.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) + 1e-9)
        item = faces[index]
        np.testing.assert_allclose(item["image"], small, atol=0.51)
        labels = None
        if index == 1:
            labels = np.asarray(Image.open(root / "labels" / "01.png"))[1::2, 1::2]
            assert (item["regions"] & 4).all()
            np.testing.assert_allclose(
                (item["regions"] & 1).mean(), (labels == 17).mean(), atol=0.02
            )
        else:
            expected = derive_maps(item["image"], None, RECIPE)
            for name, values in expected.items():
                np.testing.assert_array_equal(item[name], values)
    assert (report.num_derived, report.num_kept, report.num_without_labels) == (6, 0, 4)
    assert done[0] == (0, 7) and done[-1] == (7, 7)
    with pytest.raises(IndexError):
        faces[6]


def test_small_pictures_and_other_files_are_said(tmp_path):
    folder = drawn_faces.write_faces(tmp_path / "pictures", 3)
    Image.new("RGB", (20, 90)).save(folder / "small.png")
    (folder / "a.heic").write_bytes(b"")
    manifest, report = write(folder, tmp_path / "set")
    assert manifest.settings["not_read"] == f"not read in {folder}: 1 .heic"
    assert manifest.num_enlarged == 1
    assert read_face_manifest(tmp_path / "set").num_enlarged == 1
    lines = prepare._summary(manifest, report, tmp_path / "set", 1.0)
    assert "warning: 1 pictures were smaller than 32 and were enlarged" in lines


def test_damaged_pictures_and_copies_are_listed(prepared):
    root, manifest, _, _ = prepared
    folder = root / "pictures"
    assert len(manifest.left_out) == 2
    assert manifest.left_out[0] == f"{folder / 'copy.png'}: the same content as {folder / '03.png'}"
    assert manifest.left_out[1].startswith(f"{folder / 'damaged.jpg'}: not a readable image")


def test_the_split_goes_by_names(prepared):
    root, *_ = prepared
    held_out = open_faces(f"faces:{root / 'set'}", split="held_out", size=32)
    train = open_faces(f"faces:{root / 'set'}", split="train", size=32)
    assert held_out.names == ("00", "04") and train.names == ("01", "02", "03", "05")
    again = pickle.loads(pickle.dumps(train))
    np.testing.assert_array_equal(again[3]["color"], train[3]["color"])
    assert repr(again) == repr(train)
    # The split of the 564 synthetic faces that runs are measured with.
    indices = [split_indices(564, split=s, held_out_every=20) for s in ("train", "held_out")]
    assert [len(x) for x in indices] == [535, 29] and indices[1][:2].tolist() == [0, 20]
    assert len(split_indices(5, split="held_out", held_out_every=0)) == 0


def test_only_what_is_missing_is_derived_again(tmp_path):
    folder = drawn_faces.write_faces(tmp_path / "pictures", 6)
    output = tmp_path / "set"
    write(folder, output)
    before = content(output)
    _, report = write(folder, output)
    assert content(output) == before and (report.num_derived, report.num_kept) == (0, 6)

    # One shard is damaged and a picture is added.
    damaged, kept = sorted(output.glob("*.array_record"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(InputError, match="missing or damaged; run the same"):
        open_faces(f"faces:{output}", split="all", size=32)
    lost = len(json.loads(damaged.with_suffix(".json").read_bytes())["keys"])
    written = kept.stat().st_mtime_ns
    (output / ".maps-half.array_record.77").write_bytes(b"half")
    Image.fromarray(drawn_faces.face(64, shift=9)[0]).save(folder / "0a.png")
    manifest, report = write(folder, output)
    assert (report.num_derived, report.num_kept) == (lost + 1, 6 - lost)
    assert kept.stat().st_mtime_ns == written and not list(output.glob(".*"))
    assert [name for name, _ in manifest.pictures] == ["00", "01", "02", "03", "04", "05", "0a"]
    faces = open_faces(f"faces:{output}", split="all", size=32)
    np.testing.assert_array_equal(faces[6]["image"].shape, (32, 32, 3))

    # Another split derives nothing; with a picture removed the rest is kept.
    (folder / "00.png").unlink()
    manifest, report = write(folder, output, held_out_every=2)
    assert (report.num_derived, report.num_kept) == (0, 6) and report.unused_bytes == 0
    assert read_face_manifest(output) == manifest


def test_an_interrupted_run_ends_in_the_files_of_an_uninterrupted_one(prepared, tmp_path):
    # A picture that cannot be read must not shift those after it into other shards.
    folder, output = tmp_path / "pictures", tmp_path / "set"
    shutil.copytree(prepared[0] / "pictures", folder)
    (folder / "damaged.jpg").rename(folder / "00a.jpg")
    write(folder, output, shard_size=2)
    expected = content(output)
    (output / "manifest.json").unlink()
    lost = sorted(output.glob("*.array_record"))[1]
    lost.unlink()
    (output / f".{lost.name}.77").write_bytes(b"half")
    write(folder, output, shard_size=2)
    assert content(output) == expected


def test_keys_change_with_content_and_recipe():
    key = RECIPE.key(b"picture")
    assert key == MapRecipe(32).key(b"picture")
    others = [
        RECIPE.key(b"other"),
        RECIPE.key(b"picture", b"labels"),
        MapRecipe(33).key(b"picture"),
    ]
    others.append(MapRecipe(32, aligned=False).key(b"picture"))
    others.append(MapRecipe(32, edge_weights="0a").key(b"picture"))
    assert len({key, *others}) == 6


def test_what_cannot_be_written_is_named(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    with pytest.raises(InputError, match="no picture of the types"):
        write(folder, tmp_path / "set")
    drawn_faces.write_faces(folder, 1)
    with pytest.raises(InputError, match="held_out_every=1"):
        write(folder, tmp_path / "set", held_out_every=1)
    with pytest.raises(InputError, match="num_workers=0"):
        write(folder, tmp_path / "set", num_workers=0)
    with locked_folder(tmp_path / "set"), pytest.raises(InputError, match="another process"):
        write(folder, tmp_path / "set")
    (tmp_path / "set" / "letter.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(letter.txt\)"):
        write(folder, tmp_path / "set")
    (tmp_path / "set" / "letter.txt").unlink()
    (tmp_path / "set" / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(InputError, match=r"holds other files \(manifest.json\)"):
        write(folder, tmp_path / "set")
    (tmp_path / "set" / "manifest.json").unlink()
    (folder / "00.png").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"none of its 1 pictures .*00\.png: not a readable"):
        write(folder, tmp_path / "set")


def test_what_cannot_be_opened_is_named(prepared, tmp_path):
    root, *_ = prepared
    spec = f"faces:{root / 'set'}"
    with pytest.raises(InputError, match="there is no split 'test'"):
        open_faces(spec, split="test", size=32)
    with pytest.raises(InputError, match="prepared with 32 pixels and 64 are asked for"):
        open_faces(spec, split="train", size=64)
    with pytest.raises(InputError, match="unknown pictures 'folder:x'"):
        open_faces("folder:x", split="train", size=32)
    with pytest.raises(InputError, match="holds no prepared faces"):
        open_faces(f"faces:{tmp_path}", split="train", size=32)
    for text in ("{", '{"format": "scfegan faces 1"}', '{"format": 2}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(InputError, match=r"damaged|has the format 2"):
            open_faces(f"faces:{tmp_path}", split="train", size=32)


def test_damaged_records_are_named():
    item = derive_maps(drawn_faces.face(32)[0], None, RECIPE)
    record = encode_maps(item)
    for name, values in decode_maps(record, size=32, name="it").items():
        np.testing.assert_array_equal(values, item[name])
    for broken in (b"", b"JXM2" + record[4:], record[:-1], record[:20]):
        with pytest.raises(InputError, match="it: not a record of prepared faces; run the same"):
            decode_maps(broken, size=32, name="it")
    with pytest.raises(InputError, match="it, image: not a readable image"):
        decode_maps(record[:20] + bytes(len(record) - 20), size=32, name="it")
    with pytest.raises(InputError, match=r"it, image: shape \(32, 32, 3\)"):
        decode_maps(record, size=16, name="it")


def test_photo_crops_need_no_data():
    crops = PhotoCrops("all", 24)
    assert len(crops) == 300 and len(set(crops.names)) == 300
    train, held_out = (open_faces("photo_crops", split=s, size=24) for s in ("train", "held_out"))
    assert (len(train), len(held_out), train.aligned) == (270, 30, False)
    shown = [{name.split()[1] for name in faces.names} for faces in (train, held_out)]
    assert shown[1] == {"astronaut", "cat", "coffee"} and not shown[0] & shown[1]
    item = train[7]
    assert item["image"].shape == (24, 24, 3) and not item["regions"].any()
    np.testing.assert_array_equal(item["image"], crops[7]["image"])
    np.testing.assert_array_equal(held_out[3]["color"], crops[273]["color"])
    assert (train[2]["image"] != train[7]["image"]).any()
