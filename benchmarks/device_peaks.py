"""What a device can compute at most: published for accelerators, measured for a CPU."""

import time
from collections.abc import Sequence
from typing import Any

# Dense operations a second of one JAX device by `device_kind`, without sparsity, at the data
# sheets' clocks. "float32" is the arithmetic of whole float32 numbers; on these GPUs JAX rounds
# the factors of float32 products to "tensorfloat32" unless a higher precision is asked for. TPUs
# multiply bfloat16 numbers, and float32 in several such passes, for which nothing is published.
# TPU v3: half a chip, since JAX shows each of its two cores as a device.
_NVIDIA = "NVIDIA data sheet of the product (dense, without sparsity)"
_GOOGLE = "peak compute per chip (bf16), https://cloud.google.com/tpu/docs/ v3, v4, v5e, v5p, v6e"
_HOPPER = {"bfloat16": 989.4e12, "tensorfloat32": 494.7e12, "float32": 66.9e12}
_AMPERE = {"bfloat16": 312e12, "tensorfloat32": 156e12, "float32": 19.5e12}
_PEAKS: dict[str, tuple[dict[str, float], str]] = {
    "NVIDIA H200": (_HOPPER, _NVIDIA),
    "NVIDIA H100 80GB HBM3": (_HOPPER, _NVIDIA),
    "NVIDIA H100 PCIe": (
        {"bfloat16": 756e12, "tensorfloat32": 378e12, "float32": 51.2e12},
        _NVIDIA,
    ),
    "NVIDIA A100-SXM4-40GB": (_AMPERE, _NVIDIA),
    "NVIDIA A100-SXM4-80GB": (_AMPERE, _NVIDIA),
    "NVIDIA A100-PCIE-40GB": (_AMPERE, _NVIDIA),
    "NVIDIA A100 80GB PCIe": (_AMPERE, _NVIDIA),
    "TPU v3": ({"bfloat16": 61.5e12}, _GOOGLE),
    "TPU v4": ({"bfloat16": 275e12}, _GOOGLE),
    "TPU v5 lite": ({"bfloat16": 197e12}, _GOOGLE),
    "TPU v5": ({"bfloat16": 459e12}, _GOOGLE),
    "TPU v5p": ({"bfloat16": 459e12}, _GOOGLE),
    "TPU v6 lite": ({"bfloat16": 918e12}, _GOOGLE),
}
MEASURED = "measured"


def published_peaks(device_kind: str) -> tuple[dict[str, float], str] | None:
    """Returns (operations a second by arithmetic, where that is published); None if unknown."""
    return _PEAKS.get(device_kind)


def measured_peak(sides: Sequence[int], repeats: int = 5) -> dict[str, Any]:
    """Returns the highest rate at which JAX multiplied two square float32 matrices here.

    sides: of the matrices, each tried `repeats` times after one run that does not count.
    """
    import jax
    import jax.numpy as jnp

    best: dict[str, Any] = {"flops_per_second": 0, "side": 0}
    for side in sides:
        a, b = jax.random.normal(jax.random.key(0), (2, side, side), jnp.float32)
        multiply = jax.jit(jnp.dot).lower(a, b).compile()
        jax.block_until_ready(multiply(a, b))
        for _ in range(repeats):
            began = time.perf_counter()
            jax.block_until_ready(multiply(a, b))
            rate = 2 * side**3 / (time.perf_counter() - began)
            if rate > best["flops_per_second"]:
                best = {"flops_per_second": round(rate), "side": side}
    return best


def utilisation(rate: float, device: Any, sides: Sequence[int]) -> dict[str, Any]:
    """Returns what share of the peak of one device `rate` operations a second are.

    On a CPU of the peak measured now with matrices of `sides`, elsewhere of the published one, by
    arithmetic; None where that is not known.
    """
    if device.platform == "cpu":
        peak = measured_peak(sides)
        return {
            "peak_flops_per_second": {"float32": peak["flops_per_second"]},
            "peak_source": f"{MEASURED} in this run: float32 matrices of side {peak['side']}",
            "share_of_peak": {"float32": round(rate / peak["flops_per_second"], 4)},
        }
    known = published_peaks(device.device_kind)
    if known is None:
        return {
            "peak_flops_per_second": None,
            "peak_source": f"no published peak of {device.device_kind!r} is known here",
            "share_of_peak": None,
        }
    peaks, source = known
    return {
        "peak_flops_per_second": peaks,
        "peak_source": source,
        "share_of_peak": {name: round(rate / peak, 4) for name, peak in peaks.items()},
    }
