"""The spread of a group's ratio by its rounds, on groups of a known spread."""

import pytest
from synthetic_pool import synthetic_pool

from studies.decision_quality import rounds

pytestmark = pytest.mark.untimed


def test_the_spread_between_groups_remains_however_many_rounds_are_read():
    *_, row = rounds.table(synthetic_pool(200, "gemm", pair=0.02))
    name, groups, *spreads = [cell.strip() for cell in row.strip("|").split("|")]
    assert (name, groups, len(spreads)) == ("gemm", "200", len([number for number in rounds.ROUNDS if number <= 16]))
    assert float(spreads[-1]) == pytest.approx(2.0, rel=0.5)
    assert float(spreads[0]) >= float(spreads[-1]) * 0.9
