"""The claims of BigGAN: what was measured here, and what only tests can show here."""

import itertools

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.exported import exported
from jaxrepro.evidence.rules import All, Between, Order
from jaxrepro.papers.biggan.measures import table_claims
from jaxrepro.papers.biggan.measures.table_claims import PAPER

_CIFAR = "biggan_cifar10_cpu.json"
_FEATURES = "resnet8-cifar10_32-754d7c8d"
_STEPS = (500, 1000, 2000, 3000, 4000, 5000, 5494)
_TRUNCATIONS = (0.25, 0.5, 1, 2)
_CIFAR_PROTOCOL = (
    "CIFAR-10, 25,000 of the 50,000 training images, ch 16, one run; {} samples of the moving "
    f"average, in the features of a classifier of the data (`{_FEATURES}`): no FID."
)
_TORCH = "biggan_cpu_vs_pytorch.json"
_SETTINGS = {
    "CIFAR": "CIFAR setting, ch 16, batch 16, 4 discriminator steps",
    "128 pixels": "128 pixels, ch 16, batch 4, 1 discriminator step, no orthogonal regularisation",
}
_TIMES = (
    "2 cores of an AMD EPYC beside torch 2.13 with 2 threads, the author's code unmodified; "
    "three rounds in turn stand in the column of seeds."
)


def _of_step(index: int, step: int) -> Arm:
    place = f"/evaluation/results/{index}/results/"
    names = {
        "frechet": "metrics~1frechet@5000",
        "intra": "metrics~1intra_class_frechet@5000",
        "score": "metrics~1classifier_score@5000",
        "precision": "metrics~1precision@5000",
        "recall": "metrics~1recall@5000",
        "coverage": "metrics~1coverage@5000",
    }
    values = {name: f"{place}{path}:{_FEATURES}" for name, path in names.items()}
    return Arm(f"{step} updates", kept=Kept(_CIFAR, values, "/training/command"))


def _truncated(index: int, t: float) -> Arm:
    place = f"/truncation/points/{index}/results/"
    names = {
        "frechet": "frechet",
        "score": "classifier_score",
        "precision": "precision",
        "recall": "recall",
    }
    values = {name: f"{place}{path}@2000:{_FEATURES}" for name, path in names.items()}
    return Arm(f"t = {t:g}", kept=Kept(_CIFAR, values, "/truncation/command"))


def _judged(index: int, name: str, path: str) -> Arm:
    pointer = f"/evaluation/results/{index}/results/discriminator~1{path}_accuracy"
    return Arm(name, kept=Kept(_CIFAR, {"accuracy": pointer}, "/evaluation/command"))


def _falling(arms: tuple[Arm, ...], result: str) -> All:
    return All(*(Order(a.label, b.label, result) for a, b in itertools.pairwise(arms)))


def _timed(label: str, key: str) -> Arm:
    places = {name: f"/settings/{setting}/{key}" for name, setting in _SETTINGS.items()}
    return Arm(label, kept=Kept(_TORCH, places, "/settings/" + _SETTINGS["CIFAR"] + "/command"))


def _digits(label: str, *flags: str, config: str = "", minutes: float) -> Arm:
    return Arm(label, run=f"configs/biggan_digits.py{config}", flags=flags, minutes=minutes)


def _ported(name: str, says: str, source: str, *tests: str, lacking: str) -> Claim:
    parity = tuple(f"tests/papers/biggan/{test}" for test in tests)
    return Claim(f"biggan/{name}", says, source, parity=parity, without=lacking)


_BY_STEP = tuple(_of_step(index, step) for index, step in enumerate(_STEPS))
_BY_TRUNCATION = tuple(_truncated(index, t) for index, t in enumerate(_TRUNCATIONS))
_ACCURACIES = (
    _judged(6, "training images", "train"),
    _judged(6, "other images", "validation"),
    _judged(6, "samples", "sample"),
)
_DISTANCES = (
    Result("frechet", "Frechet", 3, better="less"),
    Result("score", "classifier score"),
    Result("precision", digits=3),
    Result("recall", digits=3),
)
_DIGITS = (
    Result("digits/class_agreement", "class agreement", 3),
    Result("digits/class_agreement_worst", "of the worst class", 3),
    Result("digits/pairwise_ratio", "pairwise ratio"),
    Result("digits/nearest_ratio", "nearest ratio"),
    Result("digits/frechet_ratio", "Frechet ratio", better="less"),
)
_GAUSSIAN = Arm(
    "Gaussian of each class",
    verb="benchmarks.digits_baseline",
    values={r.name: "/" + r.name.removeprefix("digits/") for r in _DIGITS},
    minutes=0.2,
)
_GAN = _digits("BigGAN", minutes=3)
_JUDGE = (
    "Bundled digits at 16 pixels; 1,000 samples by a support vector machine that is fitted on the "
    "training digits. Ratios are to held-out real digits, of Frechet to training digits."
)
_RATES = ("--config.optim.g.learning_rate=0.01", "--config.optim.d.learning_rate=0.004")
_COLLAPSING = _digits(
    "rates times 50 and 10",
    "--config.num_seeds=3",
    "--config.train.total_steps=500",
    *_RATES,
    "--config.optim.orthogonal=0",
    "--config.eval.every=100",
    "--config.guard.action=off",
    config=":bs=16",
    minutes=2,
)
_NORMAL = _digits(
    "rates of the config",
    "--config.num_seeds=3",
    "--config.train.total_steps=500",
    "--config.optim.orthogonal=0",
    "--config.eval.every=100",
    "--config.guard.action=off",
    config=":bs=16",
    minutes=2,
)

CLAIMS: tuple[Claim, ...] = (
    *table_claims.CLAIMS,
    Claim(
        "biggan/truncation_trades_variety",
        "The smaller the truncation, the higher the score and the lower the variety.",
        f"{PAPER}, section 3.2",
        _BY_TRUNCATION,
        _DISTANCES,
        All(_falling(_BY_TRUNCATION, "score"), _falling(_BY_TRUNCATION[::-1], "recall")),
        quoted="memory",
        protocol=_CIFAR_PROTOCOL.format("2,000")
        + " `resample`, standing statistics of 100 passes for each t.",
        data="CIFAR-10",
    ),
    Claim(
        "biggan/slight_truncation_improves_the_distance",
        "A slight truncation lowers the distance to the data before stronger ones raise it.",
        f"{PAPER}, section 3.2",
        _BY_TRUNCATION[2:],
        _DISTANCES,
        Order("t = 2", "t = 1", "frechet"),
        quoted="memory",
        protocol=_CIFAR_PROTOCOL.format("2,000"),
        data="CIFAR-10",
        note="The run is far from trained, and t = 2 truncates already: a network that is trained "
        "to the end may differ.",
    ),
    Claim(
        "biggan/cifar10_course",
        "The distances to the data fall, and score, recall and coverage rise, as long as it "
        "trains.",
        "our run",
        _BY_STEP,
        (
            _DISTANCES[0],
            Result("intra", "within classes", 3, better="less"),
            *_DISTANCES[1:],
            Result("coverage", digits=3),
        ),
        All(
            *(_falling(_BY_STEP, name) for name in ("frechet", "intra")),
            *(_falling(_BY_STEP[::-1], name) for name in ("score", "recall", "coverage")),
        ),
        protocol=_CIFAR_PROTOCOL.format("5,000"),
        data="CIFAR-10",
    ),
    Claim(
        "biggan/cifar10",
        "On CIFAR-10 the setting of row 8 reaches an Inception score of 9.22 and an FID of 14.73.",
        f"{PAPER}, the appendix",
        quoted="memory",
        protocol="`python -m jaxrepro.train --config=configs/biggan32.py` is the setting of the "
        "author's script.",
        data="CIFAR-10",
        parity=("tests/papers/biggan/test_task.py::test_update_of_the_published_code",),
        without="all 50,000 images, published Inception weights and a GPU for a day",
    ),
    Claim(
        "biggan/discriminator_remembers",
        "The discriminator is right more often on its training images than on others: it "
        "remembers them.",
        f"{PAPER}, section 4.2",
        _ACCURACIES,
        (Result("accuracy", "share that D judges right", 3),),
        Order("training images", "other images", "accuracy"),
        quoted="memory",
        protocol="CIFAR-10 as above, after 5,494 updates; 1,000 of each.",
        data="CIFAR-10",
    ),
    Claim(
        "biggan/digits",
        "On handwritten digits BigGAN neither collapses nor copies.",
        "our run, the first command of the README",
        (_GAN, _GAUSSIAN),
        _DIGITS,
        All(
            Between("BigGAN", "digits/class_agreement", low=0.95),
            Between("BigGAN", "digits/pairwise_ratio", 0.75, 1.25),
            Between("BigGAN", "digits/nearest_ratio", low=0.75),
        ),
        protocol=_JUDGE,
    ),
    Claim(
        "biggan/digits_beside_a_gaussian",
        "On handwritten digits BigGAN is nearer to the data than a normal distribution fitted to "
        "the pixels of each class.",
        "our question",
        (_GAN, _GAUSSIAN),
        _DIGITS,
        Order("Gaussian of each class", "BigGAN", "digits/frechet_ratio"),
        protocol=_JUDGE,
    ),
    Claim(
        "biggan/collapse_on_purpose",
        "Much larger learning rates collapse the generator: samples of a class become one "
        "picture, which the agreement with their class does not show.",
        "our run",
        (_COLLAPSING, _NORMAL),
        _DIGITS,
        All(
            Order("rates of the config", "rates times 50 and 10", "digits/pairwise_ratio"),
            Order("rates times 50 and 10", "rates of the config", "digits/class_agreement", -0.1),
        ),
        protocol=_JUDGE + " 500 updates with batches of 16 and no orthogonal regularisation.",
    ),
    _ported(
        "authors_code",
        "Networks, statistics, gradients and a whole update equal those of the author's PyTorch "
        "code on the same arrays.",
        "ajbrock/BigGAN-PyTorch at 98459431",
        "porting/test_port.py::test_eval_outputs",
        "porting/test_port.py::test_train_outputs",
        "porting/test_port.py::test_buffers_after_a_training_call",
        "porting/test_port.py::test_gradients_and_losses",
        "test_task.py::test_update_of_the_published_code",
        lacking="no run of both codes to the end",
    ),
    _ported(
        "parameter_counts",
        "The networks of row 8 have 70,433,988 and 87,982,370 parameters.",
        "google/compare_gan 19922d30",
        "network/test_model.py::test_generator_parameters",
        "network/test_model.py::test_discriminator_parameters",
        lacking="nothing to measure but sizes",
    ),
    _ported(
        "authors_weights",
        "The author's published weights of 128 pixels are read, G, its average and D.",
        "README of ajbrock/BigGAN-PyTorch",
        "porting/test_port_command.py::test_author_files_make_one_export",
        "porting/test_port_published.py::test_author_generator",
        "porting/test_port_published.py::test_author_discriminator_and_its_gradient",
        lacking="the published files: the tests are on random weights of their layout",
    ),
    _ported(
        "huggingface_weights",
        "Published weights of BigGAN-deep for 128, 256 and 512 pixels are read, with their table "
        "of statistics.",
        "huggingface/pytorch-pretrained-BigGAN 1e18aed2",
        "porting/test_port_published.py::test_huggingface_generator_on_rows_of_its_table",
        "porting/test_port_published.py::test_huggingface_table_between_rows",
        "network/test_deep.py::test_generator_parameters",
        lacking="the published files: the tests are on random weights of their layout",
    ),
    _ported(
        "tfhub_weights",
        "The weights on TF-Hub are read, as NumPy archives.",
        "tfhub.dev/deepmind/biggan, through the author's converter",
        "porting/test_port_published.py::test_tfhub_generator",
        "porting/test_port_published.py::test_tfhub_sizes",
        "porting/test_port_command.py::test_tfhub_deep_is_the_network_that_huggingface_made_of_it",
        lacking="the published files: the tests are on random weights of their layout",
    ),
    _ported(
        "three_truncations",
        "Three distributions are called truncation: the paper's resampling, a scaled one on "
        "TF-Hub, and a narrower normal one in the author's code.",
        "tensorflow/hub#214 and the three codes",
        "network/test_truncation.py::test_distribution_is_scipys",
        "network/test_truncation.py::test_the_test_above_tells_the_modes_apart",
        lacking="no samples of published weights",
    ),
    _ported(
        "low_precision",
        "In bfloat16 the networks train with an epsilon of 1e-4 in both norms.",
        f"{PAPER}, section 3 (from memory)",
        "test_task.py::test_bfloat16_computes_in_bfloat16_and_keeps_float32_state",
        "network/test_model.py::test_low_precision",
        lacking="an accelerator that computes in bfloat16",
    ),
    Claim(
        "biggan/faster_than_pytorch",
        "An update takes less time than the author's PyTorch code needs for it on a CPU.",
        "our aim",
        (_timed("PyTorch", "peer_ms"), _timed("ours", "ours_ms")),
        tuple(Result(name, unit="ms", digits=0, better="less") for name in _SETTINGS),
        All(*(Order("PyTorch", "ours", name) for name in _SETTINGS)),
        protocol=_TIMES,
    ),
    Claim(
        "biggan/twice_as_fast",
        "An update is at least twice as fast as in the author's PyTorch code on a CPU.",
        "our aim",
        (_timed("PyTorch by ours", "ratio_by_round"),),
        tuple(Result(name) for name in _SETTINGS),
        All(*(Between("PyTorch by ours", name, low=2) for name in _SETTINGS)),
        protocol=_TIMES,
    ),
    Claim(
        "biggan/memory_plan",
        "The update of row 8 fits into 16 GB in microbatches.",
        "our aim; the paper trains on a pod",
        (
            Arm(
                "16 GB",
                verb="jaxrepro.plan",
                flags=(
                    "--config=configs/biggan128.py",
                    "--device_memory=16GB",
                    "--num_classes=1000",
                ),
                values={"images": "/recommended/images"},
                seeded=False,
                minutes=5,
            ),
        ),
        (Result("images", "images of a microbatch", digits=0),),
        Between("16 GB", "images", low=1),
        protocol="The memory is that of XLA's CPU compiler, an estimate for accelerators.",
    ),
    Claim(
        "biggan/scaling",
        "On 512 TPU v3 cores exchanges are predicted to cost at most a tenth of an update.",
        "our aim; the paper trains on 128 to 512 cores",
        (
            Arm(
                "512 TPU v3 cores",
                kept=Kept(
                    "biggan128_scaling_512.json",
                    {
                        "exchanges": "/compiled/0/collectives_a_step",
                        "efficiency": "/predicted/0/efficiency_without_overlap",
                    },
                    "/command",
                ),
                seeded=False,
            ),
        ),
        (
            Result("exchanges", "exchanges an update", digits=0),
            Result("efficiency", "predicted efficiency", digits=3),
        ),
        Between("512 TPU v3 cores", "efficiency", low=0.9),
        protocol="A prediction from the compiled program and published figures of the machine, "
        "not a measurement; docs/scaling.md says how.",
    ),
    exported(
        "biggan",
        {
            "BigGAN": "configs/biggan_digits.py",
            "BigGAN-deep": "configs/biggan_deep128.py:demo",
        },
    ),
)
