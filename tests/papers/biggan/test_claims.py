"""That the claims' settings are those of the configs they name."""

import pathlib

import pytest

from jaxrepro.papers.biggan.claims import CLAIMS
from jaxrepro.papers.biggan.measures.published import TABLE_1
from tests.test_task_contract import load

CONFIG = pathlib.Path(__file__).resolve().parents[3] / "configs" / "biggan128.py"


@pytest.mark.parametrize(("setting", "figures"), TABLE_1.items())
def test_rows_of_table_1_are_configs(setting, figures):
    row, thousands, *_ = figures
    config = load(CONFIG, f"row={row}")
    model = config.model
    orthogonal = config.optim.orthogonal > 0
    switches = (model.shared_dim > 0, model.hierarchical, orthogonal)
    assert (config.train.batch_size, model.ch, *switches) == setting
    assert config.train.total_steps == 1000 * thousands


def test_figures_from_memory_say_so():
    of_tables = [claim for claim in CLAIMS if claim.name.startswith("biggan/table_1")]
    assert len(of_tables) == 9
    assert all(claim.quoted == "memory" for claim in of_tables)
    # No rule is about a figure that nobody of the project has read.
    assert all(claim.rule is None for claim in of_tables)
