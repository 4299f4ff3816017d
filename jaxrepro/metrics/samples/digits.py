"""Judges generated handwritten digits by means that took no part in training them.

Whether a classifier recognises the class saturates early and says nothing about collapse: one
good picture a class would score 1. So it stands beside distances that show too little variety,
copies of the training set, and a distribution other than that of the real digits, each over what
real digits score.

All figures live in one fixed feature space: the 64 pixels of the digit at 8x8, 0 (paper) to
16 (ink), the form in which the real digits were published.
"""

import functools
from collections.abc import Iterator

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.transforms import to_uint8
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance

SIDE = 8
MAX_INK = 16.0


class DigitsJudge:
    """Compares digits with held-out real ones, through the pictures the generator trained on.

    The real digits are given as the training pipeline makes them, so that resampling them to the
    training size and back treats real and generated alike.

    Args:
      train_images: uint8 [N, S, S, C], S a multiple of 8, the digits that the generator saw.
      train_labels: int [N].
      test_images: uint8 [M, S, S, C], real digits that nothing was fitted on, at least 2 a class.
      test_labels: int [M], with the same classes.

    Raises:
      InputError: for arrays of another form, or fewer training than test digits in a class.
    """

    def __init__(
        self,
        train_images: np.ndarray,
        train_labels: np.ndarray,
        test_images: np.ndarray,
        test_labels: np.ndarray,
    ):
        self._train, self._train_labels = _checked(train_images, train_labels, "training")
        self._test, self._test_labels = _checked(test_images, test_labels, "test")
        self._classes, self._per_class = np.unique(self._test_labels, return_counts=True)
        if self._per_class.min() < 2:
            raise InputError("the judge needs at least 2 test digits of every class; add some")
        self._check_counts(self._train_labels, "training digits")

    @property
    def num_required(self) -> int:
        """Number of samples of every class that `judge` needs."""
        return int(self._per_class.max())

    def judge(self, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        """Figures of generated digits beside those of real ones.

        class_agreement: share of the samples that an `SVC(gamma=0.001)`, fitted on the training
          digits, assigns to the class that was asked for; class_agreement_worst: that of the worst
          class. In [0, 1].
        pairwise_ratio: mean distance between two samples of a class (mean over classes), over the
          same of held-out digits. 1 is right, towards 0 is collapse.
        nearest_ratio: mean distance of a sample to its nearest training digit of any class, over
          the same of held-out digits. 1 is right, towards 0 is memorising, far above 1 is not a
          digit.
        frechet_ratio: Frechet distance of samples to the held-out digits, over that of training
          digits to the held-out digits, the floor that finite sets leave. Both sides of each
          distance have the held-out digits' number of every class; with more samples, the mean
          over disjoint subsets. 1 is as good as real.
        real_*: the five of real digits: agreement of the held-out digits, and the distances under
          the ratios.

        Args:
          images: [N, S, S, C], S a multiple of 8; uint8, or float in [-1, 1].
          labels: int [N], the classes asked for, `num_required` of each or more.

        Raises:
          InputError: for arrays of another form, unknown classes or too few samples of one.
        """
        features, labels = _checked(images, labels, "generated")
        self._check_counts(labels, "samples")
        agreement, worst = self._agreement(features, labels)
        real = self.reference
        return {
            "class_agreement": agreement,
            "class_agreement_worst": worst,
            "pairwise_ratio": self._pairwise(features, labels) / real["real_pairwise"],
            "nearest_ratio": self._nearest(features) / real["real_nearest"],
            "frechet_ratio": self._frechet(features, labels) / real["real_frechet"],
            **real,
        }

    @functools.cached_property
    def reference(self) -> dict[str, float]:
        """What real digits score, by the names of `judge`: distances in units of ink, 0 to 16."""
        agreement, worst = self._agreement(self._test, self._test_labels)
        return {
            "real_class_agreement": agreement,
            "real_class_agreement_worst": worst,
            "real_pairwise": self._pairwise(self._test, self._test_labels),
            "real_nearest": self._nearest(self._test),
            "real_frechet": self._frechet(self._train, self._train_labels),
        }

    @functools.cached_property
    def _classifier(self):
        from sklearn.svm import SVC

        # scikit-learn has no types: a checker infers str for gamma from its default, "scale".
        classifier = SVC(gamma=0.001)  # pyright: ignore[reportArgumentType]
        return classifier.fit(self._train, self._train_labels)

    def _agreement(self, features: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        hit = self._classifier.predict(features) == labels
        return float(hit.mean()), min(float(hit[labels == c].mean()) for c in self._classes)

    def _pairwise(self, features: np.ndarray, labels: np.ndarray) -> float:
        from scipy.spatial.distance import pdist

        return float(np.mean([pdist(features[labels == c]).mean() for c in self._classes]))

    def _nearest(self, features: np.ndarray) -> float:
        from scipy.spatial.distance import cdist

        return float(cdist(features, self._train).min(axis=1).mean())

    def _frechet(self, features: np.ndarray, labels: np.ndarray) -> float:
        real = Moments.of(self._test)
        subsets = self._disjoint_subsets(labels)
        return float(np.mean([frechet_distance(Moments.of(features[s]), real) for s in subsets]))

    def _disjoint_subsets(self, labels: np.ndarray) -> Iterator[np.ndarray]:
        """Yields indices of as many subsets as fit, each with the test digits' count per class."""
        # Shuffled because neighbours in the real data are by the same writer.
        order = np.random.default_rng(0).permutation(len(labels))
        members = [order[labels[order] == c] for c in self._classes]
        for k in range(min(len(m) // n for m, n in zip(members, self._per_class))):
            yield np.concatenate([m[k * n : (k + 1) * n] for m, n in zip(members, self._per_class)])

    def _check_counts(self, labels: np.ndarray, what: str) -> None:
        unknown = np.setdiff1d(labels, self._classes)
        if len(unknown):
            raise InputError(
                f"{what} of class {unknown[0]} given; the test digits have {self._classes.tolist()}"
            )
        for label, needed in zip(self._classes, self._per_class):
            given = int((labels == label).sum())
            if given < needed:
                raise InputError(
                    f"{given} {what} of class {label} given; {needed} are needed, as many as there "
                    f"are test digits of it: take {self.num_required} or more of every class"
                )


def digit_features(images: np.ndarray) -> np.ndarray:
    """Features float64 [N, 64] in 0..16: area averages of an 8x8 grid, channels averaged.

    images: [N, S, S, C] with S a multiple of 8; uint8, or float in [-1, 1], which is first rounded
    to uint8 as it is when saved.

    Raises:
      InputError: for another shape or type, and for values outside [-1, 1] or not finite.
    """
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[1] % SIDE:
        raise InputError(
            f"images of shape {images.shape} given; they must be [N, S, S, C], S a multiple of 8"
        )
    if np.issubdtype(images.dtype, np.floating):
        # A tanh rounded to bfloat16 and back stays inside; NaN fails the comparison.
        if not (np.abs(images) <= 1).all():
            raise InputError("images hold NaN or values outside [-1, 1]; has training diverged?")
        images = to_uint8(images)
    if images.dtype != np.uint8:
        raise InputError(f"images of type {images.dtype} given; allowed are uint8 and floats")
    num, side, _, channels = images.shape
    blocks = images.reshape(num, SIDE, side // SIDE, SIDE, side // SIDE, channels)
    return blocks.mean(axis=(2, 4, 5)).reshape(num, SIDE * SIDE) * (MAX_INK / 255)


def _checked(images: np.ndarray, labels: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = np.asarray(images), np.asarray(labels)
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{what} labels of shape {labels.shape} and type {labels.dtype} given for images of "
            f"shape {images.shape}; they must be one integer an image"
        )
    return digit_features(images), labels
