"""Distributions whose metadata an installer or a disk has spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import entry, leftover

from dlbench import registry
from dlbench.cli import listing
from dlbench.errors import PluginLoadError, UnknownName

pytestmark = pytest.mark.untimed


POINTS = b"[dlbench.plugins]\nleft.linear = fake_left:Plugin\n"


WHOLE = b"Metadata-Version: 2.1\nName: left\nVersion: 1.0\n"


BROKEN = {
    "only entry points": ({"entry_points": POINTS}, "left.linear", "its metadata cannot be read"),
    "metadata that is no text": (
        {"entry_points": POINTS, "METADATA": b"\xff\xfe\x00"},
        "left.linear",
        "cannot be read",
    ),
    "no name": ({"entry_points": POINTS, "METADATA": b"Version: 1.0\n"}, "left.linear", "cannot be read"),
    "no version": ({"entry_points": POINTS, "METADATA": b"Name: left\n"}, "left.linear", "cannot be read"),
    "empty metadata": ({"entry_points": POINTS, "METADATA": b""}, "left.linear", "cannot be read"),
    "entry points that are no text": (
        {"entry_points": b"[dlbench.plugins]\n\xff\xfe = x:y\n", "METADATA": WHOLE},
        "left",
        "its entry_points.txt cannot be read (UnicodeDecodeError",
    ),
    "a line that is no entry point": (
        {"entry_points": b"[dlbench.plugins]\nnonsense\n", "METADATA": WHOLE},
        "left",
        "its entry_points.txt cannot be read",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_distribution_is_listed_with_its_reason_and_takes_nothing_down(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, name, reason = BROKEN[kind]
    leftover(tmp_path, "left-1.0", **files)
    monkeypatch.syspath_prepend(tmp_path)
    found = entry(name)
    assert (found.distribution, found.version) == ("left", "1.0")
    assert reason in found.broken
    assert "\n" not in found.broken
    assert registry.find("fake.linear").broken == ""
    assert "fake.linear" in registry.matching("*.linear")
    with pytest.raises(UnknownName, match=r"did you mean fake\.linear"):
        registry.find("fake.linea")
    with pytest.raises(PluginLoadError, match="cannot be read"):
        registry.find(name)
    assert any(reason in line for line in listing.lines(with_devices=False))


def test_a_broken_distribution_that_has_nothing_to_do_with_plugins_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registry.entries()
    leftover(tmp_path, "other-1.0", entry_points=b"[console_scripts]\n\xff = x:y\n")
    leftover(tmp_path, "another-1.0", METADATA=b"\xff")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.entries() == before
