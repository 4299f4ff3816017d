"""Published figures of machines, each with the place where it can be read.

A device is what JAX calls one: a core of a TPU v3, whose chip has two, and a whole GPU.
"""

import dataclasses

_TPU_V3 = "https://cloud.google.com/tpu/docs/v3"
# NVIDIA's own papers are PDF files; these pages give their figures.
_H100 = "https://glennklockwood.com/garden/processors/h100"
_HGX = (
    "https://www.dynasys.com.hk/blog/"
    "introducing-nvidia-hgx-h100-an-accelerated-server-platform-for-ai-and-high-performance-computing/"
)
_NDR = "https://docs.nvidia.com/networking/display/mms4x00ns400/overview"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A published number: the value for one device, what was published, and where."""

    value: float
    published: str
    source: str


@dataclasses.dataclass(frozen=True)
class Level:
    """One level of a network: num_devices exchange with bytes_per_second each, one way.

    num_devices: 0 for all that the job has.
    """

    num_devices: int
    bytes_per_second: Figure


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a prediction takes from a machine.

    peak: operations a second of a device by the dtype that a config computes in; memory: bytes of a
    device; levels: of its network, the innermost first.
    """

    name: str
    device: str
    peak: dict[str, Figure]
    memory: Figure
    levels: tuple[Level, ...]


_TPU_PEAK = Figure(61.5e12, "123 teraflops (bf16) a chip of two cores", _TPU_V3)

MACHINES = {
    "tpu_v3": Machine(
        name="TPU v3",
        device="core",
        # The matrix unit takes bfloat16; JAX's default precision rounds float32 to it there.
        peak={"float32": _TPU_PEAK, "bfloat16": _TPU_PEAK},
        memory=Figure(16 * 2**30, "32 GiB a chip of two cores", _TPU_V3),
        levels=(
            Level(
                0,
                Figure(
                    340e12 / 1024 / 2,
                    "all-reduce bandwidth 340 TB/s of a pod of 1024 chips, two cores each",
                    _TPU_V3,
                ),
            ),
        ),
    ),
    "h100": Machine(
        name="H100 SXM",
        device="GPU",
        peak={
            "float32": Figure(494.7e12, "TF32, dense, which float32 products run in", _H100),
            "bfloat16": Figure(989.4e12, "bfloat16, dense", _H100),
        },
        memory=Figure(80e9, "80 GB", _H100),
        levels=(
            Level(8, Figure(450e9, "NVLink, 900 GB/s in both directions together, 8 GPUs", _HGX)),
            Level(0, Figure(50e9, "InfiniBand NDR, 400 Gb/s a port, one port for a GPU", _NDR)),
        ),
    ),
}
