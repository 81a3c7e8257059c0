"""Pages of the studies of models of the user's own: what they count, and that a session is not measured twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlbench.record.parity import Difference, Parity
from dlbench.spec import Spec
from studies import porting
from studies.any_model import __main__ as any_model
from studies.any_model.__main__ import EQUAL, MORE, Row

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.untimed


def test_found_changes_and_alarms_are_counted_for_both_rules() -> None:
    rows = [
        Row(0, MORE, "1.03", "slower", "same"),
        Row(0, EQUAL, "1.00", "same", "slower"),
        Row(1, MORE, "1.02", "inconclusive", "same"),
        Row(1, EQUAL, "0.97", "faster", "same"),
    ]
    text = any_model._page(rows)
    assert f"dlbench: 1 of 2 sessions with {MORE} found, 1 alarms in 2 with {EQUAL}." in text
    assert f"pytest-torch's rule: 0 of 2 sessions with {MORE} found, 1 alarms in 2 with {EQUAL}." in text
    assert f"|\n| 0 | {MORE} | 1.03 | slower | same |\n" in text


def test_a_session_that_was_begun_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(any_model.dlbench, "run", lambda *_, **options: calls.append(options))
    any_model._session(tmp_path / "new", phase="predict")
    (tmp_path / "plan.json").write_text("{}")
    any_model._session(tmp_path, phase="predict")
    assert calls == [{"phase": "predict", "out": str(tmp_path / "new")}, {"resume": str(tmp_path)}]


def test_all_faults_are_planted_unless_some_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    planted: list[object] = []

    def parity(_: object, edits: object) -> Parity:
        planted.append(edits)
        one = Spec(plugin="torch.a", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
        return Parity(
            one, one, (0,), 5, (Difference(what="output", difference=float(bool(edits)), tolerance=0, worst=0),)
        )

    monkeypatch.setattr(porting, "parity", parity)
    assert porting.main(["--out", str(tmp_path / "out")]) == 0
    assert planted == [(), *porting.FAULTS.values()]
    assert "8 of 8 planted faults are caught" in (tmp_path / "out" / "report.md").read_text()
    with pytest.raises(SystemExit):
        porting.main(["pading"])


def test_a_fault_of_porting_counts_as_caught_by_its_verdict_alone() -> None:
    one = Spec(plugin="torch.a", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
    right = Difference(what="output", difference=1e-7, tolerance=5e-6, worst=1e-7)
    wrong = Difference(what="state n", difference=0.5, tolerance=1e-3, worst=0.5)
    found = {
        porting.NONE: Parity(one, one, (0,), 5, (right,)),
        "padding": Parity(one, one, (0,), 5, (right, wrong)),
        "missed": Parity(one, one, (0,), 5, (right,)),
        "unchecked": Parity(one, one, (0,), 5, reason="it broke"),
    }
    text = porting.page(found)
    assert "1 of 3 planted faults are caught" in text
    assert "| none | yes | 0 of 1 |  |" in text
    assert "| padding | NO | 1 of 2 | state n 5.0e-01 (tolerance 1e-03) |" in text
    assert "| unchecked | not checked | | it broke |" in text
