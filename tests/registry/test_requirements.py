"""Requirements: what is met without a judge is met for `packaging` too, which judges all others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from dlbench.registry import installed, requirements

pytestmark = pytest.mark.untimed

NUMBERS = st.lists(st.integers(0, 11), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
ENDS = st.sampled_from(["", "", "+cpu", "rc1", ".dev3", ".post2", "a1"])
VERSIONS = st.tuples(NUMBERS, ENDS).map("".join)
ONE_CLAUSE = st.tuples(st.sampled_from([">=", "==", "<", "!=", "~=", ">"]), VERSIONS).map("".join)
CLAUSES = st.lists(ONE_CLAUSE, max_size=2).map(",".join)
MARKERS = st.sampled_from(["", "; extra == 'data'", ';extra=="data"', "; python_version < '3'", "; extra != 'data'"])


@given(version=VERSIONS, clause=CLAUSES, marker=MARKERS)
def test_what_is_plainly_met_is_met_for_packaging(version, clause, marker):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installed, "quick_version", lambda name: version)
        try:
            judged = Requirement(text := f"zoo{clause}{marker}")
        except ValueError:
            return
        applies = judged.marker is None or judged.marker.evaluate({"extra": ""})
        met = not applies or judged.specifier.contains(Version(version), prereleases=True)
        assert met or not requirements.plainly_met(text)
        assert met is (requirements.unmet([text]) == "")


@pytest.mark.parametrize(
    ("text", "version", "met"),
    [
        ("torch>=2.9", "2.13.0+cpu", True),
        ("torch >= 2", "2.0", True),
        ("torch>=2.0.0", "2", True),
        ("torch<3,>=2.9", "2.13.0+cpu", True),
        ("torch>=2.9,<3", "3.0", False),
        ("torch<2.13", "2.13.0+cpu", False),
        ("torch", "1.0", True),
        ("torch>=2.9", "2.8.1", False),
        ("torch>=2.9", "2.9rc1", False),
        ("torch>=2.9", "", False),
        ("torch", "", False),
        ("torch==2.9.*, <3; extra == 'openxla'", "", True),
        ("torch; extra == 'a' or python_version > '3'", "", False),
        ("torch >>> 1; extra == 'a'", "", False),
        ("torch[cpu]>=1", "2", False),
    ],
)
def test_what_is_plain_needs_no_judge(monkeypatch, text, version, met):
    monkeypatch.setattr(installed, "quick_version", lambda name: version)
    assert requirements.plainly_met(text) is met


def test_the_quick_version_of_what_is_not_there_is_empty():
    assert installed.quick_version("no-such-framework") == ""
    assert Version(installed.quick_version("msgspec")) == Version(installed.version("msgspec"))


def test_entry_points_of_a_distribution_that_says_nothing_of_a_group_are_not_parsed(tmp_path: Path, monkeypatch):
    for name in ("zoo", "other"):
        info = tmp_path / f"{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{name}.points]\na = b:c\n")
    parsed = []
    original = installed.metadata.EntryPoints._from_text_for
    monkeypatch.setattr(
        installed.metadata.EntryPoints,
        "_from_text_for",
        lambda text, dist: parsed.append(dist._path.stem) or original(text, dist),
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert [one.name for one in installed.of_group("zoo.points")] == ["zoo"]
    assert parsed == ["zoo-1.2"]
