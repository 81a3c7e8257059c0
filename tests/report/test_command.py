"""The command that measures a report again, and its title."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import full_session, good_run, many_workloads, spec

from dlbench.report import FORMATS, summarize

pytestmark = pytest.mark.untimed


def test_the_command_names_what_was_measured():
    command = summarize(full_session()).command
    assert command == (
        "dlbench run --plugin tf.transformer,torch.transformer --path jit --phase train,predict,converge --size small "
        "--batch-size 32 --device cpu --task text --threads 2 --processes 5 --cold"
    )


def test_defaults_that_differ_from_architecture_to_architecture_are_left_out_of_the_command():
    runs = list(many_workloads())
    command = summarize(runs).command
    assert "--batch-size" not in command
    assert "--task" not in command
    other = good_run(spec=spec("tf.mlp", size="base", task="synthetic", batch_size=8))
    assert "--batch-size 32,256,8" in summarize([*runs, other]).command


def test_a_cold_session_is_asked_for_cold_again():
    policy = good_run().policy
    cold = msgspec.structs.replace(policy, processes=5, discard=False)
    assert " --cold" in summarize([msgspec.structs.replace(good_run(), policy=cold)]).command
    warm = msgspec.structs.replace(cold, discard=True)
    assert " --cold" not in summarize([msgspec.structs.replace(good_run(), policy=warm)]).command


def test_processes_that_are_not_fresh_are_named_and_asked_for_again():
    fork = msgspec.structs.replace(good_run().policy, isolation="fork")
    report = summarize([msgspec.structs.replace(run, policy=fork) for run in full_session()])
    text = FORMATS["markdown"].render(report)
    assert report.command.endswith(" --isolation fork")
    assert "processes, the first of each arm fresh and the others forked" in text
    assert "--isolation" not in summarize(full_session()).command


def test_a_title_names_few_arms_and_counts_many():
    runs = list(many_workloads())
    assert summarize(runs[:2]).title == "Training steps: tf.transformer graph, torch.transformer eager"
    others = [good_run(spec=spec("acme.mlp", path=path)) for path in ("graph", "eager", "jit")]
    assert summarize([*runs, *others]).title == "Training steps: 5 plugins of tf, torch, acme on graph, eager, jit"
