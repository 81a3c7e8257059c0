"""The port of ResNet-18 in the examples is the same model as torchvision's, and eight faults of porting are caught."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from studies import porting

pytestmark = [
    pytest.mark.untimed,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed"),
]


def test_the_port_is_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = porting.parity(tmp_path, ())
    assert found.reason == ""
    assert [one for one in found.differences if not one.holds] == []


@pytest.mark.parametrize("fault", porting.FAULTS)
def test_a_fault_of_porting_is_caught(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = porting.parity(tmp_path, porting.FAULTS[fault])
    assert found.reason == ""
    assert [one.what for one in found.differences if not one.holds] != []
    assert porting.row(fault, found).startswith(f"| {fault} | NO |")
