"""The page of `studies.cluster`: each of its parts is measured alone, and leaves the other as it was."""

import json
import math

import pytest

from studies.cluster import __main__ as study
from studies.cluster import steps

pytestmark = pytest.mark.untimed


@pytest.fixture
def turned(monkeypatch, tmp_path):
    """A session on Ray takes one percent longer."""
    monkeypatch.setattr(steps, "_session", lambda kind: math.log(101e-6 if kind == "ray" else 100e-6))
    return tmp_path


def test_turns_change_their_order_and_add_to_those_that_are_kept(turned, monkeypatch):
    asked = []
    monkeypatch.setattr(steps, "_session", lambda kind: asked.append(kind) or 0.0)
    steps.measure(turned, 1)
    steps.measure(turned, 2)
    assert asked == ["here", "ray", "ray", "here", "here", "ray"]
    assert len(steps.lines(turned)) == 3


def test_the_ratio_stands_below_the_scheduler_and_is_written_once(turned):
    (turned / "report.md").write_text("# The scheduler\n\n| a table |\n")
    for _ in range(2):
        steps.measure(turned, 2)
        study.keep(turned)
    said = (turned / "report.md").read_text()
    assert said.startswith("# The scheduler\n\n| a table |\n\n## Step times")
    assert said.count(steps.HEADING) == 1
    assert "With Ray a step takes 1.010 (1.010–1.010) times as long" in said


def test_the_scheduler_measured_again_leaves_the_turns(turned):
    steps.measure(turned, 3)
    study.keep(turned, "# Another scheduler\n")
    said = (turned / "report.md").read_text()
    assert said.startswith("# Another scheduler\n\n## Step times")
    assert [json.loads(line)["ray"] > math.log(1e-4) for line in (turned / steps.FILE).read_text().splitlines()]


def test_one_turn_has_no_interval_and_no_part(turned):
    steps.measure(turned, 1)
    study.keep(turned, "# The scheduler\n")
    assert (turned / "report.md").read_text() == "# The scheduler\n"
