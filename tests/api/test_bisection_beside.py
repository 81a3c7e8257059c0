"""Trials beside other programs, whose ratios nobody knows."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import msgspec
import pytest
from disturbed import disturbed
from example_runs import bare_run, spec

from dlbench.api.bisection import effort
from dlbench.api.bisection.members import Members
from dlbench.api.bisection.trials import Trials
from dlbench.record.schema import Sample
from dlbench.spec import Policy
from dlbench.stats import rounds
from dlbench.stats.bisection import decisions
from dlbench.stats.bisection.search import Exhausted, Trial
from dlbench.workers.environments.layers import Recipe
from dlbench.workers.environments.ranges import Candidate, Found

pytestmark = pytest.mark.untimed
NAMES = ("1.0", "1.3")


def runs_of(name, groups):
    """A member in so many groups of twenty rounds."""
    samples = tuple(Sample(stage="steady", steps=1, seconds=0.02, cpu_seconds=0.02, round=at) for at in range(20))
    place = {"groups": 45, "arms": 2}
    return [bare_run(spec=spec(python=name), samples=samples, group=at, **place) for at in range(groups)]


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_trial_whose_rounds_differ_makes_more_of_them_worth_their_time(noise, tmp_path):
    found = Found("acme", ("acme",), tuple(Candidate(name, Recipe((f"acme=={name}",))) for name in NAMES))
    members = Members(found, SimpleNamespace(policy=Policy()), None, None, {}, lambda: None)
    trials = Trials(members, "step_time", tmp_path, None)
    runs = [run for name in NAMES for run in runs_of(name, 10)]
    generator = random.Random(0)
    runs = [
        msgspec.structs.replace(
            run,
            wall_seconds=3.0,
            samples=tuple(
                msgspec.structs.replace(one, seconds=one.seconds * math.exp(generator.gauss(0, noise)))
                for one in run.samples
            ),
        )
        for run in runs
    ]
    trial = Trial(0, "ends", (0, 1), 1, decisions.ends(0, 1), 0.01)
    assert effort.samples(trial, trials.last) == rounds.LEAST
    trials._learn(trial, runs)
    assert effort.samples(trial, trials.last) == (rounds.MOST if noise else rounds.LEAST)


def test_a_trial_whose_ratios_other_programs_made_unknown_ends_at_its_second_look(tmp_path):
    found = Found("acme", ("acme",), tuple(Candidate(name, Recipe((f"acme=={name}",))) for name in NAMES))
    members = Members(found, SimpleNamespace(policy=Policy()), None, None, {}, lambda: None)
    trials = Trials(members, "step_time", tmp_path, None)
    trial = Trial(0, "ends", (0, 1), 1, decisions.ends(0, 1), 0.01)
    quiet = [run for name in NAMES for run in runs_of(name, 10)]
    busy = [disturbed(run) for run in quiet]
    assert len(trials._groups(trial, quiet)) == 10
    assert trials._groups(trial, busy) == []
    trials._require_quiet(trial, [run for run in busy if run.group < 6], [])
    trials._require_quiet(trial, quiet, [])
    with pytest.raises(Exhausted, match="10 of 10 groups other programs held the processors"):
        trials._require_quiet(trial, busy, [])


def test_a_candidate_has_fewer_rounds_where_its_ends_are_far_apart():
    generator = random.Random(0)

    def learnt(whole):
        return effort.Learnt([[generator.gauss(whole, 0.08) for _ in range(20)] for _ in range(10)], 50.0, whole)

    trial = Trial(1, "candidate", (0, 1, 2), 1, decisions.candidate(0, 1, 2), 0.001)
    far, near = (effort.samples(trial, learnt(whole)) for whole in (0.5, 0.05))
    assert far == rounds.LEAST < near <= rounds.MOST


def test_a_strip_has_the_rounds_that_are_worth_their_time():
    last = effort.Learnt([[0.1, -0.1] * 10 for _ in range(10)], 50.0, 0.5)
    trial = Trial(1, "strip", (0, 1, 2), 2, decisions.ends(0, 1), 0.001)
    assert effort.samples(trial, last) == rounds.worth(last.rounds, last.overhead) > rounds.LEAST
    assert effort.samples(trial, last._replace(most=30)) == 30
    assert effort.samples(trial, last._replace(most=3)) == rounds.LEAST
