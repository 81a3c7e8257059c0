"""Stopping at interim analyses: its rule, and its effect on the errors of verdicts and intervals."""

import itertools
import math

import msgspec
import numpy as np
import pytest
from disturbed import disturbed
from example_runs import bare_run, spec

from dlbench.analysis import pairs, steady_state, stopping
from dlbench.api import outline
from dlbench.cli.main import cli
from dlbench.record.schema import Sample
from dlbench.session.plan import groups
from dlbench.spec import Policy
from dlbench.stats import interim
from dlbench.stats.decisions import Paired, p_differs, verdict
from dlbench.stats.interim import HALF_WIDTH, INTERIM_GROUPS, are_enough, half_width

pytestmark = pytest.mark.untimed
SESSIONS = 4000
ADAPTIVE = Policy(adaptive=True)
NARROW, WIDE = 0.001, 0.05


def groups_taken(log_ratios, enough=are_enough):
    return next(
        (n for n in INTERIM_GROUPS if n == INTERIM_GROUPS[-1] or enough(n, [Paired(log_ratios[:n])])),
        INTERIM_GROUPS[-1],
    )


def sessions(spread, true=0.0, enough=are_enough):
    """The groups of sessions with this spread of log ratios that stop by the rule."""
    draws = (
        np.random.default_rng(round(spread * 1e4)).normal(true, spread, size=(SESSIONS, INTERIM_GROUPS[-1])).tolist()
    )
    return [ratios[: groups_taken(ratios, enough)] for ratios in draws]


def says(log_ratios):
    evidence = Paired(log_ratios)
    return verdict(evidence, p_differs(evidence))[0]


def covered(found, true):
    ends = [Paired(ratios).shift().interval() for ratios in found]
    return sum(low <= true <= high for low, high in ends) / len(found)


@pytest.mark.parametrize("spread", [0.005, 0.015, 0.02, 0.03, 0.04])
def test_verdicts_and_intervals_hold_under_the_looks(spread):
    found = sessions(spread)
    assert sum(says(ratios) in ("slower", "faster") for ratios in found) / len(found) <= 0.01
    assert covered(found, 0.0) >= 0.92


@pytest.mark.parametrize("spread", [0.005, 0.015, 0.02, 0.03, 0.04])
def test_a_slowdown_of_three_percent_is_seen_in_nine_sessions_of_ten(spread):
    found = sessions(spread, math.log1p(0.03))
    assert sum(says(ratios) == "slower" for ratios in found) / len(found) >= 0.9


def test_most_sessions_stop_at_different_looks_so_that_the_rule_is_put_to_the_test():
    assert {len(ratios) for ratios in sessions(0.02)} | {len(ratios) for ratios in sessions(0.03)} == set(
        INTERIM_GROUPS
    )
    assert {len(ratios) for ratios in sessions(0.005)} == {INTERIM_GROUPS[0]}


def test_a_rule_that_stops_at_significance_is_caught():
    """Ratios at the edge of a negligible change, at which the tests err as often as they may: one time in twenty."""
    edge = math.log1p(0.01)

    def wrongly(enough):
        return sum(says(ratios) == "slower" for ratios in sessions(0.02, edge, enough)) / SESSIONS

    assert wrongly(are_enough) <= 0.07
    assert wrongly(lambda n, pairs: says(pairs[0].log_ratios) in ("slower", "faster")) > 0.08


def test_a_look_is_enough_when_every_ratio_is_narrow_and_at_no_other_number():
    narrow = [NARROW, -NARROW] * INTERIM_GROUPS[-1]
    assert [n for n in range(1, len(narrow)) if are_enough(n, [Paired(narrow[:n])])] == list(INTERIM_GROUPS)
    assert not are_enough(6, [Paired(narrow[:6]), Paired([WIDE, -WIDE] * 3)])
    assert not are_enough(6, [Paired([0.0])])
    assert half_width(Paired([0.0])) == math.inf
    error = 0.02 * math.sqrt(6 / 5) / math.sqrt(6)
    assert half_width(Paired([0.02, -0.02] * 3)) == pytest.approx(math.expm1(2.5706 * error), 1e-4)


def session(number, spread, policy=ADAPTIVE, slowdown=0.0, spared=()):
    """Groups of two arms whose log ratio goes up and down by so much; the second may slow down halfway in some."""
    found = []
    for group, (arm, plugin) in itertools.product(range(number), enumerate(("tf.transformer", "torch.transformer"))):
        seconds = 0.01 * math.exp(arm * spread * (-1) ** group)
        steady = [
            Sample(
                stage="steady",
                steps=1,
                seconds=seconds * (1 + arm * slowdown * (at >= 15 and group not in spared) + at % 3 / 1000),
                cpu_seconds=0,
                round=at,
                turn=at,
            )
            for at in range(30)
        ]
        place = {"group": group, "groups": INTERIM_GROUPS[-1], "arm": arm, "arms": 2}
        found.append(bare_run(spec=spec(plugin), policy=policy, samples=tuple(steady), **place))
    return found


def test_the_report_says_why_it_stopped_and_counts_no_process_that_was_not_due():
    stopped = "Stopped at the interim analysis after 6 groups: the widest interval"
    assert stopping.sentence(session(6, NARROW)).startswith(stopped)
    assert "±0.12 %, the target ±1.25 %." in stopping.sentence(session(6, NARROW))
    assert "after 45 groups, the last interim analysis" in stopping.sentence(session(45, WIDE))
    assert stopping.sentence(session(8, WIDE)).startswith("Cut short after 8 groups, by the budget or an interruption")
    assert stopping.sentence(session(6, NARROW, Policy())) == ""
    assert (stopping.enough(session(6, NARROW)), stopping.enough(session(6, WIDE))) == (True, False)
    assert pairs.planned(session(6, NARROW)[::2]) == 6


def test_a_session_ends_at_a_look_alone_also_where_a_ratio_never_becomes_steady():
    """The session goes on to the second look, because one look may be chance."""
    runs = session(12, NARROW, slowdown=0.3)
    ends = [groups for groups in range(1, 13) if stopping.enough([run for run in runs if run.group < groups])]
    assert ends == [10]
    late = session(20, NARROW, slowdown=0.3, spared=(1, 3, 5))
    ends = [groups for groups in range(1, 21) if stopping.enough([run for run in late if run.group < groups])]
    assert ends == [15, 20], "at 10 it is unsteady for the first time"
    marked = steady_state.flag_unsteady([run for run in runs if run.group < 10])
    assert stopping.sentence(marked).startswith(
        "Stopped at the interim analysis after 10 groups: no ratio is known (1 of 1 ratios never became steady)"
    )


def test_a_session_beside_other_programs_ends_where_two_looks_do_not_know_a_ratio():
    """A session whose threads hand work to one another while others hold their core (`dlbench.analysis.rounds`)."""
    runs = [disturbed(run) for run in session(12, NARROW)]
    ends = [groups for groups in range(1, 13) if stopping.enough([run for run in runs if run.group < groups])]
    assert ends == [10]
    assert stopping.sentence([run for run in runs if run.group < 10]).startswith(
        "Stopped at the interim analysis after 10 groups: no ratio is known (1 of 1 ratios were disturbed by other pro"
    )


def test_where_nothing_took_turns_there_are_as_many_groups_as_without_looks():
    alone = [run for run in session(5, NARROW) if run.arm == 0]
    assert (stopping.enough(alone), stopping.enough(alone[:4])) == (True, False)
    apart = [msgspec.structs.replace(run, part=run.arm) for run in session(5, NARROW)]
    assert stopping.enough(apart)
    assert stopping.sentence(apart) == ""
    gated = groups([spec()], ADAPTIVE, controls=[spec()])
    assert len(gated) == ADAPTIVE.processes
    assert ", 5 processes an arm" in next(outline.lines(gated, [], ADAPTIVE))
    compared = groups([spec(), spec("torch.transformer")], ADAPTIVE)
    assert "6 to 45 processes an arm" in next(outline.lines(compared, [], ADAPTIVE))


def test_only_what_is_compared_has_an_open_number_of_groups():
    one, other = spec(), spec("torch.transformer")
    assert len(groups([one, other], ADAPTIVE)) == INTERIM_GROUPS[-1]
    assert len(groups([one], ADAPTIVE)) == ADAPTIVE.processes
    trained = [msgspec.structs.replace(arm, phase="converge") for arm in (one, other)]
    assert [group.of for group in groups(trained, ADAPTIVE)] == [1]


def test_help_and_pages_state_the_looks():
    (adaptive,) = [one for one in cli.commands["run"].params if one.name == "adaptive"]
    *firsts, last = map(str, interim.INTERIM_GROUPS)
    assert f"{', '.join(firsts)} or {last} processes" in adaptive.help
    assert f"{HALF_WIDTH * 100:g} %" in adaptive.help
