"""What several claims share: results, sources, commands and the flags that name data."""

from typing import Any

from jaxrepro.evidence.claim import Arm, Kept, Result

PROTOCOL = (
    "PSNR of luma by the authors' protocol: MATLAB's bicubic down and up, output of 8 bits, edges "
    "cut off, mean over pictures."
)
DATA = "T91, Set5, Set14 and the authors' weights in one folder"
SET5 = Result("set5/psnr", "Set5", unit="dB")
SET14 = Result("set14/psnr", "Set14", unit="dB")
ARTICLE = "a later article, a reproduction of SRCNN in PaddlePaddle"
OURS = "this project"

TRAIN_ON_T91 = ("--config.data.source=folder:{data}/T91",)
ON_SET5 = ("--config.data.validation=folder:{data}/Set5",)
THREE_SEEDS = ("--config.num_seeds=3",)
RELEASED_91 = "{data}/official_weights/9-1-5(91 images)/x3.mat"

_T91 = "srcnn_t91_cpu.json"


def trained_on_t91(label: str, run: int, *, seeds: int = 1, **arm: Any) -> Arm:
    """Returns run number `run` of the kept record of trainings on T91.

    seeds: how many it has. arm: further fields.
    """
    results = f"/runs/{run}/results"
    name = f"{results}/set5~1psnr"
    values: dict[str, str | tuple[str, ...]] = {SET5.name: name}
    if seeds > 1:
        values[SET5.name] = tuple(f"{name}~1seed{seed}" for seed in range(seeds))
    return Arm(label, kept=Kept(_T91, values, f"/runs/{run}/command"), **arm)


def yardstick(label: str, key: str, *sets: str) -> Arm:
    """Returns a method without chance that the trainings on T91 were compared with."""
    values = {f"{name}/psnr": f"/yardsticks/{name}/{key}" for name in sets}
    return Arm(label, kept=Kept(_T91, values), seeded=False)


def linear_on_set5() -> Arm:
    """Returns the best linear filter of 13x13, fitted on T91."""
    return yardstick("linear 13x13", "linear 13x13 fitted on T91", "set5")
