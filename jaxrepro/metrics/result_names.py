"""Names of measured numbers that say how many samples and which network are behind them."""

import re

from jaxrepro.core.errors import InputError

# The network and preprocessing whose numbers carry the published names.
_FID_NETWORK = re.compile(r"inception-fid2015-[0-9a-f]{8}")
_PUBLISHED_NAMES = {
    "frechet": "fid",
    "intra_class_frechet": "intra_class_fid",
    "inception_score": "inception_score",
}


def result_name(quantity: str, num_samples: int, network_name: str) -> str:
    """The name to report a number under, for example "fid@50000".

    With the Inception network of 2015 (`inception-fid2015-...`) the distance "frechet" is called
    "fid", "intra_class_frechet" "intra_class_fid", and "inception_score" keeps its name. All else
    is "quantity@samples:network", such as "frechet@1000:resnet-digits-0a1b2c3d": it can be compared
    with numbers of the same name only.

    Args:
      quantity: lower-case name of what was measured, such as "frechet" or "precision".
      num_samples: of the generated samples, 1 or more.
      network_name: the network's `name`.

    Raises:
      InputError: for no sample, or a quantity or network name that could not be read back.
    """
    if num_samples < 1:
        raise InputError(f"a result of {num_samples} samples has no name; give 1 or more")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", quantity):
        raise InputError(
            f"quantity {quantity!r} given; it must be lower-case letters, digits and underscores"
        )
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", network_name):
        raise InputError(
            f"network name {network_name!r} given; it must be letters, digits, '_', '.' and '-'"
        )
    if _FID_NETWORK.fullmatch(network_name) and quantity in _PUBLISHED_NAMES:
        return f"{_PUBLISHED_NAMES[quantity]}@{num_samples}"
    return f"{quantity}@{num_samples}:{network_name}"
