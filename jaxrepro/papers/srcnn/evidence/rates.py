"""Claims of a later article: equal rates collapse, a smaller one in the last layer helps."""

from jaxrepro.evidence.claim import Arm, Claim, Kept
from jaxrepro.evidence.rules import Order
from jaxrepro.papers.srcnn.evidence.parts import ARTICLE, SET5

RECORD = "srcnn_equal_rates_cpu.json"
_PROTOCOL = (
    "PSNR on Set5, its pictures degraded as the article means it (article-intended), x3; trained "
    "on T91 so degraded, Adam, 128 patches an update, three seeds in one program."
)
# By the ending of the claims' names: the setting, and the runs with equal and with smaller rates.
_SETTINGS = {
    "": ("1e-4, and 1e-5 where it is smaller; He initialisation; 1,720 updates, 10 epochs", 0, 1),
    "_at_1e2": ("1e-2, and 1e-3 where it is smaller; He initialisation; 516 updates", 2, 3),
    "_from_small_weights": ("1e-4, and 1e-5; all weights from N(0, 0.001); 516 updates", 4, 5),
}


def _without_chance(label: str, key: str) -> Arm:
    return Arm(label, kept=Kept(RECORD, {SET5.name: f"/{key}"}), seeded=False)


def _run(label: str, number: int) -> Arm:
    # The columns of a curve: update, mean, and the three seeds.
    seeds = tuple(f"/runs/{number}/curve/rows/-1/{column}" for column in (2, 3, 4))
    return Arm(label, kept=Kept(RECORD, {SET5.name: seeds}, f"/runs/{number}/command"))


def _claims(ending: str) -> tuple[Claim, Claim]:
    setting, equal, smaller = _SETTINGS[ending]
    arms = (
        _without_chance("input", "input_psnr"),
        _without_chance("linear 13x13", "linear_13x13_psnr"),
        _run("equal rates", equal),
        _run("smaller in the last layer", smaller),
    )
    protocol = f"Rates {setting}. {_PROTOCOL}"
    note = "The article's rates are pictures; it trains for 150 epochs."
    return (
        Claim(
            f"srcnn/equal_rates_collapse{ending}",
            "Equal rates in all layers let the network collapse: it ends below its own input.",
            ARTICLE,
            arms,
            (SET5,),
            Order("input", "equal rates", SET5.name),
            protocol=protocol,
            note=note,
        ),
        Claim(
            f"srcnn/smaller_last_rate{ending}",
            "A smaller rate in the last layer is better than equal rates.",
            ARTICLE,
            arms,
            (SET5,),
            Order("smaller in the last layer", "equal rates", SET5.name),
            protocol=protocol,
            note=note,
        ),
    )


CLAIMS = tuple(claim for ending in _SETTINGS for claim in _claims(ending))
