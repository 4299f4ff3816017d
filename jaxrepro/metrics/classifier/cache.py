"""The classifier of a data set: trained once, then kept in the cache folder."""

import contextlib
import hashlib
import json
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from jaxrepro.core import loop
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.export import write_export
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import state_shardings, with_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.cache import kept, named_as_cache
from jaxrepro.core.guard.non_finite import NonFiniteError
from jaxrepro.core.loop import LoopSettings
from jaxrepro.core.machine.preemption import Stopped
from jaxrepro.core.run.workdir import InUseError, claimed
from jaxrepro.core.task import Every
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.data.views import content_fingerprint
from jaxrepro.metrics.classifier.model import ResNet, input_side
from jaxrepro.metrics.classifier.network import ClassifierNetwork, read_network, to_export
from jaxrepro.metrics.classifier.task import Classifier, ClassifierSettings, classifier_task

_FORMAT = 1


def classifier_network(
    source: Source,
    transform: Transform,
    resolution: int,
    settings: ClassifierSettings | None = None,
) -> ClassifierNetwork:
    """Returns the classifier of these images, trained now if the cache has none.

    source: the images, of two classes or more; transform: gives [resolution, resolution, C] ones.
    An interrupted training goes on where it was. Of two processes that want the same classifier
    one trains it and the other waits.

    Raises InputError where it cannot be trained or kept.
    """
    if source.num_classes < 2:
        raise InputError(
            f"{source!r} has one class, so no classifier can be trained on it; give the file of an "
            "Inception network with eval.features, or set eval.num_samples to 0"
        )
    settings = settings or ClassifierSettings.for_images(len(source))
    side = input_side(resolution)
    module = ResNet(source.num_classes, settings.blocks_per_stage, settings.width)
    task = classifier_task(
        module,
        side=side,
        resolution=resolution,
        source=source,
        transform=transform,
        settings=settings,
    )
    description = {
        "format": _FORMAT,
        "fingerprint": content_fingerprint(source),
        **task.model_card(),
    }
    key = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]
    folder = kept("classifiers", key)
    with named_as_cache(folder):
        network = _read(folder / "export") or _train(task, folder, description)
    print(
        f"features for measurements: {network.name}, held-out accuracy {network.accuracy:.3f} "
        f"({folder})"
    )
    return network


def _read(folder: pathlib.Path) -> ClassifierNetwork | None:
    if not folder.exists():
        return None
    try:
        return read_network(folder)
    except InputError as error:
        print(f"the classifier in the cache cannot be used and is made again: {error}")
        return None


def _train(task: Classifier, folder: pathlib.Path, config: Mapping[str, Any]) -> ClassifierNetwork:
    if jax.process_count() > 1:
        raise InputError(
            "the classifier for measurements is not in the cache, and is trained by one process "
            f"only: run python -m jaxrepro.evaluate once on one machine with {folder} on a shared "
            "disk (JAXREPRO_CACHE), or set eval.num_samples to 0"
        )
    total = task.settings.total_steps
    loop_settings = LoopSettings(
        seed=0,
        total_steps=total,
        checkpoint=Every(max(total // 4, 1)),
        keep=1,
        keep_period=0,
        log=Every(max(total // 20, 1)),
        profile_at=0,
        fsdp=1,
    )
    export = folder / "export"
    with _claimed_when_free(folder, config):
        # The process that was waited for may have made it.
        if (network := _read(export)) is not None:
            return network
        shutil.rmtree(export, ignore_errors=True)
        print(
            f"training a classifier of {task.source!r} for measurements: {task.module.depth} "
            f"layers, {total} steps; kept in {folder}"
        )
        began = time.perf_counter()
        try:
            devices = _devices_for(task.settings.batch_size)
            results = loop.train(task, loop_settings, folder, devices=devices)
        except Stopped as stopped:
            print(
                f"the classifier is saved at step {stopped.step} of {total}; the same command "
                "continues"
            )
            sys.exit(stopped.status)
        except NonFiniteError as error:
            raise InputError(f"the classifier for measurements: {error}") from error
        state = _restore(task, loop_settings, folder)
        variables = jax.device_get(task.export(state)["classifier"])
        write_export(export, to_export(task.model_card(), variables, results["held_out/accuracy"]))
        print(f"trained the classifier in {time.perf_counter() - began:.0f} s")
    return read_network(export)


def _devices_for(batch_size: int) -> list[Any]:
    """Returns as many devices as there are that the batch divides over: it is part of the key."""
    devices = jax.devices()
    return devices[: max(n for n in range(1, len(devices) + 1) if batch_size % n == 0)]


@contextlib.contextmanager
def _claimed_when_free(folder: pathlib.Path, config: Mapping[str, Any]) -> Iterator[None]:
    told = False
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(claimed(folder, config, chosen_by="JAXREPRO_CACHE"))
            except InUseError:
                if not told:
                    print(f"waiting for another process that trains the classifier in {folder}")
                told = True
                time.sleep(0.5)
                continue
            yield
            return


def _restore(task: Classifier, settings: LoopSettings, folder: pathlib.Path) -> Any:
    abstract = jax.eval_shape(task.init, jax.random.key(settings.seed))
    shardings = state_shardings(abstract, task.partition(), mesh_lib.make_mesh())
    with Checkpoints(folder, read_only=True) as checkpoints:
        return checkpoints.restore(settings.total_steps, with_shardings(abstract, shardings))
