"""Where files live: in a folder of this machine, or in an object store (gs://, s3://).

A local path is a `pathlib.Path`, one in a store an `etils.epath.Path`; both have the same operators
and most of the same methods. What differs between a disk and a store is here.
"""

import contextlib
import errno
import importlib.util
import itertools
import logging
import os
import pathlib
import re
import shutil
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jaxrepro.core.errors import InputError

if TYPE_CHECKING:
    from etils import epath

    Place = pathlib.Path | epath.Path
else:
    # epath takes a tenth of a second to import, which a command with a local folder need not wait.
    Place = pathlib.PurePath

# Scheme -> (package that speaks to the store, this project's extra with it).
_STORES = {"gs": ("gcsfs", "gcs"), "s3": ("s3fs", "s3")}
_TENSORSTORE_LIMITS = {
    "TENSORSTORE_CURL_CONNECT_TIMEOUT_SECONDS": "20",
    "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS": "30",
    "TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES": "1",
}
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)|(?P<cut>gs|s3):/")


def place(path: str | os.PathLike[str]) -> Place:
    """Returns the folder or file that a path names: "runs/a", "gs://bucket/a" or "s3://bucket/a".

    Raises InputError for another scheme, a store without its package, or no folder in a bucket.
    """
    text = os.fspath(path)
    match = _SCHEME.match(text)
    if match is None:
        return pathlib.Path(text)
    scheme = match["scheme"] or match["cut"]
    if scheme not in _STORES:
        raise InputError(
            f"{text} is in a store that is not known here; allowed are a folder of this machine, "
            "gs://BUCKET/FOLDER and s3://BUCKET/FOLDER"
        )
    bucket, _, key = (match["rest"] or "").partition("/")
    if not bucket or not key.strip("/") or {".", ".."} & set(key.split("/")):
        raise InputError(f"{text} names no folder in a bucket; write {scheme}://BUCKET/FOLDER")
    package, extra = _STORES[scheme]
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"{text} needs the package {package}; install it with pip install 'jaxrepro[{extra}]'"
        )
    _prepare_libraries(scheme)
    from etils import epath

    return epath.Path(text)


def _prepare_libraries(scheme: str) -> None:
    import fsspec.config

    # Where TensorFlow is installed, epath would read and write through it.
    os.environ["EPATH_USE_TF"] = "false"
    for protocol in ("gs", "gcs", "s3"):
        # Other processes write to the folder too, and a listing kept from before hides that.
        fsspec.config.conf.setdefault(protocol, {}).setdefault("use_listings_cache", False)
    if scheme == "gs":
        import aiohttp  # pyright: ignore[reportMissingImports] - it comes with gcsfs.

        # Left to itself it waits for minutes for a store that has stopped to answer, and gives up.
        # With a limit what is silent for half a minute is tried again.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=30)
        for protocol in ("gs", "gcs"):
            fsspec.config.conf[protocol].setdefault("requests_timeout", timeout)
        # The same for TensorStore, which writes and reads arrays and has no limit of its own.
        for name, value in _TENSORSTORE_LIMITS.items():
            os.environ.setdefault(name, value)
    # They raise what they cannot do, and besides log it at length, some of it at each request.
    for library in ("fsspec", "gcsfs", "google.auth", "s3fs"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


def local_path(path: str) -> pathlib.Path:
    """Returns the path of this machine that a user gave, "~" as the user's folder.

    Raises InputError where "~" or "~NAME" is nobody's folder.
    """
    try:
        return pathlib.Path(path).expanduser()
    except RuntimeError as error:
        user = path.partition("/")[0]
        raise InputError(
            f"{path}: there is no folder {user} of a user here; write the whole path"
        ) from error


def check_is_text(path: Place) -> None:
    """Raises InputError for a folder whose path is not UTF-8.

    Libraries in C++ write checkpoints and records, and take no other. Python's own files can have
    any name.
    """
    try:
        str(path.absolute() if isinstance(path, pathlib.Path) else path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the path {path} is not UTF-8, which the libraries that write and read such folders "
            "need; give the folder another name"
        ) from error


def refuse_url(path: pathlib.Path) -> None:
    """Raises InputError if a path of this machine was made of an address such as s3://bucket/a."""
    if path.parts and path.parts[0] in {f"{scheme}:" for scheme in _STORES}:
        raise InputError(
            f"{path} would be a folder named {path.parts[0]!r} on this machine; only the workdir "
            "of a run may be in an object store"
        )


def raised_by_store(error: BaseException) -> bool:
    """Returns whether `error` comes out of a library that speaks to a store."""
    frames = traceback.walk_tb(error.__traceback__)
    names = (frame.f_globals.get("__name__", "") for frame, _ in frames)
    packages = {package for package, _ in _STORES.values()}
    return any(name.partition(".")[0] in packages for name in names)


def is_remote(path: Place) -> bool:
    """Returns whether `path` is in an object store."""
    return not isinstance(path, pathlib.Path)


def scheme_of(path: Place) -> str:
    """Returns "gs" or "s3", or "" for a path of this machine."""
    return str(path).partition("://")[0] if is_remote(path) else ""


def filesystem(path: Place) -> Any:
    """Returns the fsspec file system of a `path` in a store, which takes `str(path)`."""
    import fsspec

    return fsspec.filesystem(scheme_of(path))


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """A context in which all that a store's library raises is an OSError, as for a disk."""
    try:
        yield
    except (OSError, InputError):
        raise
    except Exception as error:  # Wrong credentials, HTTP errors: each library has its own types.
        raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from error


@contextlib.contextmanager
def reported(what: str) -> Iterator[None]:
    """A context in which all that a store's library raises is an InputError "WHAT: reason"."""
    try:
        with store_errors():
            yield
    except OSError as error:
        raise InputError(f"{what}: {reason(error)}") from error


def reason(error: OSError) -> str:
    """Returns what went wrong, in the system's words or the store's."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


def read_bytes(path: Place) -> bytes:
    """Returns the content of a file; raises OSError, FileNotFoundError if there is none."""
    if isinstance(path, pathlib.Path):
        return path.read_bytes()
    with store_errors():
        return filesystem(path).cat_file(str(path))


def exists(path: Place) -> bool:
    """Returns whether there is a file or folder; InputError where a store does not say."""
    if isinstance(path, pathlib.Path):
        return path.exists()
    # The libraries' own question takes a store that does not answer for one without the file.
    with reported(f"cannot look for {path}"):
        try:
            filesystem(path).info(str(path))
        except FileNotFoundError:
            return False
    return True


def read_text(path: Place) -> str:
    """Returns the content of a UTF-8 file; raises as `read_bytes`, and UnicodeDecodeError."""
    return read_bytes(path).decode()


@contextlib.contextmanager
def _writing(path: Place) -> Iterator[None]:
    """A context as `store_errors` in which the library's word for no such bucket is a sentence."""
    try:
        with store_errors():
            yield
    except FileNotFoundError as error:
        bucket = str(path).partition("://")[2].partition("/")[0]
        raise FileNotFoundError(errno.ENOENT, f"there is no bucket {bucket}") from error


def replace_object(path: Place, content: bytes) -> None:
    """Writes an object of a store, which is whole or the old one: never a part. Raises OSError."""
    with _writing(path):
        filesystem(path).pipe_file(str(path), content)


def create_object(path: Place, content: bytes) -> None:
    """Writes an object of a store that was not there; raises FileExistsError if it was, OSError."""
    with _writing(path):
        filesystem(path).pipe_file(str(path), content, mode="create")


def modified(path: Place) -> float:
    """Returns when a file was last written, in seconds since 1970."""
    if isinstance(path, pathlib.Path):
        return path.stat().st_mtime
    with store_errors():
        return filesystem(path).modified(str(path)).timestamp()


def make_folder(path: Place) -> None:
    """Makes a folder and those above; a store has none to make, and a bucket must be there."""
    if isinstance(path, pathlib.Path):
        path.mkdir(parents=True, exist_ok=True)


def upload(source: pathlib.Path, target: Place, last: str | None = None) -> None:
    """Copies the files of the folder `source` of this machine to `target` in a store.

    last: the name of a file that comes after all others.
    """
    with store_errors():
        store = filesystem(target)
        files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (str(path) == last, path)):
            store.put_file(str(source / path), str(target / path))


def download(source: Place, target: pathlib.Path, names: list[str]) -> None:
    """Copies files of the folder `source` in a store, by their names below it, to `target`."""
    with store_errors():
        store = filesystem(source)
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            store.get_file(str(source / name), str(target / name))


def files_below(folder: Place) -> list[str]:
    """Returns the names, from `folder` on, of all files of a folder in a store, [] if none."""
    with store_errors():
        store = filesystem(folder)
        root = store._strip_protocol(str(folder))
        found = store.find(str(folder))
    return sorted(str(pathlib.PurePosixPath(name).relative_to(root)) for name in found)


def checksums(folder: Place) -> dict[str, str]:
    """Returns the store's own checksum of every file of a folder, by their names in it.

    "md5:..." where it has one, else "crc32c:...", both in base64.
    """
    with store_errors():
        store = filesystem(folder)
        root = store._strip_protocol(str(folder))
        found = store.find(str(folder), detail=True)
    return {
        str(pathlib.PurePosixPath(name).relative_to(root)): (
            f"md5:{info['md5Hash']}" if "md5Hash" in info else f"crc32c:{info.get('crc32c')}"
        )
        for name, info in found.items()
    }


def folder_size(folder: Place) -> int:
    """Returns how many bytes the files of a folder have."""
    if isinstance(folder, pathlib.Path):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with store_errors():
        return int(filesystem(folder).du(str(folder)))


def remove_folder(folder: Place, first: str | None = None) -> None:
    """Removes a folder and what is in it, if it is there.

    first: a file that goes before the others where that is not one step: a mark that the rest is
    whole.
    """
    if isinstance(folder, pathlib.Path):
        shutil.rmtree(folder, ignore_errors=not folder.exists())
        return
    with store_errors():
        store = filesystem(folder)
        names = files_below(folder)
        if first in names:
            store.rm_file(str(folder / first))
        if rest := [str(folder / name) for name in names if name != first]:
            store.rm(rest)


def move_folder(source: Place, target: Place, last: str) -> None:
    """Moves a folder within one disk or store to `target`; to `target`.1, .2, ... if that is there.

    last: a file that comes after the others and goes before them, where that is not one step: if
    this is cut off, the copy without it is not whole, and the source without it not any more. A
    `target` in a store that lacks it is replaced.
    """
    numbered = (target.with_name(f"{target.name}.{number}") for number in itertools.count(1))
    targets = itertools.chain([target], numbered)
    if isinstance(source, pathlib.Path):
        target.parent.mkdir(exist_ok=True)
        shutil.move(source, next(path for path in targets if not exists(path)))
        return
    with store_errors():
        store = filesystem(source)
        target = next(path for path in targets if not exists(path / last))
        remove_folder(target)
        for name in sorted(files_below(source), key=lambda name: name == last):
            store.cp_file(str(source / name), str(target / name))
    remove_folder(source, first=last)
