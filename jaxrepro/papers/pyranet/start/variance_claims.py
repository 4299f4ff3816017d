"""Claims about variance at the start, over what the command `variance` writes."""

from collections.abc import Mapping

from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.rules import All, Between, Order

_STARTS = ("torch", "xavier", "msra", "branch_paper", "branch_article", "branch_consistent")
_FIXES = {"without_fix": "without the fix", "with_fix": "with the fix"}
# A gain this near to 1 in a layer counts as kept: 12 layers make less than a factor of 2 of it.
_KEPT = (0.95, 1.05)
_WAYS = ("forward", "backward")
_PAPER = "Yang et al. 2017, arXiv 1708.01101"
_ARTICLE = "the later article about PyraNet"
_NETWORK = (
    "Before the first update: 2 stacks, 64 channels, crops of 64 pixels of drawn figures; eight "
    "seeds of weights."
)
_LAYERS = (
    "Layers of 128 channels in a row without batch norm and biases; the factor that one makes of "
    "the mean square, of responses forward and of gradients backward; eight seeds."
)
_GAINS = tuple(Result(way) for way in _WAYS)


def _arm(label: str, values: Mapping[str, str]) -> Arm:
    """Returns numbers of the one command whose record all these claims read."""
    return Arm(
        label,
        verb="jaxrepro.papers.pyranet.variance",
        flags=("--num_seeds=8",),
        values=values,
        file="variance.json",
        minutes=4,
    )


def _of_start(start: str, fix: str, *names: str) -> Arm:
    return _arm(
        f"{start}, {_FIXES[fix]}", {name: f"/summary/{name}/{fix}/{start}" for name in names}
    )


def _gain(start: str, stack: str) -> Arm:
    return _arm(f"{start}, {stack}", {way: f"/branches/{stack}/{start}/{way}" for way in _WAYS})


def _kept(arm: Arm, way: str, gain: float = 1.0) -> Between:
    low, high = (gain * edge for edge in _KEPT)
    return Between(arm.label, way, low, high)


def _keeps(name: str, says: str, source: str, start: str, *stacks: str, note: str = "") -> Claim:
    """Returns the claim that a start keeps the power both ways in layers of these kinds."""
    arms = [_gain(start, stack) for stack in stacks]
    rule = All(*(_kept(arm, way) for arm in arms for way in _WAYS))
    return Claim(
        f"pyranet/{name}", says, source, tuple(arms), _GAINS, rule, protocol=_LAYERS, note=note
    )


def _grows(name: str, says: str, *results: Result) -> Claim:
    """Returns the claim that a ratio is above 1, and larger without the fix, for every start."""
    pairs = [[_of_start(s, fix, *(r.name for r in results)) for fix in _FIXES] for s in _STARTS]
    return Claim(
        f"pyranet/{name}",
        says,
        f"{_PAPER}, section 3.3",
        tuple(arm for pair in pairs for arm in pair),
        results,
        All(
            *(Between(w.label, r.name, low=1) for w, _ in pairs for r in results),
            *(Order(w.label, f.label, r.name) for w, f in pairs for r in results),
        ),
        quoted="memory",
        protocol=_NETWORK,
    )


_RECTIFIED, _LINEAR = "4 branches, ReLU", "4 branches, linear"
_HALVES = _gain("branch_paper", _LINEAR), _gain("branch_paper", "1 branch, linear")
_ARTICLES = _gain("branch_article", _RECTIFIED), _gain("branch_paper", _RECTIFIED)
_SPLITS = "split into 4, ReLU", "merger of 4, ReLU"
_FORWARD, _BACKWARD = "forward", "backward"
_CONDITIONS = tuple(_gain(start, stack) for start in (_FORWARD, _BACKWARD) for stack in _SPLITS)
_PLAIN = _gain("xavier", "4 branches, ReLU"), _gain("msra", "4 branches, ReLU")
_LOSSES = tuple(_of_start(start, "with_fix", "first_loss", "score_step") for start in _STARTS)

CLAIMS = (
    _grows(
        "variance_of_hourglasses",
        "An hourglass multiplies the variance of the responses, and by less where shortcuts before "
        "its sums are projected.",
        Result("hourglass_1", "result by input of hourglass 1"),
        Result("hourglass_2", "of hourglass 2"),
    ),
    _grows(
        "variance_of_residual_units",
        "Variance grows along residual units in a row with identities, and less where every "
        "shortcut is projected.",
        Result("chain", "unit 16 by unit 2"),
    ),
    _keeps(
        "equation_15_with_relu",
        "Equation 15, with alpha squared, keeps the power of layers with several branches behind "
        "a ReLU.",
        f"{_PAPER}, section 3.4; the equation as the later article quotes it",
        "branch_paper",
        _RECTIFIED,
        "1 branch, ReLU",
    ),
    _keeps(
        "equation_15_without_relu",
        "Equation 15, with alpha squared, keeps the power of layers without an activation too.",
        f"{_PAPER}, section 3.4; the equation as the later article quotes it",
        "branch_paper",
        _LINEAR,
        "1 branch, linear",
    ),
    Claim(
        "pyranet/equation_15_halves",
        "Without an activation equation 15 halves the power in every layer: its square of alpha "
        "is right for alpha 1/2 only.",
        "our derivation: the mean of the two conditions is 2 / (alpha (C_i n_i + C_o n_o))",
        _HALVES,
        _GAINS,
        All(*(_kept(arm, way, 0.5) for arm in _HALVES for way in _WAYS)),
        protocol=_LAYERS,
    ),
    _keeps(
        "alpha_once",
        "Alpha belongs into equation 15 once and not squared, as the article has it.",
        _ARTICLE,
        "branch_article",
        _RECTIFIED,
        _LINEAR,
    ),
    Claim(
        "pyranet/alpha_once_halves",
        "With alpha once and the numerator 1 the power halves in every layer behind a ReLU, "
        "where equation 15 keeps it.",
        "our derivation",
        _ARTICLES,
        _GAINS,
        All(
            *(_kept(_ARTICLES[0], way, 0.5) for way in _WAYS),
            *(_kept(_ARTICLES[1], way) for way in _WAYS),
        ),
        protocol=_LAYERS,
    ),
    _keeps(
        "alpha_solved_anew",
        "2 / (alpha (C_i n_i + C_o n_o)) keeps the power with and without a ReLU.",
        "our derivation",
        "branch_consistent",
        _RECTIFIED,
        _LINEAR,
    ),
    Claim(
        "pyranet/plain_starts_grow_with_branches",
        "Xavier's and MSRA's variances, which do not count branches, multiply the power of layers "
        "with 4 branches.",
        f"{_PAPER}, section 3.4",
        _PLAIN,
        _GAINS,
        All(*(Between(arm.label, way, low=_KEPT[1]) for arm in _PLAIN for way in _WAYS)),
        quoted="memory",
        protocol=_LAYERS,
    ),
    _keeps(
        "splits_and_mergers",
        "Equation 15 keeps the power through a split into branches and through a merger, one "
        "alone.",
        f"{_PAPER}, section 3.4",
        "branch_paper",
        *_SPLITS,
        note="The equation is a mean of both conditions: where the numbers of branches differ "
        "before and behind a layer, it can meet neither.",
    ),
    Claim(
        "pyranet/each_condition_keeps_its_way",
        "The forward condition keeps the responses through a split and a merger, the backward "
        "condition the gradients.",
        f"{_PAPER}, section 3.4",
        _CONDITIONS,
        _GAINS,
        All(
            *(
                _kept(arm, way)
                for arm, way in zip(_CONDITIONS, ("forward",) * 2 + ("backward",) * 2)
            )
        ),
        quoted="memory",
        protocol=_LAYERS,
    ),
    _keeps(
        "whole_pyramids",
        "Equation 15 keeps the power along whole pyramids: a split, a layer in each branch and a "
        "merger.",
        f"{_PAPER}, section 3.4",
        "branch_paper",
        "pyramids of 4, ReLU",
    ),
    Claim(
        "pyranet/first_maps_are_small",
        "With the paper's initialisation the first maps are nearer to the truth than with Torch's, "
        "though no norm follows the layers that make them.",
        "our question; the first loss by that of empty maps",
        _LOSSES,
        (
            Result("first_loss", "first loss by that of empty maps", digits=1),
            Result("score_step", "first step of the score kernels by their length", digits=4),
        ),
        Order("torch, with the fix", "branch_paper, with the fix", "first_loss"),
        protocol=_NETWORK,
    ),
)
