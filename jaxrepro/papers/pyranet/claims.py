"""The claims of PyraNet, of the stacked hourglass and of an article about them."""

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.exported import exported
from jaxrepro.evidence.rules import All, Between, Near, Order
from jaxrepro.papers.pyranet.start import variance_claims

_PAPER = "Yang et al. 2017, arXiv 1708.01101"
_HOURGLASS = "Newell et al. 2016, arXiv 1603.06937"
_ARTICLE = "the later article about PyraNet"
_TESTS = "tests/papers/pyranet/"
_PRM, _CIFAR, _LSPET = "pose_prm_b_cpu.json", "prm_cifar_cpu.json", "pose_lspet_cpu.json"
_TORCH = "pose_cpu_vs_pytorch.json"
_SEEDS = range(3)
_PLAIN, _PYRAMIDS = "plain residuals", "PRM-B"
_MPII = "the photographs of MPII and GPUs for days"
_PCK = (Result("pck@0.2", "PCK@0.2", 1, "%"), Result("pck@0.5", "PCK@0.5", 1, "%"))
_SIZES = (
    f"{_TESTS}network/test_networks.py::test_sizes_of_the_blocks",
    f"{_TESTS}network/test_networks.py::test_sizes_of_eight_stacks",
)
_BLOCKS = (
    f"{_TESTS}network/test_pyramid_residual.py::test_values_are_those_of_another_port",
    f"{_TESTS}network/test_networks.py::test_where_the_pyramids_are",
    "tests/nn/blocks/test_fractional_pooling.py::test_values_and_gradients_are_pytorchs",
)
_SCORES = (
    "tests/nn/blocks/test_stacked_hourglass.py::test_scores_are_those_of_the_published_code",
    "tests/metrics/pose/test_pose_search.py::test_published_code_agrees_on_mirrored_maps",
    "tests/metrics/pose/test_keypoint_accuracy.py::test_figures_of_the_published_predictions",
)
_CLASSIFIERS = (
    f"{_TESTS}classification/test_cifar_networks.py::test_parameters_by_hand",
    f"{_TESTS}classification/test_classifier_task.py::test_the_published_schedules",
)


def _of_seeds(label: str, run: int) -> Arm:
    """Returns PCK with the mirrored picture after the last update, of three seeds."""
    place = f"/runs/{run}/evaluations/-1/validation~1pck~1seed"
    values = {f"pck@{at}": tuple(f"{place}{s}@{at}" for s in _SEEDS) for at in ("0.2", "0.5")}
    return Arm(label, kept=Kept(_PRM, values, f"/runs/{run}/command"))


def _classifier(label: str, run: int) -> Arm:
    place = f"/runs/{run}/evaluations/-1/"
    values = {
        "error": tuple(f"{place}test~1top1_error~1seed{s}" for s in _SEEDS),
        "parameters": tuple(f"{place}size~1parameters~1seed{s}" for s in _SEEDS),
        "multiplications": tuple(f"{place}size~1multiplications~1seed{s}" for s in _SEEDS),
    }
    return Arm(label, kept=Kept(_CIFAR, values, f"/runs/{run}/command"))


def _found(label: str, row: int, *, seeded: bool = True) -> Arm:
    """Returns a way of testing the one network that was trained on LSPET."""
    place = f"/measured/predictions/{row}/scores/pck/means/"
    values = {f"pck@{at}": f"{place}{at}~114_joints~1below/mean" for at in ("0.2", "0.5")}
    return Arm(label, kept=Kept(_LSPET, values, "/measured/command"), seeded=seeded)


def _published_weights(stacks: int, value: float) -> Claim:
    """Returns the claim of a published network, which its weights and photographs would show."""
    label = f"{stacks} stacks"
    arm = Arm(
        label,
        verb="jaxrepro.papers.pyranet.evaluate",
        flags=(
            f"--model={{data}}/hg_s{stacks}_b1.npz",
            "--people=mpii:{data}/mpii/valid.h5",
            "--flip",
        ),
        # The mirrored picture too, joints in whole pixels, as that code has it.
        values={"pckh": "/predictions/3/scores/pckh/means/0.5~114_joints~1below/mean"},
        file="scores.json",
        published={"pckh": value},
        seeded=False,
        minutes=20 * stacks,
    )
    return Claim(
        f"pyranet/hourglass_{stacks}_stacks",
        f"A published hourglass of {stacks} stacks has PCKh@0.5 {value} % on MPII's validation "
        "people.",
        "README of bearpaw/pytorch-pose",
        (arm,),
        (Result("pckh", "PCKh@0.5", 2, "%"),),
        Near(label, "pckh", value, 0.1),
        protocol="2,958 people, mean of 14 joints, with the mirrored picture. DATA has the weights "
        "as .npz, and in mpii/ valid.h5 and the photographs.",
        data="MPII, weights of pytorch-pose",
        parity=_SCORES,
        without="the photographs of MPII and the published weights",
    )


def _of_gpus(
    name: str,
    says: str,
    source: str,
    *tests: str,
    quoted: str = "memory",
    protocol: str = "",
    without: str = _MPII,
) -> Claim:
    return Claim(
        f"pyranet/{name}", says, source, quoted=quoted, protocol=protocol, parity=tests,
        without=without, data="CIFAR-10" if "cifar" in name else "MPII",
    )  # fmt: skip


def _on_figures(label: str, *flags: str) -> Arm:
    """Returns 1,000 updates of the demo on drawn figures."""
    return Arm(label, run="configs/pyranet.py:demo", flags=flags, minutes=6)


_ON_LSPET = tuple(
    _found(label, row)
    for label, row in (
        ("plain", 0),
        ("mirrored", 2),
        ("six scales", 4),
        ("mirrored, six scales", 6),
    )
)
_GUESSES = (_found("mean pose", 8, seeded=False), _found("nearest neighbour", 9, seeded=False))
_LSPET_PROTOCOL = (
    "LSPET, images 1 to 1000 for training, 1001 to 1250 measured, of which 175 have a torso: "
    "1 stack of width 64 at 128 pixels, 12,000 updates of 16, one seed."
)
_DEMO = Arm("hourglass", run="configs/hourglass.py:demo", minutes=2)
_DEMO_RESULTS = (
    Result("validation/pck@0.2", "PCK@0.2", 1, "%"),
    Result("baselines/mean_pose_pck@0.2", "of the mean pose", 1, "%"),
    Result("baselines/nearest_pck@0.2", "of the nearest neighbour", 1, "%"),
)
_TRAINED_STARTS = (
    _on_figures("torch"),
    _on_figures("branch_paper", "--config.model.init=branch_paper"),
    _on_figures(
        "branch_paper, maps as torch",
        "--config.model.init=branch_paper",
        "--config.model.score_init=torch",
    ),
)

CLAIMS: tuple[Claim, ...] = (
    _of_gpus(
        "pyranet_8_stacks",
        "PyraNet of 8 stacks has PCKh@0.5 90.27 % on MPII's validation people.",
        "README of bearpaw/PyraNet, epoch 250",
        *_SIZES,
        *_BLOCKS,
        "tests/metrics/pose/test_pose_search.py::test_six_scales_find_the_joint",
        quoted="read",
        protocol="Mirrored pictures and six scales. `python -m jaxrepro.train "
        "--config=configs/pyranet.py --config.data.source=mpii:FILE`.",
    ),
    _published_weights(2, 86.95),
    _published_weights(8, 88.78),
    _of_gpus(
        "pyramids_at_full_size",
        "Pyramid residual modules find more joints on MPII and LSP than an hourglass of plain "
        "residuals.",
        f"{_PAPER}, section 4.1",
        *_SIZES,
        *_BLOCKS,
        f"{_TESTS}test_pose_task.py::test_the_control_has_no_pyramids_and_cards_make_the_networks_again",
    ),
    _of_gpus(
        "article_sees_no_gain",
        "With 2 stacks and 150 epochs PRM-B finds no more joints on MPII than plain residuals.",
        _ARTICLE,
        *_SIZES,
        f"{_TESTS}test_pose_task.py::test_rates_of_the_published_configs",
        quoted="read",
        protocol="The article has its figures in pictures alone. `python -m jaxrepro.train "
        "--config=configs/pyranet_article.py:block=B` and `block=res`.",
    ),
    Claim(
        "pyranet/prm_b_small",
        "PRM-B finds more joints than plain residuals after equally many updates.",
        f"{_PAPER}, section 4.3, on a small network",
        (_of_seeds(_PLAIN, 0), _of_seeds(_PYRAMIDS, 1)),
        _PCK,
        All(*(Order(_PYRAMIDS, _PLAIN, result.name) for result in _PCK)),
        quoted="memory",
        protocol="LSPET at 64 pixels, 1 stack of width 32, 4,000 updates of 16, with the mirrored "
        "picture.",
        data="LSPET",
        note="These networks are small and far from trained.",
    ),
    _of_gpus(
        "all_variants_gain",
        "PRM-A, B, C and D all find more joints than plain residuals, and B for the least "
        "operations.",
        f"{_PAPER}, figure 8",
        *_SIZES,
        *_BLOCKS,
        f"{_TESTS}network/test_pyramid_residual.py::test_parameters_by_hand",
    ),
    _of_gpus(
        "start_at_full_size",
        "The initialisation for several branches gives higher scores than Xavier's and MSRA's.",
        f"{_PAPER}, section 4.3",
        "tests/nn/test_branch_initialization.py::test_variances_by_hand",
        f"{_TESTS}network/test_starts.py::test_layers_with_branches",
    ),
    _of_gpus(
        "fix_at_full_size",
        "Projected shortcuts where branches are added raise the score.",
        f"{_PAPER}, section 4.3",
        f"{_TESTS}network/test_networks.py::test_sizes_without_the_variance_fix_and_with_wider_levels",
        f"{_TESTS}start/test_variance.py::test_identities_add_up_and_projections_do_not",
    ),
    _of_gpus(
        "more_levels_and_channels",
        "More levels in a pyramid raise the score.",
        f"{_PAPER}, section 4.3",
        f"{_TESTS}network/test_pyramid_residual.py::test_sides_of_the_levels",
        f"{_TESTS}network/test_networks.py::test_sizes_without_the_variance_fix_and_with_wider_levels",
    ),
    _of_gpus(
        "stacks",
        "From 2 to 8 stacks the score rises by one or two points.",
        "issue 4 of bearpaw/PyraNet",
        *_SIZES,
        f"{_TESTS}test_predict.py::test_an_earlier_stack_answers",
        quoted="read",
    ),
    *variance_claims.CLAIMS,
    Claim(
        "pyranet/start_and_training",
        "The paper's initialisation finds more joints after equally many updates than Torch's.",
        f"{_PAPER}, section 4.3, on a small network",
        _TRAINED_STARTS,
        (Result("validation/pckh@0.5", "PCKh@0.5", 1, "%"),),
        Order("branch_paper", "torch", "validation/pckh@0.5"),
        quoted="memory",
        protocol="1,000 updates on drawn figures, one seed; `maps as torch` starts the layers that "
        "make the maps as Torch does.",
    ),
    _of_gpus(
        "cifar10_at_full_size",
        "With PRM-B a wide ResNet 28-9 of no more parameters than 28-10 has a lower error on "
        "CIFAR-10, and a ResNeXt-29 of 8x64d with more parameters too.",
        f"{_PAPER}, section 4.4",
        *_CLASSIFIERS,
        protocol="`python -m jaxrepro.train --config=configs/prm_cifar.py:net=wrn,width=9`.",
        without="all 50,000 images, GPUs for days, and code: that of the classifiers was not "
        "released",
    ),
    Claim(
        "pyranet/cifar10_equal_parameters",
        "At equal parameters PRM-B lowers the error of a wide ResNet on CIFAR-10.",
        f"{_PAPER}, section 4.4, on a small network",
        (_classifier("WRN-16-1", 0), _classifier("with PRM-B, narrower", 1)),
        (
            Result("error", "top-1 error, last", 1, "%", "less"),
            Result("parameters", digits=0),
            Result("multiplications", digits=0),
        ),
        Order("WRN-16-1", "with PRM-B, narrower", "error"),
        quoted="memory",
        protocol="25,000 of the 50,000 training images, all 10,000 test images, 1,400 updates of "
        "64.",
        data="CIFAR-10",
        note="3.6 passes over the images are far from a trained network.",
    ),
    Claim(
        "pyranet/better_than_guesses",
        "On real people a small hourglass finds more joints than the mean pose and the "
        "nearest neighbour.",
        "our run",
        (*_GUESSES, _ON_LSPET[0]),
        _PCK,
        All(*(Order("plain", guess.label, r.name) for guess in _GUESSES for r in _PCK)),
        protocol=_LSPET_PROTOCOL,
        data="LSPET",
    ),
    Claim(
        "pyranet/mirrored_pictures",
        "Maps averaged with those of the mirrored picture find more joints.",
        f"{_HOURGLASS}, section 4",
        _ON_LSPET[:2],
        _PCK,
        All(*(Order("mirrored", "plain", result.name) for result in _PCK)),
        quoted="memory",
        protocol=_LSPET_PROTOCOL,
        data="LSPET",
    ),
    Claim(
        "pyranet/six_scales",
        "Maps averaged over six scales find more joints, with the mirrored picture too.",
        f"{_PAPER}, section 4",
        _ON_LSPET,
        _PCK,
        All(
            *(Order("six scales", "plain", result.name) for result in _PCK),
            *(Order("mirrored, six scales", "mirrored", result.name) for result in _PCK),
        ),
        quoted="memory",
        protocol=_LSPET_PROTOCOL,
        data="LSPET",
    ),
    Claim(
        "pyranet/demo_learns",
        "The demo learns: on other drawn figures it finds 40 % of the joints and more.",
        "our run",
        (_DEMO,),
        _DEMO_RESULTS,
        Between("hourglass", "validation/pck@0.2", low=40),
        protocol="1,000 updates on drawn figures, one seed; it says nothing about people.",
    ),
    _of_gpus(
        "equal_to_pytorch_pose",
        "The maps of both stacks equal those of pytorch-pose on the same weights and pictures.",
        "bearpaw/pytorch-pose edc7aec",
        "tests/nn/blocks/test_stacked_hourglass.py::test_scores_are_those_of_the_published_code",
        "tests/nn/blocks/test_stacked_hourglass.py::test_parameters",
        quoted="read",
        without="no training of both codes to the end",
    ),
    _of_gpus(
        "published_parameters",
        "The hourglass of 8 stacks has 26 million parameters and PyraNet 28 million, which are "
        "pyramids of 4 levels and a ninth of the width.",
        "the table of Fast Human Pose Estimation",
        *_SIZES,
        without="nothing to measure but sizes",
    ),
    _of_gpus(
        "two_means_of_one_score",
        "Published detections on MPII's validation people have PCKh@0.5 81.46 % where the 14 "
        "joints weigh the same, and 82.34 % where labels do.",
        "pytorch-pose and HRNet, on the same detections",
        "tests/metrics/pose/test_keypoint_accuracy.py::test_figures_of_the_published_predictions",
        "tests/metrics/pose/test_keypoint_accuracy.py::test_means_by_hand",
        quoted="read",
        without="no command that reads detections: a test measures them where the file lies beside "
        "the repository",
    ),
    _of_gpus(
        "random_windows",
        "The released network draws its pooling windows in tests too, so that its answers are "
        "random.",
        "bearpaw/PyraNet 56d4f47, models/layers/PRM.lua",
        "tests/nn/blocks/test_fractional_pooling.py::test_values_and_gradients_are_pytorchs",
        f"{_TESTS}network/test_pyramid_residual.py::test_windows_are_drawn_anew_and_shared_in_tests",
        quoted="read",
        without="the published weights",
    ),
    Claim(
        "pyranet/faster_than_pytorch",
        "An update and the maps of a batch take less time than in pytorch-pose on a CPU.",
        "our aim",
        tuple(
            Arm(
                label,
                kept=Kept(
                    _TORCH,
                    {"update": f"/train/{key}", "maps": f"/inference/{key}"},
                    "/commands/train",
                ),
            )
            for label, key in (("pytorch-pose", "peer_ms"), ("ours", "ours_ms"))
        ),
        (
            Result("update", unit="ms", digits=0, better="less"),
            Result("maps", "maps of a batch", unit="ms", digits=0, better="less"),
        ),
        All(*(Order("pytorch-pose", "ours", name) for name in ("update", "maps"))),
        protocol="2 stacks, width 256, 256 pixels, batches of 2; 2 cores of an AMD EPYC beside "
        "torch 2.13 with 2 threads. Five rounds in turn stand in the column of seeds.",
    ),
    exported(
        "pyranet",
        {
            "Hourglass": "configs/hourglass.py:demo",
            "PyraNet": "configs/pyranet.py:demo",
            "PRM classifier": "configs/prm_cifar.py:demo",
        },
    ),
)
