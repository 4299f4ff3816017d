"""Features of a set of images, and a cache of those of real images."""

import dataclasses
import functools
import hashlib
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.cache import kept, named_as_cache
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.data.views import AsTrained, content_fingerprint, random_subset
from jaxrepro.metrics.features.feature_network import FeatureNetwork
from jaxrepro.metrics.samples.frechet import Moments

_FORMAT = 1


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSet:
    """What a feature network says about N images.

    features: float32 [N, D]; logits: float32 [N, K]; labels: int32 [N], of the images.
    """

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def moments(self) -> Moments:
        """Mean and scatter of the features, in float64."""
        return Moments.of(self.features)

    def first(self, num: int) -> "FeatureSet":
        """The first `num` images, all where there are no more."""
        return FeatureSet(self.features[:num], self.logits[:num], self.labels[:num])


@dataclasses.dataclass(frozen=True, eq=False)
class ReferenceSet(FeatureSet):
    """Features of real images, with the moments that took long to sum."""

    real_moments: Moments

    @functools.cached_property
    def moments(self) -> Moments:
        """Mean and scatter of the features, in float64."""
        return self.real_moments


def reference_set(
    network: FeatureNetwork, source: Source, transform: Transform, num_images: int, batch_size: int
) -> ReferenceSet:
    """Returns the features of real images as training shows them, from the cache if it has them.

    source: where they are; `num_images` of them are taken at random, all where there are no more.
    batch_size: images passed through the network at once.

    A damaged file in the cache is said and made again. Raises InputError where it cannot be
    written.
    """
    description = {
        "format": _FORMAT,
        "fingerprint": content_fingerprint(source),
        "transform": transform.description,
        "network": network.name,
        "num_images": min(num_images, len(source)),
    }
    key = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]
    path = kept("references", f"{network.name}-{key}.npz")
    if path.exists():
        try:
            return _checked(read_arrays(path), network, description["num_images"])
        except InputError as error:
            print(f"the reference in the cache cannot be used and is made again: {error}")
    # The order of a random subset is random too: scores over splits need that.
    images = random_subset(AsTrained(source, transform), num_images)
    made = extract(network, images, batch_size)
    moments = Moments.of(made.features)
    arrays = {
        **{name: getattr(made, name) for name in ("features", "logits", "labels")},
        "mean": moments.mean,
        "scatter": moments.scatter,
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with named_as_cache(path):
        write_atomically(path, buffer.getvalue())
    return ReferenceSet(made.features, made.logits, made.labels, moments)


def extract(network: FeatureNetwork, images: Source, batch_size: int) -> FeatureSet:
    """Returns what `network` says about all `images`, in order, on all devices of this process."""
    mesh = mesh_lib.make_mesh(devices=jax.local_devices())
    rows, whole = mesh_lib.batch_sharding(mesh), mesh_lib.replicated(mesh)
    batch_size = math.ceil(batch_size / mesh.size) * mesh.size
    apply = jax.jit(network.apply, in_shardings=(whole, rows), out_shardings=rows)
    variables = jax.device_put(network.variables, whole)
    parts = []
    for batch in eval_batches(images, Transform(prepare=dict), batch_size):
        out = jax.device_get(apply(variables, jax.device_put(batch["image"], rows)))
        mask = batch["mask"]
        parts.append((out.features[mask], out.logits[mask]))
    features, logits = (np.concatenate(x) for x in zip(*parts, strict=True))
    return FeatureSet(features, logits, images.labels)


def _checked(
    arrays: Mapping[str, np.ndarray], network: FeatureNetwork, num_images: int
) -> ReferenceSet:
    num_features = network.num_features
    expected: dict[str, tuple[tuple[int, ...], Any]] = {
        "features": ((num_images, num_features), np.float32),
        "logits": ((num_images, network.num_classes), np.float32),
        "labels": ((num_images,), np.int32),
        "mean": ((num_features,), np.float64),
        "scatter": ((num_features, num_features), np.float64),
    }
    given = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if given != expected:
        raise InputError(f"it holds {given} instead of {expected}")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InputError("it holds NaN or infinite values")
    moments = Moments(num_images, arrays["mean"], arrays["scatter"])
    return ReferenceSet(arrays["features"], arrays["logits"], arrays["labels"], moments)
