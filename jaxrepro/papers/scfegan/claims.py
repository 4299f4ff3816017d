"""What was claimed of SC-FEGAN, by its authors and in articles about it, and what measures it."""

from collections.abc import Sequence

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.exported import exported
from jaxrepro.evidence.rules import All, Between, Near, Order

_PAPER = (
    "Jo and Park, SC-FEGAN: Face Editing Generative Adversarial Network with User's Sketch and "
    "Color, ICCV 2019, arXiv 1902.06838"
)
_RELEASE = "the authors' released code, run-youngjoo/SC-FEGAN"
_ARTICLE = "an article that goes through the paper"
_OURS = "this project"
_FACES = "564 aligned faces, prepared at 128 pixels as faces128"

# One run of the variant hour, seed 0, measured on the 29 faces that were held out.
_HOUR = "scfegan_hour_cpu.json"
_HOUR_PROTOCOL = (
    "The variant hour: width 16, 128 pixels, random features, 10,000 updates of 8 of 535 synthetic "
    "faces, seed 0; masks are those of training, sketch and colours were given; measured in the "
    "hole alone, mean over 29 held-out faces."
)
_TIMES = "scfegan_cpu_vs_pytorch.json"
_HOLES = {"": "all", "/0-0.1": "up to .1", "/0.1-0.25": ".1 to .25", "/0.25-0.5": ".25 to .5"}
_HOLES |= {"/0.5-1": "over .5"}

_PSNR = tuple(
    Result(f"hole_psnr{size}", f"PSNR, {title}", unit="dB") for size, title in _HOLES.items()
)
_L1 = tuple(
    Result(f"hole_l1{size}", f"L1, {title}", digits=4, better="less")
    for size, title in _HOLES.items()
)
_SKETCH = Result("sketch_f_score", "F-score of lines", digits=3)
_COLOR = Result("stroke_color_difference", "CIEDE2000 on strokes", digits=1, better="less")
_TIME = Result("network_ms", "network", digits=0, unit="ms", better="less")
_GOLDEN = (
    "tests/losses/test_patch_adversarial.py::test_golden_values",
    "tests/losses/test_gradient_penalty.py::test_golden_values",
)


def _hour(
    label: str, results: Sequence[Result], name: str = "held_out/{}", *, seeded: bool = True
) -> Arm:
    """Returns an arm of the hour's run. name: how the record calls a measure {}."""
    values = {}
    for result in results:
        measure, slash, size = result.name.partition("/")
        values[result.name] = _pointer(name.format(measure) + slash + size)
    return Arm(label, kept=Kept(_HOUR, values, "/command"), seeded=seeded)


def _pointer(name: str) -> str:
    return "/final/" + name.replace("/", "~1")


def _fillings(results: Sequence[Result]) -> tuple[Arm, ...]:
    return (
        _hour("generator", results),
        _hour("biharmonic filling", results, "baselines/biharmonic_{}", seeded=False),
        _hour("mean face", results, "baselines/mean_face_{}", seeded=False),
    )


def _trained(label: str, setting: str = "") -> Arm:
    """Returns three seeds of the variant hour on the prepared faces, with one setting changed."""
    return Arm(
        label,
        run=f"configs/scfegan.py:hour{setting and ','}{setting}",
        flags=("--config.data.source=faces:{data}/faces128", "--config.num_seeds=3"),
        minutes=280.0,
    )


def _held_out(result: Result) -> Result:
    """Returns the result as a run calls it."""
    return Result(f"held_out/{result.name}", result.title, result.digits, result.unit)


def _ablation(
    name: str,
    says: str,
    source: str,
    setting: str,
    results: Sequence[Result],
    *,
    quoted: str,
    note: str = "",
    baseline: str = "",
) -> Claim:
    """Returns the claim that a network is better than one with another `setting`, at equal budget.

    baseline: the setting of the former, "" for that of the variant.
    """
    better, worse = baseline or "as it is", setting
    measured = tuple(map(_held_out, results))
    return Claim(
        f"scfegan/{name}",
        says,
        source,
        (_trained(better, baseline), _trained(worse, setting)),
        measured,
        All(*(Order(better, worse, result.name) for result in measured)),
        quoted=quoted,
        protocol="The variant hour, 10,000 updates of 8 pictures of 128 pixels, three seeds.",
        data=_FACES,
        without="three seeds of both, hours on two cores each",
        note=note,
    )


def _demo(label: str, result: str, *, seeded: bool = True) -> Arm:
    """Returns the run of the demo, or what it measures beside its network."""
    values = {"hole_psnr": result}
    return Arm(label, run="configs/scfegan.py:demo", values=values, seeded=seeded, minutes=2)


CLAIMS = (
    Claim(
        "scfegan/above_mean_face",
        "The generator fills holes of every size better than the mean face does.",
        _OURS,
        _fillings(_L1),
        _L1,
        All(*(Order("mean face", "generator", result.name) for result in _L1)),
        protocol=_HOUR_PROTOCOL,
        data=_FACES,
        note="L1 is of values in [-1, 1].",
    ),
    Claim(
        "scfegan/above_smooth_filling",
        "The generator fills holes of every size better than biharmonic inpainting does.",
        _OURS,
        _fillings(_PSNR),
        _PSNR,
        All(*(Order("generator", "biharmonic filling", result.name) for result in _PSNR)),
        protocol=_HOUR_PROTOCOL,
        data=_FACES,
        note="Sizes are shares of the picture; of the largest there is a single face.",
    ),
    Claim(
        "scfegan/all_holes_together",
        "Over all holes together the generator is better than biharmonic inpainting.",
        _OURS,
        _fillings((_L1[0], _PSNR[0])),
        (_L1[0], _PSNR[0]),
        All(
            Order("biharmonic filling", "generator", _L1[0].name),
            Order("generator", "biharmonic filling", _PSNR[0].name),
        ),
        protocol=_HOUR_PROTOCOL,
        data=_FACES,
    ),
    Claim(
        "scfegan/sketch_followed",
        "The network follows the sketch: its edges are the given lines more than without a sketch, "
        "and more than by chance.",
        _PAPER,
        (
            _hour("sketch given", (_SKETCH,)),
            _hour("no sketch given", (_SKETCH,), "held_out/{}_without_sketch"),
            _hour("by chance", (_SKETCH,), "held_out/{}_by_chance"),
        ),
        (_SKETCH,),
        All(
            Order("sketch given", "no sketch given", _SKETCH.name),
            Order("sketch given", "by chance", _SKETCH.name),
        ),
        quoted="second hand",
        protocol=f"By chance: against the sketches of other faces. {_HOUR_PROTOCOL}",
        data=_FACES,
    ),
    Claim(
        "scfegan/color_followed",
        "The network follows the colours: on the strokes it is nearer to them than without.",
        _PAPER,
        (
            _hour("colours given", (_COLOR,)),
            _hour("no colours given", (_COLOR,), "held_out/{}_without_color"),
        ),
        (_COLOR,),
        Order("no colours given", "colours given", _COLOR.name),
        quoted="second hand",
        protocol=_HOUR_PROTOCOL,
        data=_FACES,
    ),
    Claim(
        "scfegan/input_helps",
        "Sketch and colours bring the result nearer to the true face, in holes of every size.",
        _PAPER,
        (
            _hour("sketch and colours", _L1),
            _hour("neither", _L1, "held_out/{}_without_input"),
        ),
        _L1,
        All(*(Order("neither", "sketch and colours", result.name) for result in _L1)),
        quoted="second hand",
        protocol=_HOUR_PROTOCOL,
        data=_FACES,
    ),
    Claim(
        "scfegan/parameters",
        "The released generator has 92,886,100 parameters.",
        _RELEASE,
        (
            Arm(
                "generator",
                kept=Kept(_TIMES, {"parameters": "/num_parameters"}, "/commands/ours"),
                published={"parameters": 92_886_100},
                seeded=False,
            ),
        ),
        (Result("parameters", digits=0),),
        Near("generator", "parameters", 92_886_100, 0),
        protocol="Counted in the network of 512 pixels.",
    ),
    Claim(
        "scfegan/same_as_pytorch",
        "The generator of 512 pixels paints what the same graph in plain PyTorch paints, to 1e-5.",
        _OURS,
        (
            Arm(
                "largest difference",
                kept=Kept(
                    _TIMES,
                    {"difference": "/peer/max_abs_difference_of_the_pictures"},
                    "/commands/ours",
                ),
                seeded=False,
            ),
        ),
        (Result("difference", digits=9, better="less"),),
        Between("largest difference", "difference", high=1e-5),
        protocol="Values in [-1, 1], the same weights.",
    ),
    Claim(
        "scfegan/speed",
        "On two CPU cores a picture of 512 pixels takes less time than in plain PyTorch.",
        _OURS,
        tuple(
            Arm(label, kept=Kept(_TIMES, {_TIME.name: f"/generator/{key}"}, "/commands/ours"))
            for label, key in [
                ("jaxrepro", "ours_ms"),
                ("PyTorch, channels last", "peer_nhwc_ms"),
                ("PyTorch, channels first", "peer_nchw_ms"),
            ]
        ),
        (_TIME,),
        All(
            Order("PyTorch, channels last", "jaxrepro", _TIME.name),
            Order("PyTorch, channels first", "jaxrepro", _TIME.name),
        ),
        protocol="The network alone, two cores of an AMD EPYC, two threads, in turn, other work of "
        "the machine stopped; rounds stand for seeds.",
    ),
    Claim(
        "scfegan/speed_on_gpu",
        "An edit of 512 pixels takes hundredths of a second on a GPU.",
        _PAPER,
        quoted="memory",
        without="a measurement on a GPU, `python -m benchmarks.edit_time` makes it",
    ),
    _ablation(
        "one_network_against_two",
        "One network in the form of a U-Net is better than a coarse and a refining one in a row.",
        _PAPER,
        "architecture=coarse_to_fine",
        (_PSNR[0],),
        quoted="memory",
    ),
    _ablation(
        "style_loss",
        "Without the style loss large holes are filled worse.",
        _ARTICLE,
        "style=0",
        _PSNR[3:],
        quoted="read",
        note="Without VGG-16's weights the features of the style term are random.",
    ),
    _ablation(
        "user_input_to_discriminator",
        "The sketch is followed better where the discriminator sees what the user drew.",
        _PAPER,
        "d_input=0",
        (_SKETCH,),
        quoted="second hand",
    ),
    _ablation(
        "gate_of_its_own",
        "Transposed layers with a gate kernel of their own are better than with the released "
        "code's gate, which is the activated feature itself.",
        f"the text against {_RELEASE}",
        "gate=self",
        (_PSNR[0],),
        quoted="second hand",
        baseline="gate=separate",
    ),
    Claim(
        "scfegan/sn_patchgan",
        "SN-PatchGAN, without ReLU and with a gradient penalty, trains stably on holes of any "
        "form.",
        _PAPER,
        quoted="second hand",
        parity=(
            *_GOLDEN,
            "tests/losses/test_gradient_penalty.py::test_norms_are_of_the_mean_score_in_the_hole_and_empty_holes_do_not_count",
            "tests/papers/scfegan/network/test_networks.py::test_the_discriminator_normalises_and_stores_only_in_training",
        ),
        without="a training beside other discriminators at the paper's size",
    ),
    Claim(
        "scfegan/masks_from_the_eyes",
        "Masks that begin at the eyes, and whole regions of hair, are needed to edit these.",
        _PAPER,
        quoted="second hand",
        parity=(
            "tests/data/strokes/test_free_form_mask.py::test_eye_stroke_erases_an_eye",
            "tests/data/strokes/test_free_form_mask.py::test_kinds_come_as_often_as_the_mix_says",
        ),
        without="trainings with and without such masks",
    ),
    Claim(
        "scfegan/demo_above_mean_picture",
        "A small network, trained for two minutes, fills holes in photographs that it has not seen "
        "better than the mean picture does.",
        _OURS,
        arms=(
            _demo("generator", "held_out/hole_psnr"),
            _demo("mean picture", "baselines/mean_face_hole_psnr", seeded=False),
            _demo("biharmonic filling", "baselines/biharmonic_hole_psnr", seeded=False),
        ),
        results=(Result("hole_psnr", "PSNR in the hole", digits=2, unit="dB"),),
        rule=Order("generator", "mean picture", "hole_psnr"),
        protocol="configs/scfegan.py:demo, crops of bundled photographs, no faces; seed 0.",
    ),
    Claim(
        "scfegan/released_weights",
        "The released weights edit faces of 512 pixels.",
        _RELEASE,
        parity=(
            "tests/papers/scfegan/test_port.py::test_a_checkpoint_through_file_reader_and_network",
            "tests/papers/scfegan/test_port.py::test_names_and_numbers_of_the_published_file",
            "tests/papers/scfegan/test_port.py::test_dead_taps_change_nothing_at_4_by_4_and_are_zero",
        ),
        without="the authors' checkpoint; synthetic weights in its place are read and run",
    ),
    Claim(
        "scfegan/faces_of_celeba_hq",
        "Trained on 29,000 faces of CelebA-HQ the network edits faces of 512 pixels convincingly.",
        _PAPER,
        quoted="second hand",
        without="CelebA-HQ, VGG-16's weights, and GPUs for days",
        parity=(
            *_GOLDEN,
            "tests/papers/scfegan/network/test_networks.py::test_parameters_at_full_width",
            "tests/papers/scfegan/training/test_update.py::test_eight_pictures_are_learned_by_heart",
        ),
    ),
    Claim(
        "scfegan/face_from_sketch_alone",
        "Where the whole face is erased, sketch and colours alone restore it.",
        _RELEASE,
        without="a training at 512 pixels, and a measure of how much a face looks like another",
    ),
    exported(
        "scfegan",
        {
            "SC-FEGAN": "configs/scfegan.py:demo",
        },
    ),
)
