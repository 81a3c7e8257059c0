"""Pictures of a history: a chart in 80 columns, and an SVG with its words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from command import answered
from histories import made, noisy
from sessions import saved

from dlbench.api.history import history
from dlbench.report.history import chart
from dlbench.report.history.points import points
from dlbench.report.history.series import Filter, series
from dlbench.report.units import format_value

pytestmark = pytest.mark.untimed

STEP = Filter(metrics=("step_time",))


def of(sessions, wanted=STEP):
    return series([point for runs in sessions for point in points(runs)], wanted)


def test_a_chart_fits_80_columns_and_shows_where_the_level_changed():
    (one,) = of(noisy(100, 1.3, at=60))
    drawn = chart.lines(one)
    assert max(map(len, drawn)) <= 80
    assert "".join(drawn).count("+") == 2
    assert drawn[0].startswith(format_value(max(point.value for point in one.points), "s").rjust(chart.LABEL))
    assert drawn[-1].split() == [one.points[0].started[:10], one.points[-1].started[:10]]
    (two,) = of([made(0), made(1)])
    few = chart.lines(two)
    for *_, axis, dates in (drawn, few):
        assert len(dates) == len(axis), "the last date ends where the axis does"
    assert few[-1].split() == ["2026-01-01", "2026-01-02"]
    assert {at for row in few for at, sign in enumerate(row) if sign == "*"} == {chart.LABEL + 2, len(few[-2]) - 1}
    (single,) = of([made(0)])
    assert chart.lines(single)[-1].split() == ["2026-01-01"]
    assert "".join(chart.lines(single)).count("*") == 1


def test_the_picture_has_its_words_and_no_markup_of_others():
    hostile = '</svg><script>alert(1)</script>\x07"&'
    (one,) = of([*noisy(30, 1.3, at=15)])
    root = ElementTree.fromstring(chart.svg([one._replace(arm=hostile, machine=hostile)]))
    tags = {element.tag.partition("}")[2] for element in root.iter()}
    assert tags == {"svg", "g", "title", "text", "polyline", "circle", "line"}
    assert len(root.findall(".//{*}circle")) == 30
    assert len(root.findall(".//{*}line")) == 1
    assert "<script>" in root.find(".//{*}title").text


def test_a_picture_never_takes_the_place_of_a_history(tmp_path):
    file = tmp_path / "history.sqlite"
    history(file, [saved(tmp_path / "a", made(0))], STEP)
    before = file.read_bytes()
    done = answered("history", str(file), "--svg", str(file), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "give one that ends in .svg" in done.stderr
    assert file.read_bytes() == before
