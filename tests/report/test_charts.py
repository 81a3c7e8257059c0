"""Charts: their places and figures, never more marks than pixels, and what they leave out said."""

from __future__ import annotations

import math
import re

import msgspec
import pytest
from example_runs import bare_run, full_session, good_run, spec
from hypothesis import given
from hypothesis import strategies as st

from dlbench.record.explanation import Arm, Op, Profile, Share
from dlbench.report import summarize
from dlbench.report.chart import VERDICTS, Axis, Chart, Point, Series
from dlbench.report.charts import draw, profile
from dlbench.report.charts.arms import MOST_ARMS
from dlbench.report.document import Heading
from dlbench.report.html import plots, scale
from dlbench.report.markdown import text

pytestmark = pytest.mark.untimed

NUMBERS = st.floats() | st.floats(1e-9, 1e9)


def charts_of(runs):
    """All charts by title; of a workload by its phase and title."""
    report = summarize(runs)
    drawn = draw(report, runs)
    found = {chart.title: chart for chart in drawn.overview}
    for load, charts in drawn.by_workload.items():
        found |= {f"{load.phase}: {chart.title}": chart for chart in charts}
    return found


def eager_and_jit(seconds_eager=0.014, seconds_jit=0.010):
    """An arm that compiles beside the same plugin run eagerly, in one workload."""
    for group in range(3):
        for path, took in (("eager", seconds_eager), ("jit", seconds_jit)):
            run = good_run("torch.transformer", group=group, groups=3)
            samples = tuple(msgspec.structs.replace(one, seconds=took * one.steps) for one in run.samples)
            first = 3.0 if path == "jit" else 0.1
            times = [msgspec.structs.replace(t, seconds=first) if t.phase == "first_step" else t for t in run.times]
            yield msgspec.structs.replace(
                run, spec=spec("torch.transformer", path=path), arm=path == "jit", samples=samples, times=tuple(times)
            )


def test_a_forest_plot_has_the_ratio_and_interval_of_each_pair_and_the_line_of_no_change():
    runs = full_session()
    chart = charts_of(runs)["train, transformer small"]
    (found,) = next(one for one in summarize(runs).sections if one.workload.phase == "train").comparisons
    (row,) = chart.series
    assert row.points == [Point(found.ratio.value, 0, found.ratio.low, found.ratio.high)]
    assert chart.down == (1.0,)
    assert row.note.endswith(found.verdict)
    assert chart.note == "Against tf jit."
    low, high = chart.span
    assert low <= found.ratio.low < found.ratio.high <= high


def test_samples_stand_by_process_with_warm_up_apart():
    chart = charts_of(full_session(4))["train: Samples of each process"]
    assert list(chart.x.names) == ["tf jit", "torch jit"]
    by_kind = {(one.name, one.faint): one.points for one in chart.series}
    assert {key: len(points) for key, points in by_kind.items()} == {
        (name, faint): 4 * (1 if faint else 10) for name in chart.x.names for faint in (True, False)
    }
    first, second = (by_kind[name, False] for name in chart.x.names)
    assert all(-0.5 < point.x < 0.5 for point in first)
    assert all(0.5 < point.x < 1.5 for point in second)
    assert first[0].y == pytest.approx(0.010, rel=0.3)
    assert by_kind["tf jit", True][0].x < first[0].x


def test_the_course_of_a_session_goes_on_from_group_to_group():
    chart = charts_of(full_session(3))["train: Step time over the session"]
    assert [point.x for one in chart.series[:3] for point in one.points] == list(range(30))
    assert list(chart.down) == [10, 20]
    assert len(chart.series) == 6


def test_curves_have_a_line_for_each_seed_and_the_target():
    found = charts_of(full_session())
    chart = found["converge: Convergence by seed"]
    assert len(chart.series) == 10
    assert chart.across == (2.8,)
    assert [point.x for point in chart.series[0].points] == [50, 100, 150, 200]
    assert "4 of 5 seeds reached it" in chart.said
    assert [point.x for point in found["converge: Convergence in time"].series[0].points] == [0.5, 1.0, 1.5, 2.0]


def test_memory_is_by_phase_in_their_order():
    chart = charts_of(full_session())["train: Host memory above import, peak by phase"]
    assert list(chart.x.names) == ["data", "build", "first step", "steps"]
    assert [point.y / 2**20 for point in chart.series[0].points] == pytest.approx([20, 40, 200, 220])


def test_compiling_has_paid_where_the_lines_cross():
    runs = list(eager_and_jit())
    chart = charts_of(runs)["train: Compile cost against steps saved"]
    (pays,) = summarize(runs).sections[0].paybacks
    assert list(chart.down) == [pays.steps]
    assert pays.steps == pytest.approx(2.9 / 0.004 + 1)
    eager, jit = chart.series
    below = [one.x for one, other in zip(eager.points, jit.points, strict=True) if one.y < other.y]
    assert max(below) <= pays.steps < min(point.x for point in eager.points if point.x not in below)
    never = charts_of(list(eager_and_jit(0.010, 0.014)))["train: Compile cost against steps saved"]
    assert never.note == "By the means: torch.transformer jit never pays."


def test_the_overview_of_compiling_says_what_the_verdicts_say():
    runs = list(eager_and_jit())
    runs += [msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, batch_size=64)) for run in runs]
    chart = charts_of(runs)["Compiling has paid, against eager, after"]
    assert [row.note for row in chart.series] == ["about 730 steps"] * 2
    assert [row.points[0].x for row in chart.series] == [pytest.approx(726)] * 2
    assert "Compiling has paid, against eager, after" not in charts_of(list(eager_and_jit()))


def test_a_grid_of_batch_sizes_has_throughput_against_them_and_against_memory():
    runs = [good_run(plugin, spec=spec(plugin, batch_size=size)) for size in (16, 64) for plugin in ("tf.transformer",)]
    found = charts_of(runs)
    by_batch = found["train, transformer small: throughput against batch size"]
    assert [point.x for point in by_batch.series[0].points] == [16, 64]
    assert by_batch.series[0].points[1].y == pytest.approx(4 * by_batch.series[0].points[0].y)
    assert found["train, transformer small: throughput against memory"].x.unit == "bytes"
    assert not [title for title in charts_of(full_session()) if "against batch" in title]


def test_of_many_arms_the_first_and_the_fastest_are_drawn_and_that_is_said():
    runs = []
    for number in range(20):
        run = good_run()
        slower = tuple(msgspec.structs.replace(one, seconds=one.seconds * (30 - number)) for one in run.samples)
        runs.append(msgspec.structs.replace(run, spec=spec(python=f"e{number}"), arm=number, arms=20, samples=slower))
    chart = charts_of(runs)["train: Samples of each process"]
    assert len(chart.x.names) == MOST_ARMS
    assert chart.note.endswith(f"{MOST_ARMS} of 20 arms: the first and the fastest.")
    assert [name.rpartition("e")[2] for name in chart.x.names] == ["0", *map(str, range(13, 20))]


def test_formats_without_pictures_leave_charts_out():
    chart = charts_of(full_session())["train: Samples of each process"]
    assert text([Heading(1, "a"), chart, Heading(2, "b")]) == "# a\n\n## b\n"


def test_a_run_without_samples_has_no_charts_of_them():
    assert charts_of([bare_run()]) == {}


def lines_of(points):
    return Chart("lines", "t", "s", Axis("x"), Axis("y"), [Series("a", points)])


def marks(chart):
    """Places of the points of lines and strips."""
    paths = re.findall(r'class="[lp] [^"]*" d="([^"]*)"', plots.drawing(chart)[0])
    return re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", "".join(paths))


def test_a_line_of_a_million_points_has_at_most_two_at_each_pixel_and_keeps_its_peak():
    points = [Point(at, math.sin(at / 900)) for at in range(100_000)]
    points[54_321] = Point(54_321, 40.0)
    found = marks(lines_of(points))
    assert len(found) <= 2 * (plots.WIDTH + 1)
    assert min(float(top) for _, top in found) < 30
    dense = [Point(0.3, 1 + (at % 997) / 997) for at in range(50_000)]
    dots = Chart("strips", "t", "s", Axis("", names=["a"]), Axis("y"), [Series("a", dense)])
    assert len(marks(dots)) <= plots.HEIGHT


@given(st.lists(st.builds(Point, NUMBERS, NUMBERS), max_size=30), st.booleans(), st.sampled_from(["lines", "strips"]))
def test_whatever_the_values_every_mark_stands_within_the_picture(points, logarithmic, kind):
    x, y = Axis("x", "s", logarithmic), Axis("y", "bytes", logarithmic)
    chart = Chart(kind, "t", "s", x, y, [Series("a", points)])
    inner, height = plots.drawing(chart)
    assert "nan" not in inner
    assert "inf" not in inner
    for left, top in marks(chart):
        assert 0 <= float(left) <= plots.WIDTH
        assert 0 <= float(top) <= height


@given(st.floats(-1e30, 1e30), st.floats(1e-12, 1e30), st.booleans(), st.sampled_from(["", "s", "bytes"]))
def test_an_axis_has_a_few_ticks_upwards_within_its_ends(low, width, logarithmic, unit):
    axis = Axis("t", unit, logarithmic)
    made = scale.scale(axis, [low, low + width], 0, 300)
    ticks = made.ticks(unit)
    assert ticks == sorted(ticks)
    assert len(ticks) <= 3 * scale.MOST_TICKS
    assert all(-1 <= made.at(tick) <= 301 for tick in ticks)
    assert len(scale.labels(axis, ticks)[0]) == len(ticks)


def test_ticks_are_round_in_the_unit_that_they_are_shown_in():
    axis = Axis("Memory", "bytes")
    made = scale.scale(axis, [0, 190 * 2**20], 0, 300)
    assert scale.labels(axis, made.ticks("bytes")) == (["0", "50", "100", "150"], "Memory (MiB)")
    log = Axis("Step time", "s", logarithmic=True)
    ticks = scale.scale(log, [0.001, 0.03], 0, 300).ticks("s")
    assert scale.labels(log, ticks) == (["1", "2", "5", "10", "20"], "Step time (ms)")


def test_values_that_are_no_numbers_are_left_out():
    assert len(marks(lines_of([Point(0, math.nan), Point(1, math.inf), Point(2, 1.0)]))) == 1


def intervals(*names, note="1.00 same", down=(1.0,)):
    series = [Series(name, [Point(at + 0.5, 0, at + 0.4, at + 0.7)], note=note) for at, name in enumerate(names)]
    axis = Axis("Ratio", logarithmic=True)
    return Chart("intervals", "t", "s", axis, Axis("", names=list(names)), series, down=down, span=(0.4, 14.0))


def test_a_dot_stands_level_with_its_own_label_and_beside_it():
    inner, _ = plots.drawing(intervals("tf jit", "torch eager", "a plugin with a name of many long words jit"))
    rows = re.findall(r"<g>.*?</g>", inner)
    assert len(rows) == 3
    left = min(float(at) for at in re.findall(r'class="[ng]" d="M([\d.]+) ', inner))
    for row in rows:
        (dot,) = re.findall(r'class="d [^"]*" d="M([\d.]+) ([\d.]+)h0"', row)
        words = [
            (float(x), float(y), text) for x, y, text in re.findall(r'<text x="([\d.]+)" y="([\d.]+)">(.*?)<', row)
        ]
        heights = [y - 4 for _, y, _ in words]
        assert sum(heights) / len(heights) == pytest.approx(float(dot[1]))
        assert all(x + plots.LETTER * len(text) <= left for x, _, text in words), "no line goes through a label"
    assert [text for row in rows for text in re.findall(r"<text[^>]*>(.*?)<", row) if "…" in text] == []


def test_rows_of_intervals_take_no_more_height_than_their_words():
    few, many = (plots.drawing(intervals(*map(str, range(number))))[1] for number in (1, 21))
    assert (many - few) / 20 <= 20


def test_an_axis_says_that_it_is_logarithmic_only_if_it_is():
    def titles(high):
        points = [Point(1, 1), Point(high, high)]
        axes = Axis("Steps", logarithmic=True), Axis("Time", "s", logarithmic=True)
        return plots.drawing(Chart("lines", "t", "s", *axes, [Series("a", points)]))[0].count(", logarithmic")

    assert titles(100) == 2
    assert titles(2) == 0
    assert plots.drawing(intervals("a"))[0].count(", logarithmic") == 1


def test_a_colour_means_one_arm_in_all_charts_and_no_verdict():
    runs = [run for run in full_session() if run.spec.phase != "converge"]
    runs += [
        msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, batch_size=64))
        for run in runs
        if run.spec.plugin == "torch.transformer"
    ]
    of_name, verdicts = {}, set()
    for title, chart in charts_of(runs).items():
        for one in chart.series:
            into = verdicts if chart.kind == "intervals" else of_name.setdefault(one.name, set())
            into.add(one.shade)
        assert title
    assert {name: len(shades) for name, shades in of_name.items()} == {"tf jit": 1, "torch jit": 1}
    assert verdicts
    assert not verdicts & set().union(*of_name.values())
    assert set(VERDICTS.values()).isdisjoint(range(MOST_ARMS))


def test_a_profile_has_a_bar_for_each_category_and_side_and_none_where_there_was_nothing():
    taken = Profile(spec=spec(), seconds=2e-3, plain=2e-3, cost=1.0, ops=(Op("mm", "matrix product", 1, 1e-3, 1e-3),))
    sides = [Arm(label, taken, step) for label, step in (("torch.mlp eager", 2e-3), ("torch.mlp jit", 1e-3))]
    shares = [Share("matrix product", before=1e-3, after=6e-4), Share("fused code", after=4e-4)]
    (found,) = profile.charts(shares, sides, ["eager", "jit"])
    assert [one.name for one in found.series] == [
        *("matrix product, eager", "matrix product, jit"),
        *("fused code, eager", "fused code, jit"),
    ]
    assert [one.note for one in found.series] == ["1.00 ms", "600 µs", "–", "400 µs"]
    assert plots.drawing(found)[0].count('class="i s') == 3
    (alone,) = profile.charts(shares[:1], sides[:1], ["eager"])
    assert [one.name for one in alone.series] == ["matrix product"]
    assert list(profile.charts(shares, [Arm("a", Profile(spec=spec(), reason="none"))], ["a"])) == []
