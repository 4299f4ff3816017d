"""The claims of L-GM."""

from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.rules import All, Between, Order
from jaxrepro.evidence.timed import MILLISECONDS, RATIO, timed

_PAPER = "Wan et al. 2018, arXiv 1803.02988"
_LATER = "README of jschenthu/GM-Loss, the same group's later code"
_TESTS = "tests/losses/test_large_margin_gaussian_mixture.py::"
_VALUES = (
    f"{_TESTS}test_values_and_gradients_of_the_published_codes",
    f"{_TESTS}test_the_papers_gradient",
)
_ERROR = Result("test/top1_error", "test error", 2, "%", "less")
_RATIO = Result("features/variance_ratio", "variance between over within", 1)
_ENTROPY = Result("test/cross_entropy", "cross entropy", 3, better="less")
_AUROC = Result("auroc", "area under the curve", 3)
_SOFTMAX, _BOTH = "softmax", "L-GM"
# By label: what the config calls the head.
_HEADS = {
    _SOFTMAX: "softmax",
    "distance": "distance",
    "margin only": "margin",
    "likelihood only": "likelihood",
    _BOTH: "both",
    "centre loss": "center",
}
RATES = (0.01, 0.03, 0.1)
# The rates with the least error on training digits that were held out, by features and head: what
# the claims `rates_2` and `rates_16` measured, before any test image was looked at.
CHOSEN = {
    2: dict.fromkeys((_SOFTMAX, "distance", _BOTH, "centre loss"), 0.1),
    16: dict.fromkeys(_HEADS, 0.1) | {"centre loss": 0.03},
}
_DIGITS = (
    "800 of scikit-learn's handwritten digits of 8 pixels, 120 passes, two dense layers of 128, "
    "the 360 test digits; each arm at the rate that was best for it on 637 other training digits."
)
_MNIST = (
    "20,000 training images of MNIST, as many of each, 15 passes of 64, two dense layers of 128, "
    "rate 0.02; all 10,000 test images."
)


def _digits(head: str, dim: int, rate: float, *more: str, seeds: int = 5) -> tuple:
    """Returns the config and flags of a run of the demo."""
    run = f"configs/lgm.py:demo,head={_HEADS[head]},dim={dim},rate={rate:g}"
    return ",".join([run, *more]), (f"--config.num_seeds={seeds}",)


def _trained(head: str, dim: int) -> Arm:
    run, flags = _digits(head, dim, CHOSEN[dim][head])
    return Arm(head, run=run, flags=flags, minutes=0.5)


def _rates(dim: int, heads: tuple[str, ...]) -> Claim:
    """Returns the claim whose record chooses the rates."""
    arms = []
    for rate in RATES:
        for head in heads:
            run, flags = _digits(head, dim, rate, seeds=3)
            flags = (*flags, "--config.data.validation_split=rest")
            arms.append(Arm(f"{head}, {rate:g}", run=run, flags=flags, minutes=0.4))
    return Claim(
        f"lgm/rates_{dim}",
        f"With {dim} features L-GM has a lower error than softmax at every rate of learning.",
        "our check: which rates the other claims take",
        tuple(arms),
        (_ERROR,),
        All(*(_lower(f"{_BOTH}, {rate:g}", f"{_SOFTMAX}, {rate:g}") for rate in RATES)),
        protocol="800 training digits and 120 passes; measured on the 637 other training digits.",
    )


def _mnist(head: str, dim: int) -> Arm:
    changes = {
        "model.name": "dense",
        "model.init": "msra",
        "model.widths": "(128, 128)",
        "data.source": "idx:{data}/mnist",
        "data.num_train": "20000",
        "train.total_steps": "4700",
        "loss.ramp_steps": "470",
        "optim.decay_every": "470",
        "optim.clip_norm": "1.0",
        "eval.every": "0",
        "checkpoint.every": "4700",
        "num_seeds": "3",
    }
    flags = tuple(f"--config.{key}={value}" for key, value in changes.items())
    run = f"configs/lgm.py:mnist,head={_HEADS[head]},dim={dim},rate=0.02,alpha=0.3"
    return Arm(head, run=f"{run},likelihood=class", flags=flags, minutes=3)


def _lower(arm: str, than: str, result: Result = _ERROR) -> Order:
    return Order(higher=than, lower=arm, result=result.name)


def _scored(arm: Arm, score: str) -> Arm:
    """Returns the arm with the area under the curve of one score."""
    values = {"auroc": f"attack/auroc_{score}"}
    return Arm(f"{arm.label}, {score}", run=arm.run, flags=arm.flags, values=values, minutes=0.5)


def _detects(name: str, protocol: str, soft: Arm, form: Arm, both: Arm, data: str = "") -> Claim:
    return Claim(
        f"lgm/{name}",
        "The likelihood of features tells adversarial images better than softmax's probability, "
        "and than Gaussians fitted afterwards to softmax's features.",
        f"{_PAPER}, section 4.4",
        (
            _scored(both, "likelihood"),
            _scored(soft, "probability"),
            _scored(soft, "fitted"),
            _scored(form, "likelihood"),
            _scored(both, "probability"),
            _scored(both, "fitted"),
        ),
        (_AUROC,),
        All(
            Order(f"{_BOTH}, likelihood", f"{_SOFTMAX}, probability", "auroc"),
            Order(f"{_BOTH}, likelihood", f"{_SOFTMAX}, fitted", "auroc"),
        ),
        protocol=protocol,
        data=data,
        note="One step of FGSM that knows the classifier and does not try to escape detection. The "
        "area is that of right test images against attacks that made them wrong. The last two arms "
        "tell whether the features changed or the score alone.",
    )


_TWO, _WIDE = ({head: _trained(head, dim) for head in CHOSEN[dim]} for dim in (2, 16))
_PARTS = ("distance", "margin only", "likelihood only", _BOTH)
_MNIST_16 = {head: _mnist(head, 16) for head in (_SOFTMAX, "distance", _BOTH)}
_RAMP = tuple(
    Arm(f"{words}, {rate:g}", run=run, flags=flags, minutes=0.5)
    for rate in (0.01, 0.1)
    for words, ramp in (("ramp", 0.1), ("none", 0.0))
    for run, flags in [_digits(_BOTH, 2, rate, "alpha=1", f"ramp={ramp:g}")]
)


def _published(name: str, says: str, dim: str, values: dict[str, float]) -> Claim:
    """Returns a claim of the later code that needs an accelerator."""
    arms = tuple(
        Arm(
            head,
            run=f"configs/lgm.py:mnist,head={_HEADS[head]},{dim}",
            flags=("--config.data.source=idx:{data}/mnist",),
            published={_ERROR.name: value},
            minutes=600,
        )
        for head, value in values.items()
    )
    rule = All(*(_lower(_BOTH, other) for other in values if other != _BOTH))
    return Claim(
        f"lgm/{name}",
        says,
        _LATER,
        arms,
        (_ERROR, _RATIO),
        rule,
        protocol="50 passes of all 60,000 images, six convolutions. Published is the best epoch on "
        "the test images; ours is the last.",
        data="MNIST",
        parity=_VALUES,
        without="some ten hours of two cores an arm, or an accelerator",
    )


CLAIMS = (
    Claim(
        "lgm/values",
        "Logits, losses and gradients are those of the paper and of its authors' two codes.",
        f"{_PAPER}, equations 7 to 12 and 23; WeitaoVan/L-GM-loss; jschenthu/GM-Loss",
        parity=_VALUES,
        without="no training: values computed from those codes are compared to 1e-6",
    ),
    *(_rates(dim, tuple(chosen)) for dim, chosen in CHOSEN.items()),
    Claim(
        "lgm/two_features",
        "With 2 features L-GM has a lower error than softmax.",
        f"{_PAPER}, section 4.1",
        tuple(_TWO.values()),
        (_ERROR, _RATIO),
        _lower(_BOTH, _SOFTMAX),
        protocol=_DIGITS,
    ),
    Claim(
        "lgm/compact",
        "Features of L-GM lie closer together within classes than softmax's.",
        f"{_PAPER}, figure 2",
        (_TWO[_SOFTMAX], _TWO[_BOTH]),
        (_RATIO,),
        Order(_BOTH, _SOFTMAX, _RATIO.name),
        protocol=f"2 features. {_DIGITS}",
    ),
    Claim(
        "lgm/wide_features",
        "With 16 features L-GM has a lower error than softmax.",
        f"{_PAPER}, section 4",
        tuple(_WIDE.values()),
        (_ERROR, _ENTROPY, _RATIO),
        _lower(_BOTH, _SOFTMAX),
        protocol=_DIGITS,
    ),
    Claim(
        "lgm/both_parts",
        "Margin and likelihood each lower the error: both together below each alone, each alone "
        "below the distance form.",
        f"{_PAPER}, section 3",
        tuple(_WIDE[head] for head in _PARTS),
        (_ERROR,),
        All(
            *(_lower(_BOTH, part) for part in _PARTS[1:3]),
            *(_lower(part, "distance") for part in _PARTS[1:3]),
        ),
        protocol=f"16 features. {_DIGITS}",
    ),
    Claim(
        "lgm/centre_loss",
        "L-GM has a lower error than softmax with the centre loss.",
        f"{_PAPER}, section 4",
        (_WIDE["centre loss"], _WIDE[_BOTH]),
        (_ERROR, _RATIO),
        _lower(_BOTH, "centre loss"),
        protocol=f"16 features, the centre loss at the same weight 0.1 and ramp. {_DIGITS}",
    ),
    _detects(
        "detects_attacks",
        f"16 features, eps 0.15. {_DIGITS}",
        _WIDE[_SOFTMAX],
        _WIDE["distance"],
        _WIDE[_BOTH],
    ),
    Claim(
        "lgm/ramp",
        "Training fails more often where alpha and weight are there from the first update.",
        _LATER,
        _RAMP,
        (_ERROR, _RATIO),
        All(*(_lower(f"ramp, {rate:g}", f"none, {rate:g}") for rate in (0.01, 0.1))),
        protocol="800 training digits, 2 features, alpha 1, 120 passes, the 360 test digits; the "
        "ramp takes a tenth of them. Gradients are clipped at the norm 1, with and without ramp.",
    ),
    Claim(
        "lgm/mnist_wide",
        "With 16 features L-GM has a lower error than softmax on MNIST.",
        f"{_PAPER}, section 4.1, on a smaller network",
        tuple(_MNIST_16.values()),
        (_ERROR, _ENTROPY, _RATIO),
        _lower(_BOTH, _SOFTMAX),
        protocol=_MNIST,
        data="MNIST",
    ),
    _detects("mnist_detects", f"16 features, eps 0.1. {_MNIST}", *_MNIST_16.values(), data="MNIST"),
    Claim(
        "lgm/mnist_two_features",
        "With 2 features L-GM has a lower error than softmax on MNIST.",
        f"{_PAPER}, section 4.1, on a smaller network",
        (_mnist(_SOFTMAX, 2), _mnist(_BOTH, 2)),
        (_ERROR, _RATIO),
        _lower(_BOTH, _SOFTMAX),
        protocol=_MNIST,
        data="MNIST",
    ),
    _published(
        "mnist_2",
        "On MNIST with 2 features the accuracy is 99.29 %, softmax's 99.02 %.",
        "dim=2",
        {_SOFTMAX: 0.98, _BOTH: 0.71},
    ),
    Claim(
        "lgm/mnist_100",
        "On MNIST with 100 features the accuracy is 99.70 %.",
        _LATER,
        parity=_VALUES,
        without="some ten hours of two cores: "
        "`python -m jaxrepro.train --config=configs/lgm.py:mnist,dim=100,rate=0.02`",
    ),
    Claim(
        "lgm/cifar10_small",
        "A ResNet-20 that is trained for 20 passes on 25,000 images of CIFAR-10 has a lower error "
        "with L-GM than with softmax.",
        "our reduction of the later code's setting",
        tuple(
            Arm(
                head,
                run=f"configs/lgm.py:small,head={_HEADS[head]}",
                flags=("--config.data.source=folder:{data}/cifar10", "--config.num_seeds=3"),
                minutes=240,
            )
            for head in (_SOFTMAX, _BOTH)
        ),
        (_ERROR, _RATIO),
        _lower(_BOTH, _SOFTMAX),
        data="CIFAR-10",
        parity=_VALUES,
        without="some eight hours of two cores",
    ),
    Claim(
        "lgm/cifar10",
        "On CIFAR-10 a ResNet-20 with L-GM has an accuracy of 92.80 %.",
        _LATER,
        parity=_VALUES,
        without="an accelerator for an hour: `python -m jaxrepro.train --config=configs/lgm.py "
        "--config.data.source=folder:cifar10`; published is the best epoch on the test images",
    ),
    Claim(
        "lgm/large_sets",
        "L-GM has lower errors than softmax on CIFAR-100, ImageNet and LFW, and on IJB-C a true "
        "positive rate of 92.98 % at a false one of 1e-4.",
        f"{_PAPER}, tables; face/README of jschenthu/GM-Loss",
        quoted="second hand",
        parity=_VALUES,
        without="those sets and GPUs for days",
    ),
    Claim(
        "lgm/cost",
        "An update with L-GM takes at most 1.05 times that of softmax.",
        "ours",
        tuple(
            timed(label, "lgm_update_cost_cpu.json", f"configs/lgm.py:small,head={head},bs=128")
            for label, head in (("softmax", "softmax"), ("L-GM", "both"))
        ),
        (RATIO, MILLISECONDS),
        Between("L-GM", "ratio", high=1.05),
        protocol="ResNet-20, 128 images of CIFAR-10, 2 cores of an AMD EPYC; timed in turn, median "
        "of 15 rounds.",
    ),
)
