"""The conformance suite: each clause catches the plugin that breaks it, and nothing else is accused."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import re

import msgspec
import pytest
from cheating import CHEATS
from examined import SPEC, TIMED, UNTIMED, findings, problems
from off_course import BLIND, LOSS, OPTIMIZER, Decaying, Dropping, Normalising, Shrinking
from offenders import OFFENDERS, Moved

from dlbench import conformance, registry
from dlbench.conformance.clauses import CLAUSES
from dlbench.conformance.examine import Examination, examine
from dlbench.errors import UnknownName, Unsupported
from dlbench.measure import escapes
from dlbench.plugin import PARTS, Compilation
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed

OWN = msgspec.structs.replace(SPEC, plugin="fake.minimal")


def test_an_accelerator_keeps_its_tensors(monkeypatch):
    spec = msgspec.structs.replace(SPEC, device="gpu:0")
    assert "predict_changes_nothing" in problems(Moved, monkeypatch, spec, UNTIMED)


@pytest.mark.parametrize(("offender", "clause"), [(one, clause) for one, clause in OFFENDERS if clause not in TIMED])
def test_a_clause_catches_the_plugin_that_breaks_it(offender, clause, monkeypatch):
    assert problems(offender, monkeypatch, clauses=[clause])[clause]


@pytest.mark.parametrize(("offender", "clause"), BLIND, ids=[one.__name__ for one, _ in BLIND])
def test_loss_and_optimizer_are_seen_from_outside_where_nothing_is_exported(offender, clause, monkeypatch):
    assert list(problems(offender, monkeypatch, OWN, UNTIMED)) == [clause]


@pytest.mark.parametrize("offender", [Decaying, Shrinking])
def test_decay_is_seen_though_the_parameters_begin_at_zero(offender, monkeypatch):
    assert list(problems(offender, monkeypatch, OWN, UNTIMED)) == [OPTIMIZER]


@pytest.mark.parametrize(("plugin", "why"), [(Dropping, "dropout"), (Normalising, "normalisation")])
def test_a_model_of_its_own_that_trains_by_another_function_is_not_accused(plugin, why, monkeypatch):
    found = {finding.clause: finding for finding in findings(plugin, monkeypatch, OWN, UNTIMED)}
    assert found[LOSS].verdict == "not looked at"
    assert why in found[LOSS].why
    assert [name for name, finding in found.items() if finding.verdict == "broken"] == []


def test_what_waited_for_a_core_is_not_taken_for_work(monkeypatch):
    """Of threads that waited at the same time the longest counts; one that is new has waited since it began."""
    waits = [{"1": 5.0, "2": 1.0}, {"1": 5.5, "2": 1.25, "3": 0.125}]
    asked = itertools.cycle(waits)
    monkeypatch.setattr(escapes, "_waits", lambda: next(asked))
    monkeypatch.setattr(escapes, "seconds_of", lambda _, steps: {1: 1.0, 2: 2.5}[steps])
    monkeypatch.setattr(escapes.time, "sleep", lambda _: None)
    assert escapes.fastest(None, 8) == (1.0, 2.0)


class Compiling(LinearPlugin):
    said = itertools.repeat(Compilation(graphs=2, breaks=0, recompilations=0, parts=PARTS))

    def build(self, request):
        spec = msgspec.structs.replace(request.spec, path="eager")
        info = super().build(type(request)(**{**vars(request), "spec": spec}))
        return msgspec.structs.replace(info, path="jit", compiler="fake")

    def compilation(self):
        return next(self.said)


def of_jit(monkeypatch, *said):
    """Findings of the clause on a plugin that reports this at the first and the second call."""
    jit = msgspec.structs.replace(SPEC, path="jit")
    monkeypatch.setenv("DLBENCH_FAKE_JIT", "0,0,0")
    monkeypatch.setattr(registry, "load", lambda _: type("Said", (Compiling,), {"said": iter(said)})())
    found = Examination(jit).look("jit_really_compiled")
    assert (found.verdict == "broken") == bool(found.why)
    return found.why


GOOD = Compilation(graphs=2, breaks=0, recompilations=0, parts=PARTS)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"graphs": 0}, "compiled nothing"),
        ({"graphs": 1}, "2 functions were called and 1 graphs compiled"),
        ({"breaks": 1, "reasons": ("print",)}, r"1 breaks.*\(breaks: print\)"),
        ({"recompilations": 1}, "1 recompilations after warm-up"),
        ({"parts": ("forward", "backward")}, "left to Python: optimizer"),
    ],
)
def test_jit_that_did_not_compile_whole_and_once_is_caught(change, text, monkeypatch):
    assert of_jit(monkeypatch, GOOD, GOOD) == ""
    changed = msgspec.structs.replace(GOOD, **change)
    warm = changed if "graphs" in change else GOOD
    assert re.search(text, of_jit(monkeypatch, warm, changed))


def test_a_recompilation_during_warm_up_is_no_more_a_fault_than_in_a_run(monkeypatch):
    again = msgspec.structs.replace(GOOD, recompilations=2)
    assert of_jit(monkeypatch, again, again) == ""


def test_every_clause_has_an_offender():
    assert set(CLAUSES) - {clause for _, clause in [*OFFENDERS, *CHEATS]} == {"jit_really_compiled"}


@pytest.mark.parametrize(
    ("path", "plain", "others"),
    [
        ("eager", 3, 2),  # two of one request, one of another seed; one of several steps and one with data on the host
        ("jit", 2, 0),  # compiling takes the time
    ],
)
def test_clauses_share_few_models(path, plain, others, monkeypatch):
    built = []

    class Counting(Compiling if path == "jit" else LinearPlugin):
        def build(self, request):
            info = super().build(request)
            spec = request.spec
            if spec.device == "cpu" and spec.precision == "fp32" and spec.variant is msgspec.UNSET:
                built.append(request.spec)
            return info

    monkeypatch.setenv("DLBENCH_FAKE_JIT", "2,0,0")
    assert problems(Counting, monkeypatch, msgspec.structs.replace(SPEC, path=path), UNTIMED) == {}
    alike = [spec for spec in built if spec.steps_per_call == 1 and spec.data == "device"]
    assert (len(alike), len(built) - len(alike)) == (plain, others)


def test_settings_that_are_refused_or_come_too_late_are_told(monkeypatch):
    class Choosy(LinearPlugin):
        def build(self, request):
            if request.spec.settings == {"products": "bf16"}:
                raise Unsupported("products in bf16 are not for this model")
            return super().build(request)

    (found,) = findings(Choosy, monkeypatch, clauses=["settings_take_effect"])
    assert found.verdict == "holds"
    assert "refused for this model: products:bf16; not tried, set before the import: early:on" in found.why


class SeedBlind(LinearPlugin):
    """Takes the values of the first request that it ever saw."""

    values: dict = {}  # noqa: RUF012 (that is the offence)

    def build(self, request):
        self.values.setdefault("first", request.parameters)
        return super().build(dataclasses.replace(request, parameters=self.values["first"]))


def test_values_of_another_seed_are_used(monkeypatch):
    assert "outputs_are_the_architecture" in problems(SeedBlind, monkeypatch, clauses=UNTIMED)


def test_what_cannot_be_examined_counts_as_broken(monkeypatch):
    with pytest.raises(AssertionError, match="unsupported: path graph: NumPy has eager only"):
        conformance.assert_conforms("fake.linear", "graph")
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:signal=SIGSEGV@3")
    with pytest.raises(AssertionError, match=r"crashed: .*SIGSEGV"):
        conformance.assert_conforms("naughty.linear", "eager")
    with pytest.raises(UnknownName):
        conformance.assert_conforms("fake.liner", "eager")


def test_what_was_there_is_frozen_from_clause_to_clause_and_let_go_after_the_examination(monkeypatch):
    frozen = []
    gc.unfreeze()
    monkeypatch.setattr(gc, "collect", lambda: frozen.append(gc.get_freeze_count()))
    monkeypatch.setattr("dlbench.conformance.examine.NAMES", ("import_does_no_work", "build_is_repeatable"))
    assert [found.verdict for found in examine(SPEC)] == ["holds", "holds"]
    first, *others = frozen
    assert first == 0 < min(others)
    assert gc.get_freeze_count() == 0
