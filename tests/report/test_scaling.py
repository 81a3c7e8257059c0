"""Scaling over workers in a report: its table and chart, the command, and threads beyond the cores."""

from __future__ import annotations

import re

import msgspec
import pytest
from example_runs import good_run, spec

from dlbench.record.processors import Rank
from dlbench.record.schema import Limits, Sample
from dlbench.report import FORMATS, summarize
from dlbench.report.charts import draw
from dlbench.report.html import plots

pytestmark = pytest.mark.untimed

RANKS = tuple(Rank(threads=2, device="cpu", cpus=(at,), weights="a") for at in range(2))
SECONDS = {"steady": 4e-3, "beside": 3e-3, "alone": 2e-3}


def together(group, **changes):
    """A Run of two workers whose step takes 4 ms, one of workers apart 3 and one alone 2."""
    run = good_run(spec=spec(phase="train", batch_size=32, workers=2, threads=2, **changes), group=group, groups=3)
    samples = tuple(
        Sample(stage=stage, steps=1, seconds=seconds * (1 + group / 1000), cpu_seconds=0.0, round=at, turn=at)
        for at in range(20)
        for stage, seconds in SECONDS.items()
        for _ in range(2 if stage == "beside" else 1)
    )
    return msgspec.structs.replace(run, samples=samples, ranks=RANKS)


def alone(group):
    return good_run(spec=spec(phase="train", batch_size=32, threads=2), group=group, groups=3)


def test_the_table_has_both_efficiencies_and_the_share_of_exchange():
    runs = [*map(alone, range(3)), *map(together, range(3)), *(together(group, scaling="strong") for group in range(3))]
    page = FORMATS["markdown"].render(summarize(runs))
    rows = [line.split(" | ") for line in page.splitlines() if "2 workers" in line and "%" in line]
    assert [row[1] for row in rows] == ["32", "16"]
    weak, strong = rows
    assert weak[2].startswith("4.00 ms")
    assert weak[3].startswith("15,984 samples/s")
    assert strong[3].startswith("7,992 samples/s")
    assert [cell.split(" %")[0] for cell in weak[4:]] == ["50.0", "75.0", "25.0"]
    assert [cell.split(" %")[0] for cell in strong[4:]] == ["25.0", "75.0", "25.0"]
    assert "threads of each worker" in page
    assert "--workers 1,2 --scaling weak,strong" in page


def test_the_command_names_the_scaling_of_several_workers_alone():
    runs = [alone(0), together(0, scaling="strong")]
    assert "--workers 1,2 --scaling strong" in summarize(runs).command
    assert "--scaling" not in summarize([alone(0), together(0)]).command
    assert "--workers" not in summarize([alone(0)]).command


def test_the_chart_has_a_line_for_each_efficiency_from_one_worker_on():
    runs = [*map(alone, range(3)), *map(together, range(3))]
    charts = [one for one in draw(summarize(runs), runs).overview if "against workers" in one.title]
    assert len(charts) == 1
    assert [[point.x for point in series.points] for series in charts[0].series] == [[1, 2], [1, 2]]
    assert [series.points[1].y for series in charts[0].series] == [pytest.approx(0.5), pytest.approx(0.75)]
    assert charts[0].said.count("2 workers") == 2
    words = re.findall(r">([^<>]+)</text>", plots.drawing(charts[0])[0])
    assert {"1", "2", "Workers"} <= set(words)
    assert not any(word.startswith("1.") for word in words), "a tick between two numbers of workers"


@pytest.mark.parametrize(
    ("cores", "said"),
    [(2, "give --threads 1"), (3, "give --threads 1"), (1, "give fewer workers"), (4, ""), (16, "")],
)
def test_more_threads_than_cores_are_said(cores, said):
    run = together(0)
    run = msgspec.structs.replace(run, environment=msgspec.structs.replace(run.environment, limits=Limits(cores=cores)))
    found = [line for line in summarize([run]).warnings if "oversubscribed" in line]
    assert len(found) == bool(said)
    assert all(said in line for line in found)
    assert all("2 workers of 2 threads share" in line for line in found)


def test_a_report_without_workers_says_nothing_of_them():
    page = FORMATS["markdown"].render(summarize([alone(0)]))
    assert "Scaling" not in page
    assert "worker" not in page.lower().replace("workers of", "")
