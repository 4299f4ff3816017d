"""What the results of a run mean. Nothing was published that they could be compared with."""

from jaxrepro.core.task import Caption, References

_CITATION = (
    "Jo and Park, SC-FEGAN: Face Editing Generative Adversarial Network with User's Sketch and "
    "Color, ICCV 2019, arXiv 1902.06838"
)
_MEANINGS = {
    "hole_l1": "mean absolute error of the erased pixels, of a range of 1; less is better",
    "hole_psnr": "peak signal-to-noise ratio of the erased pixels in dB, averaged over pictures",
    "hole_ssim": "structural similarity around the erased pixels, of luma",
    "sketch_f_score": "how well the edit's lines are those of the given sketch, 0 to 1",
    "sketch_f_score_by_chance": "the same against the sketches of other pictures",
    "stroke_color_difference": "CIEDE2000 from the colours given; less is better",
}
_WITHHELD = {
    "_without_sketch": "with no sketch given",
    "_without_color": "with no colours given",
    "_without_input": "with neither sketch nor colours given",
}
# Fillings without a network: in words, and in the names of results.
_BASELINES = {"the mean training picture": "mean_face", "biharmonic filling": "biharmonic"}
_BETTER = {
    "hole_l1": "lower",
    "hole_psnr": "higher",
    "hole_ssim": "higher",
    "sketch_f_score": "higher",
    "stroke_color_difference": "lower",
}
_COLUMNS = ("to fill", "sketch", "colours", "network", "edit", "truth")
_LEVELS = ("hole_l1", "hole_psnr", "hole_ssim", "sketch_f_score")


def references(features: str, data: str) -> References:
    """Returns the descriptions and the baselines that stand beside the curves.

    features: the name of the feature network, data: of the pictures; both are part of what the
    results mean.
    """
    described = {f"held_out/{name}": text for name, text in _MEANINGS.items()}
    described |= {
        f"held_out/{name}{ending}": f"{text}; {how}"
        for name, text in _MEANINGS.items()
        if name not in ("hole_ssim", "sketch_f_score_by_chance")
        for ending, how in _WITHHELD.items()
    }
    described["held_out/frechet"] = f"Frechet distance of edits and truth, features={features}"
    described["held_out/feature_difference"] = (
        f"mean absolute difference of maps of edit and truth, features={features}"
    )
    described["loss/g"] = f"all terms of the generator, features={features}, pictures={data}"
    return References(
        descriptions=described,
        citation=_CITATION,
        levels={
            f"held_out/{name}": {
                words: f"baselines/{method}_{name}" for words, method in _BASELINES.items()
            }
            for name in _LEVELS
        },
        better={
            f"held_out/{name}{ending}": direction
            for name, direction in _BETTER.items()
            for ending in ("", *_WITHHELD)
        },
        headline="held_out/hole_psnr",
        after_at={
            "held_out/frechet": "{} edits",
            "held_out/feature_difference": "{} edits",
        },
        captions={
            "held_out/sheet": Caption("The first held-out pictures, one a row.", _COLUMNS),
        },
    )
