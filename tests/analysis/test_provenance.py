"""Provenance: Runs made in different ways never form one figure, and the report says so."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import bare_run, full_session, good_run
from sessions import session

from dlbench.analysis import compare, gate, judge, pooling, provenance
from dlbench.analysis.gate import GateRequest
from dlbench.record.schema import Code, Environment, Limits
from dlbench.report import FORMATS, summarize

pytestmark = pytest.mark.untimed

BIG = {"cores": 64, "usable_cores": 2, "memory_bytes": 8 << 30}
SMALL = {"cores": 2, "usable_cores": 2, "memory_bytes": 23 << 30}
PLUGINS = ("tf.transformer", "torch.transformer")


def on(run, **changes):
    """The Run as if its environment had been this."""
    return msgspec.structs.replace(run, environment=msgspec.structs.replace(run.environment, **changes))


def at(**changes) -> Environment:
    return msgspec.structs.replace(good_run().environment, **changes)


def two_machines(*changes):
    """Both arms on each machine, a session each, in one file."""
    return [
        msgspec.structs.replace(on(good_run(plugin, groups=1), **of), session=f"s{number}")
        for number, of in enumerate(changes)
        for plugin in PLUGINS
    ]


def test_two_machines_with_one_name_of_processor_are_never_one_interval():
    report = summarize(two_machines(SMALL, BIG))
    (section,) = report.sections
    assert [(arm.label, arm.ok) for arm in section.arms] == [
        (f"{plugin} jit{number}", 1) for number in ("", " #2") for plugin in PLUGINS
    ]
    assert [arm.metrics["step_time"].low for arm in section.arms] == [None] * 4
    assert [(one.baseline, one.candidate) for one in section.comparisons] == [
        (f"tf.transformer jit{number}", f"torch.transformer jit{number}") for number in ("", " #2")
    ], "arms are compared on the machine on which they took turns"
    said = " ".join(report.warnings)
    assert (
        "the Runs come from 2 kinds of machine: Example CPU, 2 cores, 23 GiB, Linux 6.1 x86_64; Example CPU, 64" in said
    )
    assert "another machine: 2 cores became 64 cores" in said
    assert "another machine: 23 GiB became 8 GiB" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu": "Another CPU"},
        {"cores": 3},
        {"memory_bytes": 4 << 30},
        {"system": "Linux 5.15 x86_64"},
        {"system": "Linux 6.1 aarch64"},
        {"python": "CPython 3.12.1"},
        {"packages": {"tf": "2.1"}},
    ],
    ids=lambda changes: str(*changes),
)
def test_what_makes_an_arm_another(changes):
    first, second = good_run(), on(good_run(group=1), **changes)
    assert [run.spec.origin for run in pooling.parted([first, second, first])] == [0, 1, 0]
    assert pooling.parted([first, first]) == [first, first]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"task": msgspec.structs.replace(good_run().task, sha256="cd" * 32)}, "tasks differ: data of text abab"),
        ({"task": msgspec.structs.replace(good_run().task, target=1.0)}, "tasks differ: goal of text"),
        ({"policy": msgspec.structs.replace(good_run().policy, samples=7)}, "measured otherwise: samples 40 became 7"),
    ],
)
def test_data_goals_and_ways_of_measuring_are_not_pooled(changes, text):
    runs = pooling.parted([good_run(), msgspec.structs.replace(good_run(group=1), **changes)])
    assert [run.spec.origin for run in runs] == [0, 1]
    (said,) = pooling.mixed(runs)
    assert text in said


def test_what_is_not_recorded_is_no_difference():
    bare = bare_run(spec=good_run().spec, group=1)
    assert [run.spec.origin for run in pooling.parted([good_run(), bare, bare])] == [0, 0, 0]
    assert pooling.changes([bare], [good_run()]) == []
    (said,) = pooling.unrecorded([bare], [good_run()])
    assert said.startswith("not recorded in the baseline, so it may differ: another machine")
    assert list(pooling.unrecorded([good_run()], [good_run()])) == []


def test_a_run_that_says_nothing_does_not_join_two_that_differ():
    runs = [bare_run(spec=good_run().spec), good_run(), on(good_run(), cores=64)]
    assert [run.spec.origin for run in pooling.parted(runs)] == [0, 0, 1]


def test_two_generations_that_a_hypervisor_gives_one_name_are_two_machines():
    milan, genoa = (on(good_run(), cpu_model=f"family 25 model {number}") for number in (1, 17))
    assert "Example CPU, family 25 model 1, 2 cores" in pooling.machines([milan], [genoa])
    assert pooling.machines([milan], [good_run()]) == "", "a record from before says nothing of it"
    assert [run.spec.origin for run in pooling.parted([milan, genoa])] == [0, 1]


@pytest.mark.parametrize("total", [8 << 30, (8 << 30) + 4096, (8 << 30) - 4096, 8_140_000_000, 8_140_100_000])
def test_memory_that_differs_from_boot_to_boot_is_that_of_one_machine(total):
    assert provenance.machine(at(memory_bytes=total)) == provenance.machine(at(memory_bytes=8 << 30))


@pytest.mark.parametrize("total", [7 << 30, 9 << 30, 16 << 30, 512 << 20])
def test_another_memory_is_that_of_another_machine(total):
    assert provenance.machine(at(memory_bytes=total)) != provenance.machine(at(memory_bytes=8 << 30))


def test_a_patch_of_the_kernel_is_said_and_is_no_other_machine():
    before, after = ([on(good_run(), system=f"Linux 6.1.{patch}-generic x86_64")] for patch in (7, 9))
    assert pooling.machines(before, after) == ""
    assert [str(one) for one in pooling.changes(before, after)] == [
        "systems differ: kernel Linux 6.1.7-generic x86_64 became Linux 6.1.9-generic x86_64"
    ]


def test_an_arm_that_changed_is_compared_with_those_that_it_took_turns_with():
    runs = [run for run in full_session(3) if run.spec.phase == "train"]
    runs = [on(run, packages={"tf": "9"}) if run.spec.plugin == "tf.transformer" and run.group else run for run in runs]
    (found,) = compare.compare(pooling.parted(runs)).values()
    assert [(one.baseline, one.candidate, one.ratio.n) for one in found] == [
        ("tf.transformer jit", "torch.transformer jit", 1),
        ("torch.transformer jit", "tf.transformer jit #2", 2),
    ]


def test_one_change_of_many_arms_is_one_line():
    runs = [on(run, python="CPython 3.12.1") if run.group == 2 else run for run in full_session(3)]
    (said,) = pooling.mixed(pooling.parted(runs))
    assert said.count("process 3 of session s") == 6
    assert said.count("Python CPython 3.11.7 became CPython 3.12.1") == 1


def test_the_control_of_an_arm_is_numbered_with_it():
    again = good_run(control=True)
    runs = [good_run(), again, on(again, cores=64), on(good_run(), cores=64)]
    assert [run.spec.origin for run in pooling.parted(runs)] == [0, 0, 1, 1]


def test_what_was_made_otherwise_has_a_column_and_nothing_is_dropped():
    text = FORMATS["markdown"].render(summarize(two_machines(SMALL, BIG)))
    assert "tf.transformer jit #2 | torch.transformer jit #2" in text
    assert "| Processes | 1 of 1 | 1 of 1 | 1 of 1 | 1 of 1 |" in text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(cores=2), "2 usable"),
        (Limits(cores=4, cpu_quota=0.5), "a quota of 0.5 cores"),
        (Limits(cores=4, memory_bytes=3 << 30), "a limit of 3 GiB"),
    ],
    ids=["cores", "quota", "memory"],
)
def test_a_machine_of_which_less_is_left_is_another(limits, text):
    whole, less = on(good_run(), limits=Limits(cores=4)), on(good_run(group=1), limits=limits)
    assert [run.spec.origin for run in pooling.parted([whole, less])] == [0, 1]
    assert text in pooling.machines([whole], [less]).partition(" against ")[2]
    assert pooling.machines([good_run()], [less]) == "", "an older record does not say"


def with_code(runs, digest, version="0.1.0"):
    code = (Code(of="plugin tf.transformer", distribution="acme", version=version, digest=digest),)
    return [msgspec.structs.replace(run, code=code) for run in runs]


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (("bb", "0.1.0"), "acme 0.1.0, files differ (aa became bb)"),
        (("bb", "0.2.0"), "acme 0.1.0 (files aa) became acme 0.2.0 (files bb)"),
    ],
    ids=["files", "version"],
)
def test_two_reports_of_code_that_changed_are_compared_and_it_is_said(other, text):
    before, after = with_code(session("a"), "aa"), with_code(session("b"), *other)
    compared = judge.reports(("a", "b"), before, after, GateRequest())
    assert f"code differs: plugin tf.transformer: {text}" in compared.warnings
    assert compared.comparisons[0].comparison.verdict == "same"


def test_a_report_with_two_codes_is_compared_by_the_one_that_is_nearest_and_gates_nothing():
    mixed = [*with_code(session("a", 1.5), "aa"), *with_code(session("b"), "bb")]
    after = with_code(session("c"), "bb")
    asked = GateRequest(gate.parse(["slower:2%"]), allow=["session"])
    answer = judge.reports(("a", "b"), mixed, after, asked)
    assert answer.comparisons[0].comparison.ratio.value == pytest.approx(1.0)
    assert "files differ (bb became aa)" in answer.refused
    assert any("only in the baseline" in text for text in answer.warnings)


def test_a_session_whose_code_changed_gates_nothing():
    runs = [run for run in full_session(3) if run.spec.phase == "train"]
    runs = [run for group in range(3) for run in with_code(runs[2 * group : 2 * group + 2], f"a{group // 2}")]
    judged = judge.session([run.spec for run in runs[:2]], runs, GateRequest(gate.parse(["counts"])))
    assert "not pooled, because they were not made alike: train, tf.transformer jit #2 (process 3 of" in judged.refused


def test_a_history_of_code_that_changed_says_so():
    past = [run for at, name in enumerate("xyz") for run in with_code(session(name, seed=at), f"h{at // 2}")]
    question = GateRequest(history=past)
    before, after = (with_code(session(name, seed=9), "h0") for name in "ab")
    said = judge.reports(("a", "b"), before, after, question).warnings
    assert "history: code differs: plugin tf.transformer: acme 0.1.0, files differ (h0 became h1)" in said
