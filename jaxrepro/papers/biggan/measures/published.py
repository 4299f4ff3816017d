"""Published figures that belong to a BigGAN setting; none of them is a target of a test."""

from jaxrepro.core.task import Caption, PublishedCurve, PublishedFigure, References

CITATION = (
    "Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image "
    "Synthesis, ICLR 2019, arXiv 1809.11096"
)

_FID = "metrics/fid"
_INCEPTION_SCORE = "metrics/inception_score"

_DESCRIPTIONS = {
    _FID: "Frechet Inception distance of samples to the data; lower is better",
    _INCEPTION_SCORE: "Inception score of samples; higher is better",
    "metrics/frechet": "Frechet distance of samples to the data in the features of the network "
    "named after the colon; lower is better, not comparable between networks",
    "digits/class_agreement": "share of samples that a judge fitted on real digits assigns to "
    "the class asked for",
    "digits/class_agreement_worst": "the same share, of the worst class",
    "digits/pairwise_ratio": "distance between two samples of a class over that of held-out real "
    "digits; towards 0 is collapse",
    "digits/nearest_ratio": "distance to the nearest training digit over that of held-out real "
    "digits; towards 0 is memorising",
    "digits/frechet_ratio": "Frechet distance in pixel space over that of real training digits; "
    "1 is as good as real",
}

_BETTER = {
    _FID: "lower",
    "metrics/frechet": "lower",
    _INCEPTION_SCORE: "higher",
    "digits/class_agreement": "higher",
    "digits/class_agreement_worst": "higher",
    "digits/frechet_ratio": "lower",
}
_CAPTIONS = {
    "samples/sheet": Caption(
        "Samples of the generator's moving average, one class a row; the same latents all along."
    ),
}

# Table 1 of the paper: (batch, ch, shared embedding, skip-z, orthogonal regularisation) to
# (row, thousands of updates, FID, Inception score).
TABLE_1 = {
    (256, 64, False, False, False): (1, 1000, 18.65, 52.52),
    (512, 64, False, False, False): (2, 1000, 15.30, 58.77),
    (1024, 64, False, False, False): (3, 1000, 14.88, 63.03),
    (2048, 64, False, False, False): (4, 732, 12.39, 76.85),
    (2048, 96, False, False, False): (5, 295, 9.54, 92.98),
    (2048, 96, True, False, False): (6, 185, 9.18, 94.94),
    (2048, 96, True, True, False): (7, 152, 8.73, 98.76),
    (2048, 96, True, True, True): (8, 165, 8.51, 99.31),
    (2048, 64, True, True, True): (9, 371, 10.48, 86.90),
}

_LOG_PROTOCOL = (
    "ImageNet at 128 pixels, 50,000 samples, PyTorch Inception; ch 96, batch 256 passed 8 times, "
    "1 discriminator step, moving average from update 20,000"
)
_LOG_SOURCE = "metrics log of the author's released 128-pixel run, BigGAN-PyTorch"
# Update: Inception score, FID.
_AUTHOR_LOG = (
    (2_000, 2.81, 173.8),
    (4_000, 4.96, 113.9),
    (10_000, 10.4, 83.6),
    (20_000, 14.8, 61.3),
    (22_000, 17.2, 53.4),
    (30_000, 25.6, 35.5),
    (50_000, 43.3, 20.5),
    (70_000, 56.8, 15.3),
    (100_000, 72.2, 11.7),
    (120_000, 82.4, 10.3),
)


def references(
    *,
    resolution: int,
    batch_size: int,
    ch: int,
    shared_embedding: bool,
    hierarchical: bool,
    orthogonal: bool,
    headline: str,
) -> References:
    """Returns what was published for a setting. headline: the result that stands first.

    At 128 pixels: the course of the author's PyTorch run, whatever the setting, and the row of the
    paper's Table 1 if its batch (images of one update of one network), ch, shared embedding,
    skip-z (`hierarchical`) and orthogonal regularisation are these. At 32 pixels: the paper's
    CIFAR-10 figures. Figures of the paper are quoted from memory, and say so.
    """
    rows: list[PublishedFigure] = []
    curves: tuple[PublishedCurve, ...] = ()
    if resolution == 128:
        setting = (batch_size, ch, shared_embedding, hierarchical, orthogonal)
        if setting in TABLE_1:
            rows += _table_1_row(*TABLE_1[setting])
        curves = _author_curves()
    if resolution == 32:
        rows += _from_memory("CIFAR-10 at 32 pixels, the paper's own settings", "", 14.73, 9.22)
    return References(
        tuple(rows),
        curves,
        _DESCRIPTIONS,
        CITATION,
        targets={
            f"digits/{name}": {"real digits": f"digits/real_{name}"}
            for name in ("class_agreement", "class_agreement_worst")
        },
        better=_BETTER,
        headline=headline,
        after_at={"metrics": "{} samples"},
        captions=_CAPTIONS,
    )


def _table_1_row(
    row: int, thousands: int, fid: float, inception_score: float
) -> list[PublishedFigure]:
    protocol = (
        f"ImageNet at 128 pixels, 50,000 samples, no truncation, TensorFlow Inception, after "
        f"{thousands},000 updates"
    )
    return _from_memory(protocol, f", Table 1, row {row}", fid, inception_score)


def _from_memory(
    protocol: str, place: str, fid: float, inception_score: float
) -> list[PublishedFigure]:
    source = f"the paper{place}; quoted from memory, not checked against its text"
    return [
        PublishedFigure(f"{_FID}@50000", fid, protocol, source),
        PublishedFigure(f"{_INCEPTION_SCORE}@50000", inception_score, protocol, source),
    ]


def _author_curves() -> tuple[PublishedCurve, ...]:
    scores = tuple((step, score) for step, score, _ in _AUTHOR_LOG)
    distances = tuple((step, distance) for step, _, distance in _AUTHOR_LOG)
    return (
        PublishedCurve(f"{_FID}@50000:inception-pytorch", distances, _LOG_PROTOCOL, _LOG_SOURCE),
        PublishedCurve(
            f"{_INCEPTION_SCORE}@50000:inception-pytorch", scores, _LOG_PROTOCOL, _LOG_SOURCE
        ),
    )
