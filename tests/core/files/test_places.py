import logging
import pathlib

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.files import places
from jaxrepro.core.files.whole_files import write_atomically


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://", "names no folder in a bucket; write s3://BUCKET/FOLDER"),
        ("s3://bucket", "names no folder in a bucket"),
        ("s3://bucket//", "names no folder in a bucket"),
        ("s3:/bucket/run", "names no folder in a bucket; write s3://BUCKET/FOLDER"),
        ("s3://bucket/../run", "names no folder in a bucket"),
        ("az://bucket/run", "allowed are a folder of this machine, gs://BUCKET/FOLDER and s3://"),
        ("https://host/run", "in a store that is not known"),
        ("gs://bucket/run", r"needs the package gcsfs; .* pip install 'jaxrepro\[gcs\]'"),
    ],
)
def test_what_is_no_place_is_said(text, message, store, monkeypatch):
    find_spec = places.importlib.util.find_spec
    monkeypatch.setattr(
        places.importlib.util, "find_spec", lambda n: None if n == "gcsfs" else find_spec(n)
    )
    with pytest.raises(InputError, match=message):
        places.place(text)


def test_local_paths_are_what_they_were(tmp_path):
    for text in ("runs/a", "~/a", "/a/b:/c", "a b", "runs/s3:/x"):
        assert places.place(text) == pathlib.Path(text)
        assert isinstance(places.place(text), pathlib.Path)
    with pytest.raises(InputError, match="only the workdir of a run may be in an object store"):
        write_atomically(pathlib.Path("s3://bucket/page.html"), b"")
    assert not pathlib.Path("s3:").exists()


def test_files_of_a_store(tmp_path, store):
    folder = places.place("s3://bucket/run")
    assert places.scheme_of(folder) == "s3" and folder.name == "run"
    places.create_object(folder / "a", b"1")
    with pytest.raises(FileExistsError):
        places.create_object(folder / "a", b"2")
    places.replace_object(folder / "a", b"3")
    assert places.read_bytes(folder / "a") == b"3"
    with pytest.raises(FileNotFoundError):
        places.read_text(folder / "none")

    source = tmp_path / "source"
    for name in ("done", "deep/x", "y"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    places.upload(source, folder / "up", last="done")
    assert list(store.texts())[-1] == "bucket/run/up/done"
    assert places.files_below(folder / "up") == ["deep/x", "done", "y"]
    assert places.folder_size(folder / "up") == places.folder_size(source) == 4 + 6 + 1
    places.download(folder / "up", tmp_path / "copy", ["deep/x"])
    assert [p.read_text() for p in (tmp_path / "copy").rglob("x")] == ["deep/x"]
    # As a move leaves it that was cut off: without the last file it is nothing.
    places.replace_object(folder / "to/up/stale", b"")
    places.move_folder(folder / "up", folder / "to" / "up", last="done")
    assert store.texts() == {
        "bucket/run/a": b"3",
        "bucket/run/to/up/deep/x": b"deep/x",
        "bucket/run/to/up/y": b"y",
        "bucket/run/to/up/done": b"done",
    }
    assert list(store.texts())[-1] == "bucket/run/to/up/done"
    # What is whole stays.
    places.replace_object(folder / "up/done", b"of another branch")
    places.move_folder(folder / "up", folder / "to" / "up", last="done")
    assert places.files_below(folder / "up") == []
    assert places.read_bytes(folder / "to/up/done") == b"done"
    assert places.read_bytes(folder / "to/up.1/done") == b"of another branch"


def test_what_a_library_raises_is_an_input_error_of_one_line(store):
    class CredentialsError(Exception):
        pass

    store.failure = CredentialsError("Unable to locate\ncredentials")
    path = places.place("s3://bucket/run/config.json")
    with pytest.raises(InputError, match=r"cannot write s3://bucket/run/config\.json: Credentials"):
        write_atomically(path, b"{}")
    # What gcsfs says of a bucket that is not there: the address that it asked.
    store.failure = FileNotFoundError("https://storage.googleapis.com/upload/storage/v1/b/bucket/o")
    with pytest.raises(InputError, match=r"cannot write .*: there is no bucket bucket$"):
        write_atomically(path, b"{}")
    write_atomically(path, b"{}")
    assert store.texts() == {"bucket/run/config.json": b"{}"}


def test_what_comes_out_of_a_library_of_a_store_is_told_from_errors_of_its_own():
    for module, expected in (("gcsfs.core", True), ("s3fs", True), ("gcsfs2", False)):
        space = {"__name__": module}
        exec("def ask():\n    raise RuntimeError('refused')", space)
        with pytest.raises(RuntimeError) as raised:
            space["ask"]()
        assert places.raised_by_store(raised.value) == expected


def test_what_a_library_logs_besides_is_not_heard(store, caplog):
    for name in ("fsspec", "gcsfs", "google.auth", "s3fs"):
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(f"{name}.core").error("before a store is used")
    assert len(caplog.records) == 4
    places.place("s3://bucket/run")
    for name in ("fsspec", "gcsfs", "google.auth", "s3fs"):
        logging.getLogger(f"{name}.core").error("at every request")
    assert len(caplog.records) == 4


def test_paths_that_libraries_in_c_cannot_take_are_refused(tmp_path):
    places.check_is_text(tmp_path / "é")
    with pytest.raises(InputError, match="is not UTF-8.*another name"):
        places.check_is_text(tmp_path / "caf\udce9")


def test_folders_of_nobody_are_refused():
    assert places.local_path("a/~b") == pathlib.Path("a/~b")
    with pytest.raises(InputError, match="no folder ~nobody-at-all of a user"):
        places.local_path("~nobody-at-all/a")
