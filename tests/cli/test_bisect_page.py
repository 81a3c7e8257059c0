"""Page of a bisection: where, how much, how to see it again; every other end has its sentence."""

from __future__ import annotations

import msgspec
import pytest
from found_bisection import FOUND

from dlbench.report import bisection as page
from dlbench.stats.bisection.answer import Bisection, Change, Line
from dlbench.stats.bisection.decisions import Known
from dlbench.stats.bisection.search import WHY

pytestmark = pytest.mark.untimed


def test_the_page_says_where_how_much_and_how_to_see_it_again():
    text = page.text(FOUND)
    for said in (
        "1.05 (1.04-1.06), confirmed in fresh processes",
        "not measured between them: 1.1",
        "acme-step 1.0 → 1.2",
        "dlbench run --env 1.0=acme-step==1.0",
        "hold together in 99 of 100 searches",
    ):
        assert said in text
    drawn = page.picture(FOUND.points).splitlines()
    assert "+" in drawn[2]
    assert drawn[1].endswith("not measured")
    assert "Twice &lt;b&gt;" in page.html(FOUND)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("same", "the ends are the same within 1 %"),
        ("undecided", "undecided: spent"),
        ("not measured", "not measured: "),
    ],
)
def test_every_other_end_has_its_sentence(status, said):
    one = Bisection(subject="a", metric="step_time", arm="", status=status, members=("1", "2"), reason="spent")
    assert next(iter(page.sentences(one))).startswith(said)


def test_a_step_that_is_not_confirmed_has_its_reason():
    change = Change(before="1.0", after="1.1", ratio=Known(1.002, 0.999, 1.005, 15), verdict="not confirmed")
    one = Bisection(subject="a", metric="error", arm="", status="undecided", members=("1", "2"), changes=(change,))
    assert f"a step at 1.1 was seen and is not confirmed: {WHY['not confirmed']} (1.002 (0.999-1.005))" in page.text(
        one
    )


def test_the_columns_of_a_transcript_say_what_they_are():
    assert "to the one before" not in page.text(msgspec.structs.replace(FOUND, points=()))
    assert "new end to old end" in page.text(FOUND)
    lines = (Line(kind="strip", name="1.1", verdict="same", ratio=Known(1.0, 1.0, 1.0, 6)),)
    assert "new end" not in page.text(msgspec.structs.replace(FOUND, lines=lines))


def test_reasons_stand_below_the_transcript_each_with_its_members():
    """A cell of a terminal's table has room for a verdict, not for the last lines of a build."""
    lines = (
        Line(kind="candidate", name="1.1", verdict="not measured", reason="1.1 cannot be installed: no wheel"),
        Line(kind="strip", name="1.2", verdict="undecided", reason="the budget is used"),
        Line(kind="strip", name="1.3", verdict="undecided", reason="the budget is used"),
        Line(kind="strip", name="1.4", verdict="same"),
    )
    one = msgspec.structs.replace(FOUND, lines=lines)
    assert list(page.reasons(one)) == [
        "not measured: 1.1 cannot be installed: no wheel",
        "1.2, 1.3 undecided: the budget is used",
    ]
    text = page.text(one)
    assert text.count("the budget is used") == text.count("1.1 cannot be installed: no wheel") == 1
