"""Reports: the same Runs, the same bytes; nothing invented, nothing lost, and no plugin's text taken for markup."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from example_runs import bare_run, failed_runs, full_session, good_run, many_workloads, spec
from rich.console import Console

from dlbench.analysis import metrics
from dlbench.errors import DlbenchError
from dlbench.plugin import Compilation
from dlbench.record.flags import STATUSES
from dlbench.record.parity import Difference, Parity
from dlbench.report import FORMATS, summarize, terminal

pytestmark = pytest.mark.untimed

GOLDEN = Path(__file__).parents[1] / "golden"
SAME = Parity(
    baseline=spec("tf.transformer"),
    candidate=spec("torch.transformer"),
    seeds=(0,),
    steps=20,
    differences=(
        Difference(what="output", difference=4e-7, tolerance=5e-6, worst=5e-7),
        Difference(what="losses", difference=2e-7, tolerance=1e-5, worst=2e-7),
    ),
)
OTHER = msgspec.structs.replace(
    SAME, differences=(Difference(what="output", difference=0.2, tolerance=5e-6, worst=5e-7),)
)


def markdown(runs, parity=()):
    return FORMATS["markdown"].render(summarize(runs, parity))


def on_terminal(report, width=100):
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(terminal.render(report))
    return console.export_text()


@pytest.mark.parametrize("name", ["markdown", "json"])
def test_a_full_session_renders_as_agreed(name):
    """Write it after a change that is meant, and read the difference: DLBENCH_WRITE_GOLDEN=1 pytest tests/report."""
    path = GOLDEN / FORMATS[name].file_name
    found = FORMATS[name].render(summarize([*full_session(), *failed_runs()], [SAME]))
    if "DLBENCH_WRITE_GOLDEN" in os.environ:
        path.write_text(found)
    assert found == path.read_text()


def test_rendering_needs_no_framework_and_no_writing_side():
    program = (
        "import sys; sys.path.insert(0, 'tests/support')\n"
        "from example_runs import full_session\n"
        "from dlbench.report import FORMATS, summarize\n"
        "[FORMATS[name].render(summarize(full_session())) for name in FORMATS]\n"
        "print(*sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=root)
    loaded = set(done.stdout.split())
    assert not {name.partition(".")[0] for name in loaded} & {"tensorflow", "torch", "keras", "jax", "dlbench_fake"}
    assert not loaded & {
        "dlbench.workers.worker",
        "dlbench.measure.timing",
        "dlbench.registry",
        "dlbench.session.schedule",
    }


def test_every_figure_of_the_summary_is_that_of_its_metric():
    runs = full_session()
    report = summarize(runs)
    for section in report.sections:
        for arm in section.arms:
            mine = [run for run in runs if run.spec.label == arm.label and run.spec.phase == section.workload.phase]
            for name, found in arm.metrics.items():
                assert found == metrics.over(metrics.METRICS[name], mine)
    train = report.sections[0].arms[0].metrics["throughput"]
    assert train.n == 5
    assert f"{train.value:,.0f} samples/s" in markdown(runs)


def test_the_verdict_is_said_with_ratio_interval_and_smallest_change():
    report = summarize(full_session())
    found = report.sections[0].comparisons[0]
    assert found.verdict == "slower"
    assert 1.37 < found.ratio.value < 1.43
    text = markdown(full_session())
    assert re.search(
        r"torch\.transformer jit over \S+ jit \| 1\.\d\d \(1\.\d\d–1\.\d\d\) \| slower \| \d\.\d% \|", text
    )


def test_the_head_of_a_table_says_the_axes_that_do_not_go_without_saying():
    said = {"steps_per_call": 8, "data": "host", "options": (("depth", 2),), "seed": 3}
    runs = [msgspec.structs.replace(one, spec=spec(**said)) for one in [good_run("tf.transformer")]]
    head = next(line for line in markdown(runs).splitlines() if line.startswith("Task text"))
    assert head.endswith("threads 2, steps per call 8, data on the host, depth=2, seed 3.")


def test_one_process_is_indicative_and_has_no_interval():
    policy = msgspec.structs.replace(bare_run().policy, processes=1)
    runs = [good_run(plugin, groups=1, policy=policy) for plugin in ("tf.transformer", "torch.transformer")]
    report = summarize(runs)
    assert report.indicative
    assert {one.verdict for section in report.sections for one in section.comparisons} == {"indicative"}
    text = markdown(runs)
    assert "these figures are indicative" in text
    assert not re.search(r"samples/s \(", text)


def test_seeds_that_never_reach_the_target_count_as_beyond_all_others():
    section = next(one for one in summarize(full_session()).sections if one.workload.phase == "converge")
    spread = section.arms[0].to_target["steps_to_target"]
    assert (spread.reached, spread.of, spread.high) == (4, 5, None)
    reached = sorted(
        at.steps for run in full_session() if (at := first_at_target(run)) and run.spec.plugin == "tf.transformer"
    )
    assert (spread.low, spread.median) == (reached[0], reached[2])
    text = markdown(full_session())
    assert "| 4 of 5 | 4 of 5 |" in text
    assert "–beyond the budget)" in text


def first_at_target(run):
    return next((at for at in run.evaluations if at.quality <= run.task.target), None)


def test_none_that_reaches_the_target_is_said():
    runs = [good_run(phase="converge", group=4, groups=1)]
    assert "not within the budget" in markdown(runs)


def test_a_run_with_nothing_in_it_renders():
    for status in STATUSES:
        runs = [bare_run(status=status, reason="because")]
        for name in FORMATS:
            assert FORMATS[name].text(runs, summarize(runs))
        on_terminal(summarize(runs))


def test_no_run_is_an_error():
    with pytest.raises(DlbenchError, match="no Run to report"):
        summarize([])


def test_every_status_is_shown_with_its_reason_and_the_last_output():
    text = markdown(failed_runs())
    for run in failed_runs():
        assert f"| {run.status} | 1 |" in text
    assert "tail" in text


def test_what_a_plugin_says_is_text_and_never_markup():
    text = markdown(failed_runs())
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\n# not a heading" not in text
    assert not re.search(r"(?<!\\)\]\(http", text)
    assert "````text\n```\n| tail |\n````" in text
    shown_there = on_terminal(summarize(failed_runs()))
    assert "\x1b" not in shown_there
    assert "\x07" not in shown_there


def test_partial_results_say_how_many_of_how_many():
    runs = full_session()[:14]  # the first two groups whole, then nothing of the third but two arms
    report = summarize(runs)
    assert "3 of 5 processes" in " ".join(report.warnings)
    assert "| 3 of 5 | 3 of 5 |" in markdown(runs)


def test_parity_stands_where_the_arms_are_compared_and_a_failure_stands_first():
    assert "same model: yes; output within 4e-07, losses within 2e-07" in markdown(full_session(), [SAME])
    assert "Same model: not checked." in markdown(full_session())
    failed = summarize(full_session(), [OTHER])
    assert failed.warnings[0].startswith("transformer small, task text, batch 32: torch.transformer jit and tf.")
    assert "same model: NO" in failed.warnings[0]
    opening = markdown(full_session(), [OTHER]).splitlines()[2]
    assert re.fullmatch(r"NOT THE SAME MODEL: torch\.transformer \w+ and tf\.transformer \w+\.", opening), opening
    assert "NOT THE SAME MODEL" not in markdown(full_session(), [SAME])
    assert re.search(r"over tf\.transformer jit \| [^|]+ \| NOT THE SAME MODEL \|", markdown(full_session(), [OTHER]))
    unchecked = msgspec.structs.replace(SAME, differences=(), reason="acme lacks gradients()")
    assert "not checked (acme lacks gradients" in markdown(full_session(), [unchecked])


def test_the_json_holds_the_numbers_and_reads_back():
    report = summarize(full_session(), [SAME])
    text = FORMATS["json"].render(report)
    found = json.loads(text)
    assert found["kind"] == "dlbench report"
    assert found["sections"][0]["arms"][0]["metrics"]["throughput"]["n"] == 5
    read = msgspec.convert(found, type(report))
    assert msgspec.convert(json.loads(FORMATS["json"].render(read)), type(report)) == read


def test_the_json_holds_nine_digits_of_a_figure():
    """The last of sixteen depend on the processor that renders."""
    report = summarize(full_session(), [SAME])
    numbers = re.findall(r": (-?\d+\.\d+(?:e-?\d+)?)", FORMATS["json"].render(report))
    assert max(len(re.sub(r"e.*|\D", "", number).strip("0")) for number in numbers) == 9
    throughput = report.sections[0].arms[0].metrics["throughput"].value
    assert f"{throughput:.9g}" in numbers


def test_seeds_that_diverge_or_run_out_of_time_have_missed_the_target():
    runs = [good_run(phase="converge", group=group) for group in range(5)]
    ended = [msgspec.structs.replace(run, status="diverged", reason="NaN", evaluations=()) for run in runs]
    some = [*runs[:2], *ended[2:4], msgspec.structs.replace(ended[4], status="timeout")]
    text = markdown(some)
    assert "| Seeds that reached it | 2 of 5 |" in text
    assert "beyond the budget (" in text
    assert ", 2 of 5 seeds |" in text
    none = markdown(ended)
    assert "| Seeds that reached it | 0 of 5 |" in none
    assert "not within the budget" in none


def test_a_session_that_went_on_after_an_upgrade_shows_both_versions_and_warns():
    runs = [good_run(group=group) for group in range(2)]
    packages = {**runs[1].environment.packages, "dlbench": "9"}
    newer = msgspec.structs.replace(runs[1].environment, packages=packages, variables={"OMP_NUM_THREADS": "of-one"})
    runs[1] = msgspec.structs.replace(runs[1], environment=newer)
    text = markdown(runs)
    assert f"dlbench {runs[0].environment.packages['dlbench']} / 9" in text
    assert "| Variables | OMP\\_NUM\\_THREADS=2 / of-one |" in text
    versions = f"versions differ: dlbench {runs[0].environment.packages['dlbench']} became 9"
    versions += ", variables differ: OMP\\_NUM\\_THREADS 2 became of-one"
    assert f"train, tf.transformer jit #2 (process 2 of session s): {versions}; measure again for one figure" in text
    assert "| Processes | 1 of 5 | 1 of 5 |" in text


def test_what_a_framework_refuses_is_one_line_and_no_column():
    text = markdown(list(many_workloads()))
    named = "train, torch.transformer graph; train, torch.mlp graph"
    assert f"| {named} | unsupported | 2 in 2 arms | path graph: none |" in text
    assert "|  | tf.mlp graph | torch.mlp eager |" in text
    assert "Traceback" not in text
    assert "0 of 1" in markdown([run for run in many_workloads() if run.status == "unsupported"])


def test_failed_processes_of_one_label_on_several_workloads_are_counted_beside_their_arms():
    runs = [
        bare_run(spec=spec(batch_size=batch), group=group, groups=3, status="crashed", reason="the child was ended")
        for batch in (32, 64)
        for group in range(3)
    ]
    text = markdown(runs)
    assert "|  | Status | Processes | Reason |" in text
    assert "| train, tf.transformer jit | crashed | 6 in 2 arms | the child was ended |" in text


def test_a_check_of_an_arm_that_was_never_built_says_nothing_more():
    runs = list(many_workloads())
    check = msgspec.structs.replace(SAME, baseline=runs[0].spec, candidate=runs[2].spec, reason="path graph: none")
    assert markdown(runs, [check]).count("path graph: none") == 1


def test_compilation_is_shown_where_something_was_compiled():
    assert "graphs 1, breaks 0, recompiled 0" in markdown(full_session())
    eager = [good_run(compilation=Compilation(graphs=0, breaks=0, recompilations=0))]
    assert "| Compiled |" not in markdown(eager)


def test_the_terminal_shows_the_figures_without_the_details():
    runs = [run for run in full_session() if run.spec.phase != "converge"]
    shown_there = on_terminal(summarize(runs))
    assert "Throughput" in shown_there
    assert "Verdict" in shown_there
    assert "Resident after import" not in shown_there
    assert "dlbench run" not in shown_there
    assert "Throughput" not in on_terminal(summarize(full_session())), "figures of more than two workloads are folded"
