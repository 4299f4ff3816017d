"""Configs: values of another type or out of range, unknown keys, and files that are none."""

import dataclasses
from collections.abc import Iterator

from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.materials import CONFIGS

_KIND = "config"
_TRAIN = "jaxrepro.train"
# A workdir is documented to be made by a run whose data are found missing only then.
_WORKDIR = "run"


def cases() -> Iterator[Case]:
    """Yields the cases of configs."""
    for config, override, names in _OVERRIDES:
        yield _override(config, override, names)
    for variant, names in _VARIANTS:
        arguments = (f"--config={CONFIGS}/{variant}", f"--workdir={_WORKDIR}")
        yield Case(_KIND, variant, _TRAIN, lambda place, a=arguments: a, names)
    for words, names in _ARGUMENTS:
        yield _arguments(words, names)
    for words, names in _FOUND_LATER:
        yield _arguments(words, names, may_write=(_WORKDIR,))
    for name, content, names in _FILES:
        yield _file(name, content, names)


def _arguments(
    words: tuple[str, ...], names: str | tuple[str, ...], may_write: tuple[str, ...] = ()
) -> Case:
    name = "biggan_digits"
    arguments = [word.replace(f"configs/{name}", f"{CONFIGS}/{name}") for word in words]
    arguments.append(f"--workdir={_WORKDIR}")
    return Case(_KIND, " ".join(words), _TRAIN, lambda place: arguments, names, may_write=may_write)


def _override(config: str, override: str, names: str) -> Case:
    def make(place: Place) -> list[str]:
        return [
            f"--config={CONFIGS / config}.py:test",
            f"--config.{override}",
            f"--workdir={_WORKDIR}",
        ]

    case = Case(_KIND, f"{config}: {override[:60]}", _TRAIN, make, names)
    # What only the loop can know is said after the folder was claimed.
    return dataclasses.replace(case, may_write=(_WORKDIR,))


def _file(name: str, content: bytes, names: str) -> Case:
    def make(place: Place) -> list[str]:
        (place.folder / "my.py").write_bytes(content)
        return ["--config=my.py:test", f"--workdir={_WORKDIR}"]

    return Case(_KIND, f"file: {name}", _TRAIN, make, names, may_write=("__pycache__",))


_OVERRIDES = (
    ("biggan_digits", "train.total_steps=0", "train.total_steps"),
    ("biggan_digits", "train.total_steps=-5", "train.total_steps"),
    ("biggan_digits", "train.total_steps=1.5", "train.total_steps"),
    ("biggan_digits", "train.total_steps=many", "train.total_steps"),
    ("biggan_digits", "train.total_stepz=5", "total_stepz"),
    ("biggan_digits", "train.batch_size=0", "batch_size"),
    ("biggan_digits", "train.batch_size=100000000", "batch"),
    ("biggan_digits", "train.microbatches=3", "microbatches"),
    ("biggan_digits", "train.num_d_steps=0", "num_d_steps"),
    ("biggan_digits", "optim.g.learning_rate=nan", "learning_rate"),
    ("biggan_digits", "optim.g.learning_rate=-1", "learning_rate"),
    ("biggan_digits", "optim.d.learning_rate=inf", "learning_rate"),
    ("biggan_digits", "optim.g.b1=2", "b1"),
    ("biggan_digits", "model.resolution=17", "resolution"),
    ("biggan_digits", "model.resolution=-32", "resolution"),
    ("biggan_digits", "model.ch=0", "ch"),
    ("biggan_digits", "model.ch=\u0663x", "ch"),
    ("biggan_digits", "model.g_attention=(7,)", "attention"),
    ("biggan_digits", "model.g_attention=abc", "attention"),
    ("biggan_digits", "model.dim_z=1", "dim_z"),
    ("biggan_digits", "model.dtype=float8", "dtype"),
    ("biggan_digits", "model.bn_groups=3", "bn_groups"),
    ("biggan_digits", "model.bn_epsilon=nan", "bn_epsilon"),
    ("biggan_digits", "model.kernel_init=\u2603", "kernel_init"),
    ("biggan_digits", "ema.decay=1.5", "decay"),
    ("biggan_digits", "ema.decay=nan", "decay"),
    ("biggan_digits", "ema.start=-1", "start"),
    ("biggan_digits", "eval.every=-1", "every"),
    ("biggan_digits", "eval.batch_size=0", "batch_size"),
    ("biggan_digits", "eval.num_samples=-1", "num_samples"),
    ("biggan_digits", "guard.action=explode", "explode"),
    ("biggan_digits", "guard.factor=nan", "factor"),
    ("biggan_digits", "checkpoint.keep=0", "keep"),
    ("biggan_digits", "checkpoint.every=-1", "every"),
    ("biggan_digits", "log.every=0", "every"),
    ("biggan_digits", "mesh.fsdp=3", "fsdp"),
    ("biggan_digits", "mesh.fsdp=0", "fsdp"),
    ("biggan_digits", "seed=-1", "seed"),
    ("biggan_digits", "seed=99999999999999999999", "seed"),
    ("biggan_digits", "num_seeds=0", "num_seeds"),
    ("biggan_digits", "task=vae", "vae"),
    ("biggan_digits", "data.source=", "source"),
    ("biggan_digits", "data.source=folder:missing", "missing"),
    ("biggan_digits", "data.source=array_record:\u00fcber", "\u00fcber"),
    ("biggan_digits", "data.channels=2", "channels"),
    ("biggan_digits", "data.crop=oval", "oval"),
    ("biggan_digits", "data.min_crop=7.5", "min_crop"),
    ("srcnn", "data.scale=1", "scale"),
    ("srcnn", "model.kernels=(9,2,5)", "kernels"),
    ("srcnn", "model.widths=(64,)", "widths"),
    ("srcnn", "model.widths=(0,4)", "widths"),
    ("srcnn", "data.source=photos:none", "photos:none"),
    ("srcnn", "data.patch=0", "patch"),
    ("srcnn", "data.stride=0", "stride"),
    ("srcnn", "optim.name=magic", "magic"),
    ("srcnn", "optim.multipliers=('nothing=1',)", "nothing"),
    ("srcnn", "optim.multipliers=('(=1',)", "multiplier"),
    ("srcnn", "loss.reduction=min", "min"),
    ("srcnn", "eval.tile=0", "tile"),
    ("srcnn", "start.weights=none.mat", "none.mat"),
    ("hourglass", "data.size=65", "size"),
    ("hourglass", "data.source=mpii:none.h5", "none.h5"),
    ("hourglass", "data.split=9-1", "9-1"),
    ("hourglass", "data.max_scale=nan", "max_scale"),
    ("hourglass", "model.num_stacks=0", "num_stacks"),
    ("pyranet", "model.num_stacks=0", "num_stacks"),
    ("hourglass", "train.batch_size=-3", "batch_size"),
    ("scfegan", "data.source=faces:none", "none"),
    ("scfegan", "data.size=33", "size"),
    ("scfegan", "loss.style=nan", "style"),
    ("scfegan", "loss.perceptual=-1", "perceptual"),
    ("scfegan", "features.weights=none.h5", "width"),
    ("scfegan", "model.norm=batch", "batch"),
    ("prm_cifar", "model.depth=17", "depth"),
    ("prm_cifar", "model.width=nan", "width"),
    ("prm_cifar", "data.source=folder:cifar", "cifar"),
)

_VARIANTS = (
    ("biggan_digits.py:huge", "huge"),
    ("biggan_digits.py:test,bs=many", "many"),
    ("biggan_digits.py:test,colour=red", "colour"),
    ("biggan_digits.py:test,bs=-4", "batch_size"),
    ("srcnn.py:test,arch=9-x-5", "arch"),
    ("srcnn.py:test,scale=0", "scale"),
    ("srcnn.py:test,color=sepia", "sepia"),
    ("pyranet.py:test,block=Z", "block"),
    ("pyranet.py:test,stacks=two", "stacks"),
    ("scfegan.py:test,gate=open", "open"),
    ("scfegan.py:test,style=2", "style"),
    ("prm_cifar.py:test,net=alexnet", "alexnet"),
    ("prm_cifar.py:test,depth=-1", "depth"),
    ("espcn.py:test,scale=-3", "scale"),
)

_DIGITS = "--config=configs/biggan_digits.py:test"
_ARGUMENTS = (
    (("--config=configs/bigan.py",), "no config 'configs/bigan.py'"),
    (("--config=bigan_digits:test",), "no config 'bigan_digits'; the nearest is 'biggan_digits'"),
    (("--config=configs/biggan_digits.py:tset",), ("unknown variant 'tset'", "paper, demo, test")),
    ((_DIGITS, "--config.modle.ch=3"), "modle"),
    ((_DIGITS, "--config.model.chh=3"), "chh"),
    ((_DIGITS, "--config.model.ch=many"), ("ch", "many")),
    ((_DIGITS, "--config.data.source=digist"), ("unknown data source 'digist'", "photos")),
    ((_DIGITS, "--config.data.source=folder:nowhere"), "nowhere"),
    ((_DIGITS, "--config.model.dim_z=50"), ("dim_z=50", "48 or 51")),
    (
        (_DIGITS, "--config.train.batch_size=7", "--config.train.microbatches=2"),
        ("microbatches=2", "batch_size=7"),
    ),
    ((_DIGITS, "--cofnig.seed=1"), "cofnig"),
    ((_DIGITS, "extra"), "unexpected argument 'extra'"),
)
_FOUND_LATER = (
    ((_DIGITS, "--config.train.batch_size=5000"), ("1437 examples", "the batch of 5000")),
    ((_DIGITS, "--config.optim.g.multipliers=('^nothing=2',)"), "applies to no parameter"),
)

_FILES = (
    ("empty", b"", "my.py"),
    ("not Python", b"\x89PNG\r\n\x1a\n\0\0", "my.py"),
    ("a syntax error", b"def get_config(arg=None)\n    return 1\n", "my.py"),
    ("without get_config", b"x = 1\n", "my.py"),
    ("get_config takes nothing", b"def get_config():\n    return {}\n", "my.py"),
    ("returns no config", b"def get_config(arg=None):\n    return 7\n", "my.py"),
    ("imports what is not there", b"import no_such_module_here\n", "no_such_module_here"),
    ("divides by zero", b"def get_config(arg=None):\n    return 1 / 0\n", "my.py"),
    (
        "an empty config",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict()\n",
        "task",
    ),
    (
        "a config of one key",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict({'task': 'biggan'})\n",
        "config",
    ),
    (
        "a value that is no value",
        b"from ml_collections import ConfigDict\n"
        b"def get_config(arg=None):\n    return ConfigDict({'task': len})\n",
        "task",
    ),
)
