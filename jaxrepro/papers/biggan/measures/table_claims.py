"""Claims about BigGAN that need ImageNet and a pod: the paper's tables and what it finds."""

from jaxrepro.evidence.claim import Claim
from jaxrepro.papers.biggan.measures.published import TABLE_1

PAPER = "Brock et al. 2019, arXiv 1809.11096"
_TESTS = "tests/papers/biggan/"
_NETWORKS = (
    f"{_TESTS}network/test_model.py::test_generator_parameters",
    f"{_TESTS}network/test_model.py::test_discriminator_parameters",
)
_UPDATE = (
    f"{_TESTS}porting/test_port.py::test_gradients_and_losses",
    f"{_TESTS}test_task.py::test_update_of_the_published_code",
)
_ROWS = f"{_TESTS}test_claims.py::test_rows_of_table_1_are_configs"
_IMAGENET = "ImageNet and a TPU or GPU pod for a day or more a row"
_COMMAND = "`python -m jaxrepro.train --config=configs/biggan{}.py{}`."
_NEGATIVE = {
    "depth": "More residual blocks at each resolution",
    "bilinear": "Bilinear in place of nearest-neighbour upsampling in the generator",
    "weight_norm": "Weight norm in place of batch norm in the generator",
    "d_batch_norm": "Batch norm in the discriminator",
    "d_conditional_batch_norm": "Conditional batch norm in the discriminator",
    "kernel_5": "Kernels of 5x5 in place of 3x3",
    "kernel_7": "Kernels of 7x7 in place of 3x3",
    "g_dilation": "Dilated convolutions in the generator",
    "d_dilation": "Dilated convolutions in the discriminator",
}


def _words(setting: tuple[int, int, bool, bool, bool]) -> str:
    batch, ch, *switches = setting
    names = ("a shared embedding", "skip-z", "orthogonal regularisation")
    on = [name for name, switch in zip(names, switches, strict=True) if switch]
    return ", ".join((f"batch {batch}", f"ch {ch}", *on))


def _row(
    setting: tuple[int, int, bool, bool, bool], figures: tuple[int, int, float, float]
) -> Claim:
    row, thousands, fid, score = figures
    return Claim(
        f"biggan/table_1_row_{row}",
        f"ImageNet at 128 pixels, {_words(setting)}: FID {fid:.2f} and Inception score "
        f"{score:.2f} after {thousands * 1000:,} updates.",
        f"{PAPER}, Table 1, row {row}" + (", which is SA-GAN" if row == 1 else ""),
        quoted="memory",
        protocol="50,000 samples, no truncation. " + _COMMAND.format(128, f":row={row}"),
        data="imagenet2012",
        parity=(_ROWS, *_NETWORKS, *_UPDATE),
        without=_IMAGENET,
    )


def _of_pod(
    name: str, says: str, source: str, *tests: str, quoted: str = "memory", note: str = ""
) -> Claim:
    """Returns a claim that only a pod can measure; tests: in the folder of BigGAN's."""
    parity = tuple(test if test.startswith("tests/") else _TESTS + test for test in tests)
    return Claim(
        f"biggan/{name}", says, source, quoted=quoted, data="imagenet2012", parity=parity,
        without=_IMAGENET, note=note,
    )  # fmt: skip


def _did_not_help(row: str, change: str) -> Claim:
    return Claim(
        f"biggan/negative_{row}",
        f"{change} did not help.",
        f"{PAPER}, the appendix on negative results",
        quoted="memory",
        protocol=_COMMAND.format("_negative", f":row={row}"),
        data="imagenet2012",
        parity=(
            f"{_TESTS}network/test_variations.py::test_every_row_is_one_change_of_table_1_row_8",
            f"{_TESTS}network/test_variations.py::test_two_updates",
        ),
        without=_IMAGENET,
        note="The paper names the change and gives hardly any details; ours are in "
        "`network/variations.py`.",
    )


_SPECTRA = "training/test_stability.py::test_spectra_of_every_weight_of_both_networks"
_GUARD = "tests/integration/test_collapse_guard.py::"
_DEEP = (
    "network/test_deep.py::test_generator_parameters",
    "network/test_deep.py::test_discriminator_parameters",
    "porting/test_port_deep.py::test_outputs",
    "porting/test_port_deep.py::test_gradients_by_weights",
)
_TRUNCATION = (
    "network/test_truncation.py::test_distribution_is_scipys",
    "test_standing.py::test_they_are_means_over_passes_of_batch_means_and_biased_variances",
)
_APPENDIX = f"{PAPER}, the appendix"

CLAIMS: tuple[Claim, ...] = (
    *(_row(setting, figures) for setting, figures in TABLE_1.items()),
    _of_pod(
        "batch_size",
        "Eight times the batch raises the Inception score by 46 %.",
        f"{PAPER}, section 3.1, as a public review quotes it",
        "test_claims.py::test_rows_of_table_1_are_configs",
        "tests/core/update/test_step.py::test_microbatches_equal_one_batch",
        quoted="second hand",
    ),
    _of_pod(
        "width",
        "Half as many channels again raise the Inception score by 21 %.",
        f"{PAPER}, section 3.1",
        "test_claims.py::test_rows_of_table_1_are_configs",
        "network/test_model.py::test_generator_parameters",
    ),
    _of_pod(
        "shared_embedding",
        "One class embedding shared by all norms trains 37 % faster, in updates to the same score.",
        f"{PAPER}, section 3.1",
        "network/test_model.py::test_embedding_comes_before_the_chunk_of_z",
        "tests/nn/norms/test_batch_norm.py::test_conditional_gain_is_one_plus_a_linear_map",
    ),
    _of_pod(
        "skip_z",
        "A chunk of z at every block raises the score by 4 % and trains 18 % faster.",
        f"{PAPER}, section 3.1",
        "network/test_model.py::test_each_chunk_of_z_enters_at_its_block",
    ),
    _of_pod(
        "orthogonal_regularisation",
        "Without orthogonal regularisation 16 % of the models bear truncation, with it 60 %.",
        f"{PAPER}, section 3.2, as a public review quotes it",
        "test_task.py::test_orthogonal_regularisation_sees_tables_as_tables",
        "tests/core/update/test_optim.py::test_orthogonal_gradient_is_that_of_the_penalty",
        "tests/core/update/test_optim.py::test_orthogonal_gradient_of_the_published_code",
        quoted="second hand",
        note="The author's PyTorch code adds half of the penalty's gradient.",
    ),
    _of_pod(
        "truncated_score_at_128",
        "At 128 pixels BigGAN reaches an Inception score of 166.3 and an FID of 9.6.",
        f"{PAPER}, abstract of version 1",
        *_TRUNCATION,
        "porting/test_port_published.py::test_author_generator",
        quoted="read",
    ),
    _of_pod(
        "deep_at_128",
        "At 128 pixels BigGAN-deep reaches an Inception score of 166.5 and an FID of 7.4.",
        f"{PAPER}, abstract",
        *_DEEP,
        *_TRUNCATION,
        quoted="read",
    ),
    _of_pod(
        "deep_is_better",
        "BigGAN-deep has lower FIDs than BigGAN at 128, 256 and 512 pixels with fewer parameters.",
        f"{PAPER}, Table 2 and the appendix on BigGAN-deep",
        *_DEEP,
        "network/test_networks.py::test_learning_rates_of_the_deep_settings",
    ),
    _of_pod(
        "standing_statistics",
        "Statistics of batch norm that are computed anew for a truncation make samples "
        "independent of their batch, without loss.",
        f"{_APPENDIX} on standing statistics",
        "test_standing.py::test_they_are_means_over_passes_of_batch_means_and_biased_variances",
        "test_standing.py::test_with_a_pass_of_its_own_a_batch_is_normalised_as_in_training",
        "test_truncation_curve.py::test_each_truncation_has_samples_with_its_own_statistics",
    ),
    _of_pod(
        "spectra_of_the_generator",
        "The largest singular values of the generator's first layers grow during training and "
        "explode at the collapse.",
        f"{PAPER}, section 4.1",
        _SPECTRA,
        "tests/nn/norms/test_singular_values.py::test_values_are_those_of_the_full_decomposition",
        f"{_GUARD}test_it_names_the_layer_goes_back_and_gives_up_at_last",
    ),
    _of_pod(
        "collapse_is_late",
        "Large GANs collapse late in training, and the checkpoint before is the one to take.",
        f"{PAPER}, section 4",
        f"{_GUARD}test_stopping_leaves_the_best_checkpoint",
        "tests/core/guard/test_collapse.py::test_the_one_that_grew_most_is_named_and_growth_before_is_not_healthy",
    ),
    _of_pod(
        "clamping_singular_values",
        "Clamping the largest singular values of the generator slows their growth and does not "
        "prevent the collapse.",
        f"{PAPER}, section 4.1",
        "training/test_stability.py::test_one_of_the_two_clamps",
        "tests/nn/norms/test_singular_values.py::test_clamping_changes_the_largest_value_alone",
    ),
    _of_pod(
        "r1_penalty",
        "A gradient penalty on the discriminator that prevents the collapse costs a large part "
        "of the Inception score.",
        f"{PAPER}, section 4.2",
        "training/test_stability.py::test_r1_of_a_known_function",
        "training/test_stability.py::test_the_update_adds_r1_and_clamps",
    ),
    _of_pod(
        "other_latents",
        "Bernoulli and censored normal latents train faster, and bear truncation less than the "
        "normal distribution.",
        f"{_APPENDIX} on latent spaces",
        "network/test_latents.py::test_moments_and_values",
        "network/test_latents.py::test_every_distribution_is_expected",
    ),
    _of_pod(
        "two_discriminator_steps",
        "Of one to six discriminator steps an update two are best.",
        f"{_APPENDIX}",
        "test_task.py::test_latents_differ_between_steps_and_networks",
        "test_task.py::test_discriminator_learns_when_the_generator_is_frozen",
    ),
    _of_pod(
        "interpolation",
        "Images between two latents and between two classes stay plausible.",
        f"{_APPENDIX}",
        "test_paths.py::test_lines",
        "test_interpolate.py::test_ends_are_samples_and_the_middle_is_the_middle",
    ),
    _of_pod(
        "authors_pytorch_run",
        "The author's PyTorch code, with 8 microbatches of 256 on 8 GPUs, reaches an FID of 9.77 "
        "and an Inception score of 93.09, by PyTorch's Inception network.",
        "metrics log of the released run, ajbrock/BigGAN-PyTorch",
        "test_task.py::test_update_of_the_published_code",
        "test_task.py::test_gradients_and_losses_of_the_published_code",
        "measures/test_published.py::test_the_authors_curves_are_in_order_and_improve",
        quoted="read",
        note="`python -m jaxrepro.train --config=configs/biggan128.py:torch`; the page of a run "
        "shows the author's curve beside its own.",
    ),
    *(_did_not_help(row, change) for row, change in _NEGATIVE.items()),
)
