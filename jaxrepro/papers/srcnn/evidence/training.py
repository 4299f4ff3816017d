"""Claims about networks that were trained here, on T91 and on the bundled pictures."""

from typing import Any

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.rules import All, Near, Order
from jaxrepro.papers.srcnn.evidence.parts import (
    DATA,
    ON_SET5,
    OURS,
    PROTOCOL,
    SET5,
    SET14,
    THREE_SEEDS,
    TRAIN_ON_T91,
    linear_on_set5,
    trained_on_t91,
    yardstick,
)
from jaxrepro.papers.srcnn.evidence.released_weights import RECORD, pointer
from jaxrepro.papers.srcnn.tables.figures import CITATION, IMAGENET, IMAGES, NETWORKS

_9_1_5 = NETWORKS["9-1-5", IMAGES][1]
_PUBLISHED = {SET5.name: _9_1_5["set5", 3][0], SET14.name: _9_1_5["set14", 3][0]}
_CPU = Result("cpu_seconds", "CPU", digits=0, unit="s", better="less")
_T91_X3 = f"9-1-5 at x3, trained on T91 by Adam, 16 patches an update. {PROTOCOL}"


def _longest(label: str, **arm: Any) -> Arm:
    values = {
        SET5.name: "/runs/3/results/set5~1psnr",
        SET14.name: "/runs/3/results/set14~1psnr",
        _CPU.name: "/runs/3/cpu_seconds",
    }
    kept = Kept("srcnn_t91_cpu.json", values, "/runs/3/command")
    return Arm(label, kept=kept, **arm)


def _with_cost(label: str, run: int) -> Arm:
    values = {SET5.name: f"/runs/{run}/results/set5~1psnr", _CPU.name: f"/runs/{run}/cpu_seconds"}
    return Arm(label, kept=Kept("srcnn_t91_cpu.json", values, f"/runs/{run}/command"))


def _demo(label: str, setting: str, minutes: float) -> Arm:
    return Arm(
        label,
        run=f"configs/srcnn.py:demo,{setting}",
        flags=(*TRAIN_ON_T91, *ON_SET5, *THREE_SEEDS),
        minutes=minutes,
    )


_PHOTOS = Result("photos_test/psnr", "photos:test", unit="dB")
_PACKAGED_SETS = {"photos_test": "photos:test", "set5": "Set5", "set14": "Set14"}
_PACKAGED = tuple(
    Result(f"x{scale}/{name}/psnr", f"x{scale}, {title}", unit="dB")
    for scale in (2, 3, 4)
    for name, title in _PACKAGED_SETS.items()
)
_FOLDER = "jaxrepro/papers/srcnn/weights"


def _packaged(label: str, method: int) -> Arm:
    values = {
        f"x{scale}/{name}/psnr": f"/results/{3 * i + j}/methods/{method}/mean_psnr"
        for i, name in enumerate(_PACKAGED_SETS)
        for j, scale in enumerate((2, 3, 4))
    }
    flags = (
        "--model=" + ",".join(f"{_FOLDER}/x{scale}" for scale in (2, 3, 4)),
        "--data=photos:test,folder:{data}/Set5,folder:{data}/Set14",
        "--linear=photos:train",
    )
    verb = "jaxrepro.papers.srcnn.evaluate"
    return Arm(label, verb=verb, flags=flags, values=values, seeded=False, minutes=1.0)


def _authors_weights(label: str) -> Arm:
    values = {
        f"x{scale}/{name}/psnr": pointer(name, scale, "9-1-5 (91)")
        for scale in (2, 3, 4)
        for name in ("set5", "set14")
    }
    return Arm(label, kept=Kept(RECORD, values, "/command"), seeded=False)


_ON_PHOTOS = (
    "--model={runs}/network",
    "--data=photos:test",
    "--linear=photos:train",
)


def _of_demo(label: str, method: int, *, seeded: bool) -> Arm:
    return Arm(
        label,
        verb="jaxrepro.papers.srcnn.evaluate",
        flags=_ON_PHOTOS,
        values={_PHOTOS.name: f"/results/0/methods/{method}/mean_psnr"},
        seeded=seeded,
        minutes=0.2,
    )


CLAIMS = (
    Claim(
        "srcnn/paper_from_t91",
        "The paper's 9-1-5, trained on 91 images, is reached from these images.",
        CITATION,
        (_longest("500,000 updates", published=_PUBLISHED),),
        (SET5, SET14, _CPU),
        All(*(Near("500,000 updates", name, value, 0.05) for name, value in _PUBLISHED.items())),
        quoted="second hand",
        protocol=_T91_X3,
        data=DATA,
        note="By Adam with a cosine, 8 million patches; the paper's SGD saw 800 million.",
    ),
    Claim(
        "srcnn/longer_training",
        "Longer training is better, from 12,000 to 60,000 and from 60,000 to 500,000 updates.",
        CITATION,
        (
            yardstick("bicubic", "bicubic", "set5", "set14"),
            yardstick("linear 13x13", "linear 13x13 fitted on T91", "set5", "set14"),
            yardstick("the authors' 9-1-5", "authors' 9-1-5 (91)", "set5", "set14"),
            _with_cost("12,000 updates", 0),
            _with_cost("60,000 updates", 2),
            _longest("500,000 updates"),
        ),
        (SET5, SET14, _CPU),
        All(
            Order("60,000 updates", "12,000 updates", SET5.name),
            Order("500,000 updates", "60,000 updates", SET5.name),
        ),
        quoted="second hand",
        protocol=_T91_X3,
        data=DATA,
    ),
    Claim(
        "srcnn/minutes_above_linear_filter",
        "12,000 updates, a minute on two cores, are enough to be better than the best linear "
        "filter.",
        OURS,
        (linear_on_set5(), trained_on_t91("12,000 updates", 1, seeds=3)),
        (SET5,),
        Order("12,000 updates", "linear 13x13", SET5.name),
        protocol=_T91_X3,
        data=DATA,
    ),
    Claim(
        "srcnn/paper_training",
        "The paper's SGD reaches 32.39 dB on Set5 at x3 with 91 images.",
        CITATION,
        (
            Arm(
                "paper's settings",
                run="configs/srcnn.py",
                flags=(*TRAIN_ON_T91, *ON_SET5),
                published={SET5.name: _PUBLISHED[SET5.name]},
                minutes=5000.0,
            ),
        ),
        (SET5,),
        Near("paper's settings", SET5.name, _PUBLISHED[SET5.name], 0.05),
        quoted="second hand",
        protocol=PROTOCOL,
        data=DATA,
        parity=(
            "tests/papers/srcnn/pairs/test_patches.py::test_the_papers_training_set",
            "tests/papers/srcnn/tables/test_published.py::test_the_authors_weights_give_their_decibels",
            "tests/papers/srcnn/network/test_networks.py::test_srcnn_is_as_large_as_published",
        ),
        without="15 million updates of 128 patches, days on two cores",
    ),
    Claim(
        "srcnn/imagenet_training",
        "9-1-5 reaches 32.52 dB on Set5 at x3 when it is trained on ImageNet.",
        f"{NETWORKS['9-1-5', IMAGENET][0]}; {CITATION}",
        quoted="second hand",
        without="the 395,909 pictures of ImageNet, and days of training; the authors' weights have "
        "this figure, see srcnn/published_9_1_5",
        parity=(
            "tests/papers/srcnn/tables/test_published.py::test_the_authors_weights_give_their_decibels",
        ),
    ),
    Claim(
        "srcnn/deeper_is_slower",
        "A deeper network, 9-1-1-5, converges more slowly than 9-1-5.",
        CITATION,
        (trained_on_t91("9-1-5", 1, seeds=3), _demo("9-1-1-5", "arch=9-1-1-5", 5.0)),
        (SET5,),
        Order("9-1-5", "9-1-1-5", SET5.name),
        quoted="second hand",
        protocol=f"12,000 updates of each. {_T91_X3}",
        data=DATA,
    ),
    Claim(
        "srcnn/deeper_is_not_better",
        "The deeper 9-3-3-5 does not beat 9-3-5.",
        CITATION,
        (_demo("9-3-5", "arch=9-3-5", 8.0), _demo("9-3-3-5", "arch=9-3-3-5", 12.0)),
        (SET5,),
        Order("9-3-5", "9-3-3-5", SET5.name),
        quoted="second hand",
        protocol=f"12,000 updates of each where the paper trains for a week. {_T91_X3}",
        data=DATA,
    ),
    Claim(
        "srcnn/wider_is_better",
        "More filters are better: 128 and 64 than 64 and 32, and these than 32 and 16.",
        CITATION,
        (
            _demo("32-16", "widths=32-16", 2.5),
            trained_on_t91("64-32", 1, seeds=3),
            _demo("128-64", "widths=128-64", 8.0),
        ),
        (SET5,),
        All(Order("128-64", "64-32", SET5.name), Order("64-32", "32-16", SET5.name)),
        quoted="memory",
        protocol=f"12,000 updates of each. {_T91_X3}",
        data=DATA,
    ),
    Claim(
        "srcnn/packaged_networks",
        "The packaged networks, trained on nine free pictures, are better than a linear filter "
        "and not as good as the authors'.",
        OURS,
        (
            _packaged("bicubic", 0),
            _packaged("linear 13x13", 1),
            _packaged("packaged", 2),
            _authors_weights("the authors' 9-1-5 (91)"),
        ),
        _PACKAGED,
        All(
            *(Order("packaged", "linear 13x13", result.name) for result in _PACKAGED),
            *(
                Order("the authors' 9-1-5 (91)", "packaged", result.name)
                for result in _PACKAGED
                if "photos" not in result.name
            ),
        ),
        protocol=f"The linear filter is fitted on the same nine pictures. {PROTOCOL}",
        data=DATA,
        note="These very files are judged; other seeds were not trained.",
    ),
    Claim(
        "srcnn/default_command",
        "The default command, a minute on two cores without any data, makes a network that is "
        "better than the best linear filter.",
        OURS,
        (
            Arm("network", run="configs/srcnn.py:demo", minutes=1.3),
            _of_demo("bicubic", 0, seeded=False),
            _of_demo("linear 13x13", 1, seeded=False),
            _of_demo("network on whole pictures", 2, seeded=True),
        ),
        (_PHOTOS,),
        Order("network on whole pictures", "linear 13x13", _PHOTOS.name),
        protocol=f"Nine bundled pictures to learn from, five others to measure, x3. {PROTOCOL}",
    ),
    Claim(
        "srcnn/other_test_set",
        "On BSD200 too SRCNN is better than the methods before it.",
        CITATION,
        quoted="memory",
        without="the pictures of BSD200",
    ),
    Claim(
        "srcnn/other_measures",
        "By IFC, NQM and MSSSIM A+ is as good as SRCNN or better.",
        CITATION,
        quoted="second hand",
        without="these three measures, which are not computed here",
    ),
)
