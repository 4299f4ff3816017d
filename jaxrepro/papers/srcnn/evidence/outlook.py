"""Claims about FSRCNN and ESPCN, and about the speed of what is here."""

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.rules import All, Near, Order
from jaxrepro.papers.srcnn.evidence.parts import (
    DATA,
    ON_SET5,
    OURS,
    PROTOCOL,
    SET5,
    TRAIN_ON_T91,
    linear_on_set5,
)
from jaxrepro.papers.srcnn.tables.figures import IMAGES, NETWORKS

_FSRCNN = "Dong, Loy and Tang, Accelerating the Super-Resolution Convolutional Neural Network, 2016"
_ESPCN = "Shi et al., Real-Time Single Image and Video Super-Resolution (ESPCN), CVPR 2016"
_OUTLOOK = "tests/papers/srcnn/test_outlook.py"
_NETWORKS = "tests/papers/srcnn/network/test_networks.py"
_UPDATE = Result("update_ms", "update", digits=0, unit="ms", better="less")
_PICTURE = Result("picture_ms", "picture", digits=0, unit="ms", better="less")
_TIMES = "srcnn_cpu_vs_pytorch.json"
_DAYS = "15 million updates of 128 patches, weeks on two cores"


def _published(name: str, network: str, config: str, source: str, *tests: str) -> Claim:
    value = NETWORKS[network, IMAGES][1]["set5", 3][0]
    arm = Arm(
        network,
        run=config,
        flags=(*TRAIN_ON_T91, *ON_SET5),
        published={SET5.name: value},
        minutes=50_000.0,
    )
    return Claim(
        f"srcnn/{name}",
        f"{network}, trained on T91, has {value:g} dB on Set5 at x3.",
        source,
        (arm,),
        (SET5,),
        Near(network, SET5.name, value, 0.05),
        quoted="second hand",
        protocol=PROTOCOL,
        data=DATA,
        parity=tests,
        without=_DAYS,
    )


def _short(name: str, network: str, config: str, updates: str, minutes: float) -> Claim:
    run = Arm(updates, run=config, flags=(*TRAIN_ON_T91, *ON_SET5), minutes=minutes)
    return Claim(
        f"srcnn/{name}",
        f"{network} is better than the best linear filter after {updates}, minutes on two cores.",
        OURS,
        (linear_on_set5(), run),
        (SET5,),
        Order(updates, "linear 13x13", SET5.name),
        protocol=f"T91, x3, 16 patches an update. {PROTOCOL}",
        data=DATA,
    )


def _speed(name: str, network: str) -> Claim:
    def arm(label: str, key: str) -> Arm:
        values = {
            _UPDATE.name: f"/networks/{network}/train/{key}",
            _PICTURE.name: f"/networks/{network}/inference/{key}",
        }
        return Arm(label, kept=Kept(_TIMES, values, "/commands/train"))

    return Claim(
        f"srcnn/{name}",
        f"{network} is faster here than as a plain PyTorch network, in training and in use.",
        OURS,
        (arm("jaxrepro", "ours_ms"), arm("PyTorch", "peer_ms")),
        (_UPDATE, _PICTURE),
        All(
            Order("PyTorch", "jaxrepro", _UPDATE.name), Order("PyTorch", "jaxrepro", _PICTURE.name)
        ),
        protocol="An update of 128 patches of 33x33, a picture of 512x512; two cores of an AMD "
        "EPYC, two threads, in turn, other work of the machine stopped; rounds stand for seeds.",
    )


CLAIMS = (
    _published(
        "fsrcnn",
        "FSRCNN(56,12,4)",
        "configs/fsrcnn.py",
        _FSRCNN,
        f"{_OUTLOOK}::test_fsrcnn_computes_its_equations",
        f"{_OUTLOOK}::test_fsrcnn_starts_as_published",
        f"{_NETWORKS}::test_fsrcnn_is_as_large_as_published",
    ),
    _published(
        "fsrcnn_s",
        "FSRCNN(32,5,1)",
        "configs/fsrcnn.py:d=32,s=5,m=1",
        _FSRCNN,
        f"{_OUTLOOK}::test_fsrcnn_computes_its_equations",
        f"{_NETWORKS}::test_fsrcnn_is_as_large_as_published",
    ),
    _published(
        "espcn",
        "ESPCN 5-3-3",
        "configs/espcn.py",
        _ESPCN,
        f"{_OUTLOOK}::test_espcn_computes_its_equations",
        f"{_NETWORKS}::test_espcn_is_as_large_as_published",
    ),
    _short("fsrcnn_in_minutes", "FSRCNN", "configs/fsrcnn.py:demo", "5,000 updates", 2.5),
    _short("espcn_in_minutes", "ESPCN", "configs/espcn.py:demo", "6,000 updates", 1.0),
    Claim(
        "srcnn/one_trunk_for_all_scales",
        "Only FSRCNN's deconvolution differs between scales: it alone is trained for another one.",
        _FSRCNN,
        quoted="second hand",
        parity=(
            f"{_OUTLOOK}::test_a_network_for_one_scale_starts_one_for_another",
            f"{_OUTLOOK}::test_all_but_the_deconvolution_can_be_frozen",
        ),
        without="a fully trained FSRCNN to begin with",
    ),
    Claim(
        "srcnn/fsrcnn_cost",
        "FSRCNN is 41.3 times as fast as 9-5-5: 1,385 multiplications a pixel against 57,184.",
        _FSRCNN,
        quoted="second hand",
        parity=(
            f"{_NETWORKS}::test_fsrcnn_is_as_large_as_published",
            f"{_NETWORKS}::test_srcnn_is_as_large_as_published",
        ),
        without="the authors' program in C++, whose time this is",
    ),
    _speed("speed_9_1_5", "9-1-5"),
    _speed("speed_9_5_5", "9-5-5"),
)
