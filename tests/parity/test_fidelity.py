"""Errors of an arm against its most exact form, what its precision explains, and what a page says of both."""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pytest
from command import answered, dlbench, short
from example_runs import bare_run, full_session
from sides import spec

from dlbench.analysis import gate, judge
from dlbench.analysis.gate import GateRequest
from dlbench.errors import RecordError, SpecError
from dlbench.measure.digest import Digest
from dlbench.parity import fidelity
from dlbench.parity.deviations import ROUNDOFFS, SUMMED, deviations, relative
from dlbench.parity.fidelity import trusted
from dlbench.parity.probing import Probing
from dlbench.parity.reference import MORE, ORACLE, moved_losses_to_file, nudged
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.record.reading import read_fidelities
from dlbench.report import FORMATS, summarize
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed


def side(scale: float = 1.0) -> dict[str, np.ndarray]:
    """A model whose results are all moved by a factor."""
    return {
        "output": scale * np.array([[3.0, 4.0]]),
        "gradient/w": scale * np.array([1.0, -1.0]),
        "gradient/silent": np.array([1e-9]),
        "losses": scale * np.array([2.0, 1.0]),
    }


def reference() -> fidelity._Side:
    """A reference that rounding moves by a millionth."""
    moved = {f"{ROUNDOFFS['fp32']}/{name}": array for name, array in side(1 + 1e-6).items()}
    return fidelity._Side("exact", {**side(), **moved}, spec("fake.linear"))


def test_an_error_is_relative_in_the_2_norm() -> None:
    assert relative(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(0.1)
    assert relative(np.zeros(2), np.array([0.5, 0.5])) == pytest.approx(0.5)
    assert relative(np.zeros(2), np.zeros(3)) == np.inf
    assert relative(np.ones(1), np.array([np.nan])) == np.inf
    assert relative(np.ones(1), None) == np.inf


def test_a_precision_explains_as_much_as_it_moves_the_reference() -> None:
    found = {one.what: one for one in deviations(side(), side(1.01), side(1.005))}
    assert {what: one.error for what, one in found.items()} == pytest.approx(dict.fromkeys(found, 0.01), rel=1e-6)
    assert all(one.holds for one in found.values())
    assert not any(one.holds for one in deviations(side(), side(1.01), side(1.001)))


def test_no_less_is_explained_than_single_precision_rounds_a_result_to() -> None:
    least = {one.what: one.explained for one in deviations(side(), side(), side())}
    assert least == {"outputs": ROUNDOFFS["fp32"], "gradients": SUMMED, "losses": ROUNDOFFS["fp32"]}


def test_the_rounded_sum_of_a_bias_is_explained_and_a_wrong_gradient_is_not() -> None:
    summed = {**side(), "gradient/w": np.array([1.0 + 3.4e-5, -1.0])}
    assert all(one.holds for one in deviations(side(), summed, side()))
    wrong = {**side(), "gradient/w": np.array([1.0 + 1e-3, -1.0])}
    assert [one.what for one in deviations(side(), wrong, side()) if not one.holds] == ["gradients"]


def test_a_gradient_that_is_lost_is_found_and_one_that_is_rounding_is_not() -> None:
    lost = {**side(), "gradient/w": np.zeros(2)}
    assert [one.what for one in deviations(side(), lost, side()) if not one.holds] == ["gradients"]
    assert all(one.holds for one in deviations(side(), {**side(), "gradient/silent": np.array([-1e-9])}, side()))
    missing = {name: value for name, value in side().items() if name != "gradient/w"}
    assert [one.error for one in deviations(side(), missing, side()) if one.what == "gradients"] == [np.inf]


def test_outputs_are_held_against_numpy_and_so_is_the_reference() -> None:
    reference = {**side(1.1), ORACLE: side()["output"]}
    assert not trusted(reference)
    assert trusted({**side(), ORACLE: side()["output"]})
    outputs, *_ = deviations(reference, side(), side(1.1))
    assert outputs.error == 0.0


def test_each_parameter_is_moved_by_the_share_and_no_more() -> None:
    moved = nudged(2.0**-8, {"w": np.ones(1000, np.float32)})["w"]
    assert set(np.unique(moved)) == {np.float32(1 - 2.0**-8), np.float32(1 + 2.0**-8)}


def test_of_several_draws_of_a_rounding_the_one_that_moves_the_losses_most_explains_them() -> None:
    chaotic = {**side(1.001), "losses/1": side(1.005)["losses"], "losses/2": side(1.0)["losses"]}
    assert [one.what for one in deviations(side(), side(1.01), chaotic) if one.holds] == ["losses"]


@pytest.mark.parametrize(
    ("wrong", "asked", "same"), [(["losses"], 1, True), (["losses", "output"], 0, False), ([], 0, True)]
)
def test_more_draws_are_asked_for_where_the_losses_alone_are_not_explained(
    wrong: list[str], asked: int, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounding = ROUNDOFFS["fp32"]
    calls: list[object] = []

    def drawn(*given: object) -> tuple[str, dict[str, object]]:
        calls.append(given)
        return "fp64", {f"{rounding}/losses/1": side(1.01)["losses"]}

    monkeypatch.setattr(fidelity, "_probed_reference", lambda *_: reference())
    monkeypatch.setattr(fidelity, "_arrays", drawn)
    arm = {**side(), **{name: side(1.01)[name] for name in wrong}}
    given = {f"{fidelity.SEED}/{name}": array for name, array in arm.items()}
    monkeypatch.setattr(Probing, "arrays", lambda _, sides: [given] * len(sides))
    (found,) = fidelity.check([spec("fake.linear")], 60.0, {})
    assert (len(calls), found.same) == (asked, same)


def test_the_draws_of_a_rounding_are_had_from_a_child_and_differ() -> None:
    probing = Probing([0], 60.0, {"": sys.executable})
    precision, found = fidelity._arrays(spec("fake.linear"), probing, moved_losses_to_file, [2.0**-8])
    assert precision == "fp32"
    assert sorted(found) == [f"{2.0**-8}/losses/{draw}" for draw in range(1, MORE + 1)]
    assert len({array.tobytes() for array in found.values()}) == MORE


def test_draws_that_cannot_be_had_leave_the_verdict_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ChildError("error", "no room")

    monkeypatch.setattr(fidelity, "_probed_reference", lambda *_: reference())
    monkeypatch.setattr(fidelity, "_arrays", broken)
    given = {f"{fidelity.SEED}/{name}": array for name, array in {**side(), "losses": side(1.01)["losses"]}.items()}
    monkeypatch.setattr(Probing, "arrays", lambda _, sides: [given] * len(sides))
    (found,) = fidelity.check([spec("fake.linear")], 60.0, {})
    assert found.same is False
    assert "one draw of rounding does not explain its losses, and more cannot be had: no room" in found.reason


def test_arms_of_every_phase_and_precision_have_one_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def probed(spec, precisions, roundings, _):
        asked.append((spec.plugin, spec.path, spec.precision, precisions, roundings))
        return fidelity._Side("exact", side())

    monkeypatch.setattr(fidelity, "_probed_reference", probed)
    given = {f"{fidelity.SEED}/{name}": array for name, array in side().items()}
    monkeypatch.setattr(Probing, "arrays", lambda _, sides: [given] * len(sides))
    arms = [spec("fake.linear"), spec("fake.linear", phase="predict"), spec("fake.linear", precision="bf16")]
    found = fidelity.check([*arms, spec("fake.linear", path="jit", seed=3)], 60.0, {})
    assert [(one.spec.path, one.spec.precision) for one in found] == [
        ("eager", "fp32"),
        ("eager", "bf16"),
        ("jit", "fp32"),
    ]
    assert asked == [("fake.linear", "eager", "fp32", ["fp64", "fp32"], [2.0**-20, 2.0**-8])]


def test_a_digest_is_of_two_calls_and_of_the_values_in_between() -> None:
    def digest(*losses: float, value: float = 1.0) -> str:
        found = Digest()
        for loss in losses:
            found.add(loss)
            found.add_values(lambda: {"w": np.array([value])}, 1)
        return found.text

    assert digest(1.0) == ""
    assert digest(1.0, 2.0) == digest(1.0, 2.0)
    assert digest(1.0, 2.0) != digest(1.0, 2.5)
    assert digest(1.0, 2.0) != digest(1.0, 2.0, value=1.5)


def test_processes_that_differ_in_a_bit_are_told() -> None:
    one = bare_run().spec

    def bits(*digests: str) -> str:
        runs = [bare_run(group=group, groups=2, digest=digest) for group, digest in enumerate(digests)]
        report = summarize(runs, errors=[Fidelity(spec=one, reference="exact")])
        return report.fidelity[0].bits

    assert bits("a", "a") == "yes"
    assert bits("a", "b") == "NO"
    assert bits("a") == "not checked: one process"
    assert bits("", "") == "not checked: no digest"


def test_an_arm_that_does_not_compute_the_same_thing_is_named_in_the_first_lines_and_its_ratio_is_marked() -> None:
    runs = full_session()
    arms = list(dict.fromkeys(msgspec.structs.replace(run.spec, phase="train") for run in runs))[:2]
    wrong = (
        Deviation(what="outputs", error=0.25, explained=1e-6),
        Deviation(what="losses", error=1e-7, explained=1e-6),
    )
    errors = [Fidelity(spec=arms[0], reference="exact"), Fidelity(spec=arms[1], reference="exact", deviations=wrong)]
    page = FORMATS["markdown"].render(summarize(runs, errors=errors))
    assert f"NOT THE SAME COMPUTATION: {arms[1].label}." in page.split("## ")[0]
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {arms[1].label} |") and "NO" in line]
    assert "(not the same)" in row
    assert "2.5e-01, above 1e-06" in row
    assert "outputs differ by 2.5e-01" in page


def test_a_report_without_errors_says_nothing_of_them() -> None:
    report = summarize(full_session())
    assert report.fidelity is msgspec.UNSET
    assert "Fidelity" not in FORMATS["markdown"].render(report)
    assert "fidelity" not in FORMATS["json"].render(report)


def found(*errors: float, reason: str = "") -> list[Fidelity]:
    deviations = tuple(Deviation(what="gradients", error=error) for error in errors)
    return [Fidelity(spec=spec("fake.linear"), reference="exact", deviations=deviations, reason=reason)]


def test_a_gate_on_errors_passes_below_its_limit_and_fails_above() -> None:
    asked = GateRequest(gate.parse(["error:1e-3"]))
    assert str(asked.conditions[0]) == "error:0.001"
    for errors, result, code in ((1e-4, "passed", 0), (2e-3, "regression", 1), (np.nan, "regression", 1)):
        judged = judge.session([], [], asked, found(errors))
        assert [one.result for one in judged.outcomes] == [result]
        assert judged.exit_code == code
    assert "gradients 2.0e-03" in judge.session([], [], asked, found(2e-3)).outcomes[0].reason


def test_a_gate_on_errors_is_refused_where_none_is_known() -> None:
    asked = GateRequest(gate.parse(["error:1e-3"]))
    assert "none is recorded" in judge.session([], [], asked, []).refused
    assert "is not known (no gradients)" in judge.session([], [], asked, found(reason="no gradients")).refused


@pytest.mark.parametrize("text", ["error", "error:", "error:2%", "error:0", "error:1", "error:nan", "error:-1e-3"])
def test_a_limit_that_is_no_relative_error_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"above 0 and below 1, like error:1e-3"):
        gate.parse([text])


def test_a_session_keeps_the_errors_of_its_arms_and_a_comparison_gates_them(tmp_path) -> None:
    asked = ("run", "--plugin", "fake.linear,twin.linear", "--phase", "predict", "--quick")
    before = short(*asked, "--no-parity", "--out", "before", cwd=tmp_path)
    done = short(*asked, "--fail-on", "error:1e-3", "--out", "after", cwd=tmp_path)
    assert (before.returncode, done.returncode) == (0, 0), before.stderr + done.stderr
    kept = tmp_path / "after" / "fidelity.jsonl"
    assert [(one.spec.plugin, one.same) for one in read_fidelities(kept)] == [
        ("fake.linear", True),
        ("twin.linear", True),
    ]
    page = (tmp_path / "after" / "report.md").read_text()
    assert "<b>Fidelity</b>" in page
    assert "error:0.001: 2 of 2 passed" in page
    sides = [("before", "after", "error:1e-3"), ("before", "after", "error:1e-12"), ("after", "before", "error:1e-3")]
    gated = [answered("compare", *pair, "--fail-on", limit, cwd=tmp_path) for *pair, limit in sides]
    assert [one.returncode for one in gated] == [0, 1, 2], [one.stderr for one in gated]
    assert gated[2].stderr.count("\n") == 1
    assert "none is recorded" in gated[2].stderr
    kept.write_text("{}\n")
    with pytest.raises(RecordError, match="not a list of errors of arms"):
        read_fidelities(kept)


def test_a_gate_on_errors_needs_the_check_that_finds_them(tmp_path) -> None:
    refused = answered("run", "--plugin", "fake.linear", "--no-parity", "--fail-on", "error:1e-3", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--no-parity" in refused.stderr


@pytest.mark.slow
def test_a_confirmation_repeats_no_error(tmp_path) -> None:
    asked = ("run", "--plugin", "fake.linear,twin.linear", "--phase", "predict", "--processes", "2")
    done = dlbench(*asked, "--fail-on", "error:1e-12,memory:900%", "--confirm", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "measured again" not in done.stderr
    assert "regression of error:1e-12" in (tmp_path / "out" / "report.md").read_text()
