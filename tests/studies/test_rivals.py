"""Rules of the tools of 2026: their documented verdicts, and the tools' own if they are installed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from synthetic_pool import synthetic_pool

from studies.decision_quality import report, rivals, rules
from studies.decision_quality.replay import AGAIN, replay

pytestmark = pytest.mark.untimed


def sides(seed, n=20, shift=0.0, spread=0.01, step=2e-3):
    random = np.random.default_rng(seed)
    return step * np.exp(random.normal(0, spread, n)), step * np.exp(random.normal(shift, spread, n))


def test_pytest_torch_takes_a_quarter_and_a_slack_that_hides_what_happens_to_short_steps():
    assert rivals.pytest_torch(*sides(1, shift=0.2)).verdict == "same"
    assert rivals.pytest_torch(*sides(1, shift=0.3)).verdict == "slower"
    assert rivals.pytest_torch(*sides(1, shift=-0.5)).verdict == "same", "it looks up only"
    assert rivals.pytest_torch(*sides(1, shift=0.3, step=2e-4)).verdict == "same", "0.05 ms are a quarter of it"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([1.0, 1.0, 1.01, 1.01, 9.0], [1.02, 1.02, 1.03, 1.04, 1.05], "slower"),
        ([1.02, 1.02, 1.03, 1.04, 1.05], [1.0, 1.0, 1.01, 1.01, 9.0], "faster"),
        ([1.0, 1.0, 1.01, 1.01, 1.02], [1.012, 1.012, 1.013, 1.013, 1.02], "inconclusive"),
        ([1.0, 1.001, 1.002, 1.003, 1.2], [1.0, 1.001, 1.002, 1.003, 1.4], "same"),
        ([1.0, 1.1, 1.2, 1.3, 1.4], [1.0, 1.1, 1.2, 1.3, 1.4], "inconclusive"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0], "same"),
    ],
    ids=["gap", "gap down", "a gap too small", "alike", "alike and too wide", "equal"],
)
def test_nvbench_wants_a_gap_between_minimum_and_upper_quartile(before, after, verdict):
    assert rivals.nvbench(np.array(before), np.array(after)).verdict == verdict


@pytest.mark.parametrize("seed", range(30))
def test_benchstats_is_the_test_of_brunner_and_munzel_each_way(seed):
    before, after = sides(seed, 12, shift=0.02 * (seed % 4 - 1.5))
    apart = before.max() < after.min() or before.min() > after.max()
    after = after if not apart else before * 1.0001  # the test has no p value for samples that do not overlap
    up, down = (scipy_stats.brunnermunzel(before, after, alternative=way).pvalue for way in ("less", "greater"))
    expected = "slower" if up < 0.001 else "faster" if down < 0.001 else "same"
    assert rivals.benchstats(before, after).verdict == expected


def test_samples_that_do_not_overlap_or_are_all_equal_have_an_answer_too():
    assert rivals.benchstats(np.array([1.0, 1.1]), np.array([1.2, 1.3])).verdict == "slower"
    assert rivals.benchstats(np.array([1.2, 1.3]), np.array([1.0, 1.1])).verdict == "faster"
    assert rivals.benchstats(np.ones(10), np.ones(10)).verdict == "same"


def test_thresholds_of_a_ratio():
    for rule, share in ((rivals.torchbench, 0.07), (rivals.interleaved_minimum, 0.05)):
        at = [rule(np.full(5, 1.0), np.full(5, 1 + times * share)).verdict for times in (1.1, 0.9, -0.9, -1.1)]
        assert at == ["slower", "same", "same", "faster"]


def test_sessions_of_the_rivals_are_drawn_and_those_without_a_verdict_count():
    batches = synthetic_pool(12)
    cells = report.Cells(replay(batches, 20))
    for peer in (*rules.PEERS, rivals.INTERLEAVED):
        for rule in (peer.name, f"{peer.name}, as shipped"):
            assert cells.of(rule, "gemm", AGAIN).said.total() == 20
    text = report.render({"quiet": (batches, cells)}, "command", 20)
    assert "No verdict: of the same, at 3%" in text
    assert "| gemm | interleaved minimum, 5% band |" in text
    assert "## What differs from `dlbench run --adaptive`" in text


def test_pytest_torch_says_the_same(tmp_path):
    perf = pytest.importorskip("pytest_torch.perf", reason="pip install pytest-torch")
    for seed in range(40):
        before, after = sides(seed, 20, shift=0.1 * (seed % 5), step=2e-4 * (1 + seed % 3))
        store = perf.PerfStore(tmp_path / f"{seed}.json")
        perf.compare_perf(store, "key", "machine", float(np.median(before)) * 1e3, None, update=True)
        try:
            perf.compare_perf(store, "key", "machine", float(np.median(after)) * 1e3, None)
            said = "same"
        except AssertionError:
            said = "slower"
        assert rivals.pytest_torch(before, after).verdict == said


def test_benchstats_says_the_same():
    compare = pytest.importorskip("benchstats.compare", reason="pip install benchstats")
    for seed in range(60):
        before, after = sides(seed, 10 + seed, shift=0.01 * (seed % 5 - 2))
        found = compare.compareStats({"b": {"t": before}}, {"b": {"t": after}}, debug_log=False)
        word = {"<": "slower", ">": "faster", "~": "same"}[found.results["b"]["t"].result]
        assert rivals.benchstats(before, after).verdict == word


def test_nvbench_says_the_same():
    """Its intervals from samples, its clear gap, and its rule for the same."""
    tool = pytest.importorskip("nvbench_compare_robust", reason="put nvbench's python/scripts on the path")
    tool.load_nvbench_compare_tooling(load_color=False)
    heard = set()
    for seed in range(300):
        spread = (0.002, 0.01, 0.03)[seed % 3]
        before, after = sides(seed, 10 + seed, shift=0.004 * (seed % 13 - 6), spread=spread)
        limits = tool.get_default_thresholds()
        (estimate, interval), (other, beside) = map(tool.compute_robust_timing_input_from_samples, (before, after))
        gap = tool.compare_intervals_for_clear_gap(interval, beside, limits)
        noise = max(estimate.relative_dispersion, other.relative_dispersion)
        same = tool.compare_intervals_for_same(interval, beside, limits).status == tool.ComparisonStatus.SAME
        alike = same and noise <= limits.same_relative_dispersion_ceiling
        word = "same" if alike else "inconclusive"
        word = word if gap is None else {"FAST": "faster", "SLOW": "slower"}[gap.value]
        assert rivals.nvbench(before, after).verdict == word
        heard.add(word)
    assert heard == {"faster", "slower", "same", "inconclusive"}
