"""Files of published BigGAN weights: which layout they have, and the network that is in them."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.arrays.published_arrays import Arrays
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import parse_json
from jaxrepro.papers.biggan.porting import (
    port_author,
    port_huggingface,
    port_tfhub,
    port_tfhub_deep,
)
from jaxrepro.papers.biggan.porting.pytorch_layout import OUTPUT_BN_EPSILON, is_further_vector

# By layout: an array that no other layout has, and who publishes it.
_SIGNS = {
    "huggingface": "generator.gen_z.weight_orig",
    "tfhub-deep": "Generator/GenZ/G_linear/w",
    "tfhub": "Generator/G_Z/G_linear/w",
    "author": "linear.weight",
}
DESCRIPTIONS = {
    "author": "state_dict of the author's PyTorch code",
    "huggingface": "state_dict of Hugging Face's pytorch-pretrained-BigGAN",
    "tfhub": "variables of a BigGAN module of TF-Hub",
    "tfhub-deep": "variables of a BigGAN-deep module of TF-Hub",
}
_BN_EPSILONS = {"author": 1e-5, "huggingface": 1e-4, "tfhub": 1e-4, "tfhub-deep": 1e-4}
_SN_EPSILONS = {"author": 1e-6, "tfhub": 1e-4}


@dataclasses.dataclass(frozen=True)
class PublishedModel:
    """One network read from a file.

    layout: a key of DESCRIPTIONS. network: "g" or "d". table: standing statistics for scaled
    truncations, where published. epsilons: the values used and where they come from, by name.
    """

    layout: str
    network: str
    module: Any
    variables: Mapping[str, Any]
    table: Mapping[str, Any] | None
    num_arrays: int
    epsilons: Mapping[str, tuple[float, str]]

    @property
    def num_parameters(self) -> int:
        """Learned numbers of the network; running moments and singular vectors are not."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.variables["params"]))


def read_published(
    path: str | os.PathLike[str],
    *,
    bn_epsilon: float | None = None,
    sn_epsilon: float | None = None,
) -> PublishedModel:
    """Returns the network in a file of published weights.

    bn_epsilon, sn_epsilon: instead of those that the layout is known to be used with.

    Raises InputError if the file cannot be read, its layout is not known, an array is missing,
    left over or of the wrong shape, or the config.json beside Hugging Face's weights says
    something else than they do.
    """
    path = pathlib.Path(path)
    arrays = read_arrays(path, may_be_undefined=is_further_vector)
    layout = layout_of(arrays, path)
    try:
        return _of_layout(arrays, layout, path, bn_epsilon, sn_epsilon)
    except InputError as error:
        raise error if path.name in str(error) else InputError(f"{path}: {error}") from error


def _of_layout(
    arrays: Arrays,
    layout: str,
    path: pathlib.Path,
    bn_epsilon: float | None,
    sn_epsilon: float | None,
) -> PublishedModel:
    epsilons = {
        "bn_epsilon": (bn_epsilon, "given") if bn_epsilon is not None else _bn_epsilon(layout, path)
    }
    if layout in _SN_EPSILONS:
        epsilons["sn_epsilon"] = (
            (sn_epsilon, "given")
            if sn_epsilon is not None
            else (_SN_EPSILONS[layout], _default_of(layout))
        )
    elif sn_epsilon is not None:
        raise InputError(
            f"--sn_epsilon={sn_epsilon:g} would change nothing: the kernels in {path.name} are "
            "divided by stored singular vectors"
        )
    values = {name: value for name, (value, _) in epsilons.items()}
    network, table = "g", None
    if layout == "author" and "embed.weight" in arrays:
        network = "d"
        if bn_epsilon is not None:
            raise InputError(f"--bn_epsilon={bn_epsilon:g}: the network in {path.name} has no norm")
        del values["bn_epsilon"], epsilons["bn_epsilon"]
        module, variables = port_author.discriminator_from_pytorch(arrays, **values)
    elif layout == "author":
        module, variables = port_author.generator_from_pytorch(arrays, **values)
        epsilons["output_bn_epsilon"] = (OUTPUT_BN_EPSILON, "always so in the author's code")
    elif layout == "tfhub":
        module, variables = port_tfhub.generator_from_tfhub(arrays, **values)
    else:
        make = (
            port_huggingface.generator_from_huggingface
            if layout == "huggingface"
            else port_tfhub_deep.generator_from_tfhub_deep
        )
        module, variables, table = make(arrays, **values)
        if layout == "huggingface":
            _check_config(path.with_name("config.json"), module, table)
    return PublishedModel(layout, network, module, variables, table, len(arrays), epsilons)


def layout_of(arrays: Arrays, path: pathlib.Path) -> str:
    """Returns which layout's names the arrays have; InputError, naming the file, if none's."""
    plain = {
        name.removeprefix("module/").partition(":")[0].partition("/ema_")[0] for name in arrays
    }
    for layout, sign in _SIGNS.items():
        if sign in plain:
            return layout
    signs = ", ".join(f"{sign} ({layout})" for layout, sign in _SIGNS.items())
    raise InputError(
        f"{path} is in no known layout: it has {', '.join(list(arrays)[:5]) or 'no arrays'}; "
        f"looked for {signs}"
    )


def _default_of(layout: str) -> str:
    return "the author's ImageNet script" if layout == "author" else "the published modules"


def _bn_epsilon(layout: str, path: pathlib.Path) -> tuple[float, str]:
    config = path.with_name("config.json")
    if layout == "huggingface" and config.is_file() and "eps" in (values := _read(config)):
        return float(values["eps"]), "config.json"
    return _BN_EPSILONS[layout], _default_of(layout)


def _check_config(path: pathlib.Path, module: Any, table: Mapping[str, Any]) -> None:
    """Raises InputError if the config beside the weights is there and of another network."""
    if not path.is_file():
        return
    config = _read(path)
    found = {
        "output_dim": module.resolution,
        "z_dim": module.dim_z,
        "class_embed_dim": module.shared_dim,
        "channel_width": module.ch,
        "num_classes": module.num_classes,
        "n_stats": len(table["truncation"]),
    }
    wrong = [
        f"{key} {config[key]} instead of {value}"
        for key, value in found.items()
        if key in config and config[key] != value
    ]
    if wrong:
        raise InputError(f"{path} is not of these weights: {', '.join(wrong)}")


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a JSON object")
    return values
