import os

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_jobs import find_drawings, find_jobs


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/sub/B.JPG", "in/sub/a.png", "in/notes.txt", "in/.hidden.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def pairs(found):
    return [(str(job.source), str(job.target)) for job in found.jobs]


def test_a_folder_is_taken_whole_and_its_structure_kept(photos):
    found = find_jobs("in", "out")
    assert pairs(found) == [
        ("in/a.png", "out/a.png"),
        ("in/sub/B.JPG", "out/sub/B.JPG"),
        ("in/sub/a.png", "out/sub/a.png"),
    ]
    assert found.left_out == {".txt": 1}


def test_patterns(photos):
    assert pairs(find_jobs("in/*.png", "out")) == [("in/a.png", "out/a.png")]
    assert pairs(find_jobs("in/**/*.png", "out")) == [
        ("in/a.png", "out/a.png"),
        ("in/sub/a.png", "out/sub/a.png"),
    ]
    # A file may be called like a pattern.
    (photos / "a[1].png").write_bytes(b"x")
    assert pairs(find_jobs("a[1].png", "b.png")) == [("a[1].png", "b.png")]


def test_one_picture_goes_to_a_file_or_into_a_folder(photos):
    assert pairs(find_jobs("in/a.png", "b.tif")) == [("in/a.png", "b.tif")]
    assert pairs(find_jobs("in/a.png", "new/")) == [("in/a.png", "new/a.png")]
    (photos / "there").mkdir()
    assert pairs(find_jobs("in/a.png", "there")) == [("in/a.png", "there/a.png")]


def test_what_an_earlier_command_made_is_no_input(photos):
    (photos / "in" / "large").mkdir()
    (photos / "in" / "large" / "old.png").write_bytes(b"x")
    assert all("large" not in source for source, _ in pairs(find_jobs("in", "in/large")))


def test_linked_folders_are_not_followed(photos):
    (photos / "in" / "loop").symlink_to(photos / "in", target_is_directory=True)
    assert len(find_jobs("in", "out").jobs) == 3


@pytest.mark.parametrize("existing", ["refuse", "skip", "replace"])
def test_no_input_is_ever_a_target_under_any_name(photos, existing):
    (photos / "same").symlink_to(photos / "in", target_is_directory=True)
    (photos / "soft.png").symlink_to("in/a.png")
    os.link("in/a.png", "hard.png")
    (photos / "out").mkdir()
    # The target of one picture is another picture.
    os.link("in/sub/a.png", "out/a.png")
    cases = [
        ("in", "in"),
        ("in", "./in/../in"),
        ("in", "same"),
        ("in", "out"),
        ("in/*.png", "same"),
        ("in/a.png", "in/"),
        ("in/a.png", "soft.png"),
        ("in/a.png", "hard.png"),
        ("soft.png", "in/a.png"),
    ]
    for source, target in cases:
        with pytest.raises(InputError, match="would replace the input in/|input soft.png"):
            find_jobs(source, target, existing=existing)


def test_existing_targets(photos):
    (photos / "out").mkdir()
    (photos / "out" / "a.png").symlink_to("nowhere")
    with pytest.raises(InputError, match="1 of 3 outputs exist already, such as out/a.png"):
        find_jobs("in", "out")
    skipped = find_jobs("in", "out", existing="skip")
    assert len(skipped.jobs) == 2 and skipped.done == 1
    assert len(find_jobs("in", "out", existing="replace").jobs) == 3


def test_two_pictures_with_one_target_are_refused(photos):
    (photos / "out").mkdir()
    (photos / "out" / "sub").symlink_to(photos / "out", target_is_directory=True)
    with pytest.raises(InputError, match="in/a.png and in/sub/a.png would both be written"):
        find_jobs("in", "out")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("gone", "out", "no file, folder or pattern 'gone'"),
        ("in/*.tif", "out", "no pictures in in/\\*.tif"),
        ("in/*.txt", "out", "no pictures in .* left out: 1 .txt"),
        ("in", "out.png", "out.png is a file; the pictures of in need a folder"),
        ("in/a.png", "out.gif", "out.gif is neither a folder nor a name that ends in .png"),
    ],
)
def test_errors(photos, source, target, message):
    with pytest.raises(InputError, match=message):
        find_jobs(source, target)


def drawings(*sources, existing="refuse"):
    return find_drawings(sources, "out", endings=(".png", ".json"), existing=existing)


def test_drawings_of_several_inputs_each_once(photos):
    found = drawings("in", "in/sub/B.JPG")
    assert pairs(found) == [
        ("in/a.png", "out/a.png"),
        ("in/sub/B.JPG", "out/sub/B.png"),
        ("in/sub/a.png", "out/sub/a.png"),
    ]
    assert found.left_out == {".txt": 1}
    assert pairs(drawings("in/sub/B.JPG")) == [("in/sub/B.JPG", "out/B.png")]


def test_drawings_replace_neither_inputs_nor_each_other(photos):
    with pytest.raises(InputError, match=r"in/a.png and in/sub/a.png would both be written to out"):
        drawings("in/a.png", "in/sub/a.png")
    with pytest.raises(InputError, match="would replace the input in/a.png"):
        find_drawings(["in/a.png"], "in", endings=(".png", ".json"))


def test_pictures_of_one_name_keep_their_endings(photos):
    (photos / "in/a.bmp").write_bytes(b"x")
    assert pairs(drawings("in")) == [
        ("in/a.bmp", "out/a.bmp.png"),
        ("in/a.png", "out/a.png.png"),
        ("in/sub/B.JPG", "out/sub/B.png"),
        ("in/sub/a.png", "out/sub/a.png"),
    ]
    (photos / "out").mkdir()
    (photos / "out/a.bmp.json").write_text("{}")
    with pytest.raises(InputError, match="1 of 4 outputs exist already, such as out/a.bmp.json"):
        drawings("in")
    with pytest.raises(InputError, match="in/a.png is a file"):
        find_drawings(["in/a.png"], "in/a.png", endings=(".png",))


def test_a_drawing_is_done_when_all_its_files_are_there(photos):
    (photos / "out/sub").mkdir(parents=True)
    (photos / "out/a.png").write_bytes(b"x")
    with pytest.raises(InputError, match="1 of 3 outputs exist already, such as out/a.png"):
        drawings("in")
    assert len(drawings("in", existing="skip").jobs) == 3
    (photos / "out/a.json").write_bytes(b"x")
    found = drawings("in", existing="skip")
    assert (len(found.jobs), found.done) == (2, 1)
    assert len(drawings("in", existing="replace").jobs) == 3
