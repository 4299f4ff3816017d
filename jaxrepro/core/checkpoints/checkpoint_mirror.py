"""Checkpoints in a store that Orbax cannot write to, by way of this machine.

Orbax writes to gs:// itself and knows no s3://. There it works in a folder of this machine, from
which each finished checkpoint is uploaded in the background. One counts as saved once its last file
is there, `commit_success.txt`, the name that Orbax gives it on gs://.
"""

import pathlib
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor

import jax

from jaxrepro.core.checkpoints.digests import COMMITTED
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import (
    Place,
    download,
    files_below,
    is_remote,
    move_folder,
    reason,
    remove_folder,
    replace_object,
    reported,
    scheme_of,
    upload,
)
from jaxrepro.core.files.staging import StagingFolder

# Folders of array data in a checkpoint: what is large, and read only when it is restored.
_ARRAY_DATA = "d"


def needs_mirror(folder: Place) -> bool:
    """Returns whether Orbax cannot write to `folder` itself."""
    return is_remote(folder) and scheme_of(folder) != "gs"


def remove_unfinished(folder: Place) -> None:
    """Removes from `folder`, in a store, the checkpoints that a killed process left without a mark.

    Before Orbax looks: it would remove them while it lists them, and of a folder whose last object
    goes meanwhile it says that there is none. Raises InputError where the store refuses.
    """
    with reported(f"cannot remove what is not whole in {folder}"):
        names = set(files_below(folder))
        for step in {name.partition("/")[0] for name in names}:
            if step.isdigit() and f"{step}/{COMMITTED}" not in names:
                remove_folder(folder / step)


class CheckpointMirror:
    """A folder of this machine that stands for the checkpoints `<folder>/<step>` in a store.

    local: what Orbax is given. It has every checkpoint of the store, at first without the arrays.
    """

    def __init__(self, folder: Place, *, read_only: bool):
        """Reads what is in the store; raises InputError if that cannot be, or by several processes.

        read_only: nothing in the store is changed; else what a killed upload left is removed.
        """
        if jax.process_count() > 1 and not read_only:
            raise InputError(
                f"several processes cannot write checkpoints to {folder}, each has a part of "
                "them; give a workdir on gs:// or on a disk that all share"
            )
        self._folder, self._read_only = folder, read_only
        self._staging = StagingFolder()
        self.local = self._staging.path / "checkpoints"
        self._uploads = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._upload: Future[None] | None = None
        # Steps whose arrays are on this machine.
        self._whole: set[int] = set()
        self._stored: set[int] = set()
        try:
            self._using_store(self._open)
        except BaseException:
            self._staging.close()
            raise

    def _open(self) -> None:
        files: dict[str, list[str]] = {}
        for name in files_below(self._folder):
            step, _, rest = name.partition("/")
            files.setdefault(step, []).append(rest)
        for step, names in files.items():
            if step.isdigit() and COMMITTED in names:
                small = [n for n in names if _ARRAY_DATA not in pathlib.PurePosixPath(n).parts]
                self._stored.add(int(step))
                download(self._folder / step, self.local / step, small)
            elif not self._read_only:
                remove_folder(self._folder / step)

    def fetch(self, step: int) -> None:
        """Brings all of the checkpoint of `step` here; raises InputError where it cannot."""
        if step in self._whole or step not in self._stored:
            return

        def fetch_all() -> None:
            source = self._folder / str(step)
            download(source, self.local / str(step), files_below(source))

        self._using_store(fetch_all)
        self._whole.add(step)

    def follow(self, steps: Collection[int]) -> None:
        """Makes the store's checkpoints those of `steps`, which are here, in the background.

        Raises InputError where the upload before this one failed.
        """
        self.wait()
        new, old = set(steps) - self._stored, self._stored - set(steps)
        self._upload = self._uploads.submit(self._change, new, old)
        self._whole |= new
        self._whole -= old
        self._stored = set(steps)

    def _change(self, new: Collection[int], old: Collection[int]) -> None:
        for step in sorted(new):
            target = self._folder / str(step)
            remove_folder(target, first=COMMITTED)
            upload(self.local / str(step), target, last=COMMITTED)
            replace_object(target / COMMITTED, b"")
        for step in old:
            remove_folder(self._folder / str(step), first=COMMITTED)

    def move(self, step: int, target: Place) -> None:
        """Moves the checkpoint of `step` to `target` in the store; here it is removed."""
        self.wait()
        source = self._folder / str(step)
        self._using_store(lambda: move_folder(source, target, last=COMMITTED))
        remove_folder(self.local / str(step))
        self._stored.discard(step)
        self._whole.discard(step)

    def wait(self) -> None:
        """Waits for the upload; raises InputError if it failed."""
        if self._upload is not None:
            upload, self._upload = self._upload, None
            self._using_store(upload.result)

    def close(self) -> None:
        """Waits for the upload and removes the folder of this machine."""
        try:
            self.wait()
        finally:
            self._uploads.shutdown()
            self._staging.close()

    def _using_store(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            raise InputError(
                f"cannot read or write checkpoints in {self._folder}: {reason(error)}; those that "
                "are there are whole: give the same command again to continue"
            ) from error
