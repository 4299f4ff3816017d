"""Names of data sets to sources."""

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.bundled import DigitsSource, PhotosSource
from jaxrepro.data.sets.described import DescribedSource
from jaxrepro.data.sets.folder import FolderSource
from jaxrepro.data.sets.idx_files import IdxSource
from jaxrepro.data.sets.records import RecordSource
from jaxrepro.data.sets.tfds_source import TfdsSource
from jaxrepro.data.source import Item, Source

__all__ = ["Item", "Source", "open_source"]

_ALLOWED = (
    "digits, photos, folder:DIR, idx:DIR, tfds:NAME, tfds:NAME@DATA_DIR, array_record:DIR (made "
    "by python -m jaxrepro.prepare)"
)


def open_source(spec: str, *, split: str = "train", channels: int = 3) -> Source:
    """The source that `spec` names; items are {"image": uint8 [H, W, channels], "label": int32}.

    Args:
      spec: `digits`, `photos`, `folder:DIR`, `idx:DIR`, `tfds:NAME`, `tfds:NAME@DATA_DIR` or
        `array_record:DIR`.
      split: "train" or another split of the source; with tfds also "train[:90%]".
      channels: 3 for RGB, 1 for grey; images in the other form are converted.

    Raises:
      InputError: for an unknown form, and if the data set is missing, unfinished or damaged.
    """
    if channels not in (1, 3):
        raise InputError(f"channels={channels} given; allowed are 1 (grey) and 3 (RGB)")
    kind, _, place = spec.partition(":")
    if spec == "digits":
        return DigitsSource(split=split, channels=channels)
    if spec == "photos":
        return PhotosSource(split=split, channels=channels)
    if kind == "folder" and place:
        return FolderSource(place, split=split, channels=channels)
    if kind == "idx" and place:
        return IdxSource(place, split=split, channels=channels)
    if kind == "array_record" and place:
        return RecordSource(place, split=split, channels=channels)
    if kind == "tfds" and place:
        name, _, data_dir = place.partition("@")
        return TfdsSource(name, data_dir=data_dir or None, split=split, channels=channels)
    if kind == "described" and place.isdecimal():
        return DescribedSource(int(place), split=split, channels=channels)
    raise InputError(f"unknown data source {spec!r}; allowed are {_ALLOWED}")
