"""Published BigGAN weights: as modules and variables, and as an export.

    python -m jaxrepro.papers.biggan.port --input=G_ema.pth --output=exports/biggan128
    python -m jaxrepro.papers.biggan.sample --model=exports/biggan128 --output=sheet.png

Files: .pth, .pt or .bin (which need torch), .npz or .safetensors. Layouts, told by the names of the
arrays: the author's PyTorch code (G, G_ema, D), Hugging Face's pytorch-pretrained-BigGAN, and
TF-Hub's variables.
"""

import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("input", None, "File of published weights, of a G or a D.")
    flags.DEFINE_string("output", None, "Folder of the export.")
    flags.DEFINE_string(
        "average", None, "File of the moving average of the --input G; it becomes what is sampled."
    )
    flags.DEFINE_string("discriminator", None, "File of the D that belongs to the --input G.")
    flags.DEFINE_float("bn_epsilon", None, "Epsilon of the norms; by default that of the layout.")
    flags.DEFINE_float(
        "sn_epsilon", None, "Epsilon of spectral norm; by default that of the layout."
    )
    flags.DEFINE_string("class_names", None, "Text file, a class name a line; numbers by default.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.input is None or args.output is None:
        raise InputError(
            "give --input and --output, such as --input=G_ema.pth --output=exports/biggan128"
        )
    files = {"input": args.input, "average": args.average, "discriminator": args.discriminator}
    paths = {role: pathlib.Path(file) for role, file in files.items() if file is not None}
    names = _read_class_names(pathlib.Path(args.class_names)) if args.class_names else None
    for role, path in paths.items():
        if not path.is_file():
            raise InputError(f"--{role}={path}: there is no such file")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.checkpoints.export import write_export

    models = _read_models(paths, args.bn_epsilon, args.sn_epsilon)
    export = make_export(models, paths, names)
    write_export(pathlib.Path(args.output), export)
    for role, model in models.items():
        print("\n".join(_report(paths[role], model)))
    print(f"wrote {args.output}: {', '.join([*export.nets, *export.tables])}")


def generator_from_pytorch(
    state_dict: Any, *, bn_epsilon: float = 1e-5, sn_epsilon: float = 1e-6
) -> Any:
    """Returns (module, variables) of the author's G; see `port_author`."""
    from jaxrepro.papers.biggan.porting import port_author

    return port_author.generator_from_pytorch(
        state_dict, bn_epsilon=bn_epsilon, sn_epsilon=sn_epsilon
    )


def discriminator_from_pytorch(state_dict: Any, *, sn_epsilon: float = 1e-6) -> Any:
    """Returns (module, variables) of the author's D; see `port_author`."""
    from jaxrepro.papers.biggan.porting import port_author

    return port_author.discriminator_from_pytorch(state_dict, sn_epsilon=sn_epsilon)


def generator_from_huggingface(state_dict: Any, *, bn_epsilon: float = 1e-4) -> Any:
    """Returns (module, variables, table of statistics) of a deep G; see `port_huggingface`."""
    from jaxrepro.papers.biggan.porting import port_huggingface

    return port_huggingface.generator_from_huggingface(state_dict, bn_epsilon=bn_epsilon)


def generator_from_tfhub(arrays: Any, *, bn_epsilon: float = 1e-4, sn_epsilon: float = 1e-4) -> Any:
    """Returns (module, variables) of a G that is not deep; see `port_tfhub`."""
    from jaxrepro.papers.biggan.porting import port_tfhub

    return port_tfhub.generator_from_tfhub(arrays, bn_epsilon=bn_epsilon, sn_epsilon=sn_epsilon)


def generator_from_tfhub_deep(arrays: Any, *, bn_epsilon: float = 1e-4) -> Any:
    """Returns (module, variables, table of statistics) of a deep G; see `port_tfhub_deep`."""
    from jaxrepro.papers.biggan.porting import port_tfhub_deep

    return port_tfhub_deep.generator_from_tfhub_deep(arrays, bn_epsilon=bn_epsilon)


def make_export(
    models: Any, paths: Mapping[str, str | os.PathLike[str]], class_names: list[str] | None
) -> Any:
    """Returns the `Export` of models read from `paths`, both by role.

    Net "g" is the moving average if there is one, and then "g_current" the generator that it is
    the average of. Raises InputError if they do not belong together.
    """
    from jaxrepro.core.checkpoints.export import Export
    from jaxrepro.papers.biggan.network.networks import module_fields
    from jaxrepro.papers.biggan.network.standing_table import table_name

    first = models["input"]
    nets = {first.network: first.variables}
    if "average" in models:
        _check_same("average", first, models["average"])
        nets = {"g": models["average"].variables, "g_current": first.variables}
    discriminator = first if first.network == "d" else models.get("discriminator")
    card: dict[str, Any] = {"paper": "biggan"}
    if first.network == "g":
        card |= {"generator": module_fields(first.module), "latent": "normal"}
    if discriminator is not None:
        card["discriminator"] = module_fields(discriminator.module)
        if discriminator is not first:
            _check_fit(first.module, discriminator)
            nets["d"] = discriminator.variables
    num_classes = first.module.num_classes
    if class_names is not None and len(class_names) != num_classes:
        raise InputError(
            f"--class_names has {len(class_names)} names; the network has {num_classes} classes"
        )
    card["class_names"] = class_names or [str(i) for i in range(num_classes)]
    card["provenance"] = [
        {
            "role": role,
            "file": pathlib.Path(paths[role]).name,
            "sha256": hashlib.sha256(pathlib.Path(paths[role]).read_bytes()).hexdigest(),
            "layout": model.layout,
        }
        for role, model in models.items()
    ]
    sampled = models.get("average", first)
    tables = {} if sampled.table is None else {table_name("scaled"): sampled.table}
    return Export(card, nets, tables)


def _read_models(
    paths: dict[str, pathlib.Path], bn_epsilon: float | None, sn_epsilon: float | None
) -> dict[str, Any]:
    from jaxrepro.papers.biggan.porting.published_models import read_published

    models = {}
    for role, path in paths.items():
        # A discriminator has no norm; given beside a generator, the flag is for that one.
        bn = None if role == "discriminator" else bn_epsilon
        models[role] = read_published(path, bn_epsilon=bn, sn_epsilon=sn_epsilon)
    for role, network in (("average", "g"), ("discriminator", "d")):
        if role in models and (models["input"].network, models[role].network) != ("g", network):
            raise InputError(
                f"--{role}={paths[role]} holds a {models[role].network.upper()} and --input a "
                f"{models['input'].network.upper()}; --{role} is a {network.upper()} beside a G"
            )
    return models


def _check_same(role: str, first: Any, second: Any) -> None:
    if first.module != second.module:
        raise InputError(
            f"--{role} is not of the network of --input: {second.module.resolution} pixels, ch "
            f"{second.module.ch} and {second.module.num_classes} classes, against "
            f"{first.module.resolution}, {first.module.ch} and {first.module.num_classes}; or "
            "they differ in attention, latent size or sharing"
        )


def _check_fit(generator: Any, discriminator: Any) -> None:
    for name in ("resolution", "num_classes", "channels"):
        if getattr(generator, name) != getattr(discriminator.module, name):
            raise InputError(
                f"--discriminator has {name} {getattr(discriminator.module, name)}, --input "
                f"{getattr(generator, name)}: they do not belong together"
            )


def _read_class_names(path: pathlib.Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read --class_names={path}: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--class_names={path} has {double!r} twice")
    return names


def _report(path: pathlib.Path, model: Any) -> list[str]:
    from jaxrepro.papers.biggan.porting.published_models import DESCRIPTIONS

    module = model.module
    sides = ", ".join(map(str, module.attention)) or "none"
    size = f"{module.resolution} pixels, ch {module.ch}, {module.num_classes} classes"
    if model.network == "g":
        size += f", z of {module.dim_z}"
    lines = [
        f"{path}: {DESCRIPTIONS[model.layout]}",
        f"  {type(module).__name__}, {size}, attention at {sides}",
        f"  {model.num_arrays} arrays, {model.num_parameters:,} parameters",
        *(f"  {name} {value:g}, {source}" for name, (value, source) in model.epsilons.items()),
    ]
    if model.table is not None:
        levels = model.table["truncation"]
        lines.append(
            f"  standing statistics of {len(levels)} truncations, {levels[0]:g} to {levels[-1]:g}"
        )
    return lines


if __name__ == "__main__":
    cli.run(define_flags, main)
