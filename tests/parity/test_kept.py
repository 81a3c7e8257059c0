"""Arrays that the check for parity has probed serve the errors of the same arms, and give the same figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import short
from sides import spec

from dlbench.parity import check, fidelity, kept, probing
from dlbench.parity.kept import Kept, kept_on_disk
from dlbench.parity.probing import Probing, Side
from dlbench.record.reading import read_fidelities
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed

ARM = spec("fake.linear")
REFERENCE = "fake.linear as the reference: float64 or else float32, eager"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(told: list[str]) -> Iterator[Kept]:
    with kept_on_disk(told.append) as one:
        yield one


def probed(look: str, store: Kept, *, apart: bool = False) -> dict[str, np.ndarray]:
    """Probe the arm as the check for parity does."""
    (found,) = Probing((0,), 60.0, {"": sys.executable}, store).arrays([Side(ARM, look, apart=apart)])
    assert isinstance(found, dict)
    return found


def test_errors_ask_for_the_gradients_alone_that_a_quick_check_left_out(store: Kept, told: list[str]) -> None:
    probed("without gradients", store)
    told.clear()
    found = fidelity.check([ARM], 60.0, {}, store)
    assert told == [REFERENCE, "fake.linear eager: first gradients"]
    assert found == fidelity.check([ARM], 60.0, {})
    assert [one.what for one in found[0].deviations] == ["outputs", "gradients", "losses"]


def test_gradients_that_a_quick_check_leaves_out_are_looked_at_by_the_same_process_and_judged_by_errors_alone(
    store: Kept, told: list[str]
) -> None:
    found = probed("without gradients", store, apart=True)
    assert not any("gradient" in name for name in found)
    assert told == ["fake.linear eager: outputs, 20 steps, first gradients"]
    probed("without gradients", store, apart=True)
    assert told[1:] == ["fake.linear eager: outputs, 20 steps"], "they are kept"
    told.clear()
    assert fidelity.check([ARM], 60.0, {}, store) == fidelity.check([ARM], 60.0, {})
    assert told == [REFERENCE]


def test_gradients_that_fail_after_the_others_leave_the_check_as_it_is(
    store: Kept, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = probing.begin

    def begun(child: object, *given: object, **more: object) -> object:
        def failed() -> None:
            raise ChildError("timeout", "too slow")

        return failed if more["look"] == "gradients" else real(child, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(probing, "begin", begun)
        assert "0/losses" in probed("without gradients", store, apart=True)
    told.clear()
    fidelity.check([ARM], 60.0, {}, store)
    assert told == [REFERENCE, "fake.linear eager: first gradients"]


def test_an_arm_that_was_probed_whole_is_not_built_again(store: Kept, told: list[str]) -> None:
    check.check([ARM, spec("twin.linear")], (0,), 60.0, quick=True, kept=store)
    assert told == [f"{name} eager: outputs, first gradients, 20 steps" for name in ("fake.linear", "twin.linear")]
    told.clear()
    found = fidelity.check([ARM], 60.0, {}, store)
    assert told == [REFERENCE]
    assert found == fidelity.check([ARM], 60.0, {})


def test_arrays_of_another_precision_or_setting_do_not_serve(store: Kept) -> None:
    probed("all", store)
    assert store.of(ARM) is not None
    assert store.of(spec("fake.linear", precision="bf16")) is None
    assert store.of(spec("fake.linear", batch_size=8)) is None


def test_a_model_that_only_predicts_lacks_no_gradients(monkeypatch: pytest.MonkeyPatch, store: Kept) -> None:
    monkeypatch.setattr(store, "of", lambda _: {"0/output": np.ones(1), "0/parameter/w": np.ones(1)})
    asked: list[object] = []
    monkeypatch.setattr(Probing, "arrays", lambda _, sides: asked.extend(sides) or [])
    (found,) = fidelity._of_arms([ARM], Probing((0,), 60.0, {}, store))
    assert (asked, sorted(found)) == ([], ["0/output", "0/parameter/w"])


def test_a_file_beyond_the_limit_is_not_kept(monkeypatch: pytest.MonkeyPatch, store: Kept, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.ones(100))
    monkeypatch.setattr(kept, "MOST_BYTES", (tmp_path / "a.npz").stat().st_size)
    for one in (ARM, spec("twin.linear")):
        np.savez(tmp_path / "a.npz", a=np.ones(100))
        store.take(one, "all", tmp_path / "a.npz")
    assert store.of(ARM) is not None
    assert store.of(spec("twin.linear")) is None
    np.savez(tmp_path / "a.npz", a=np.zeros(100))
    store.take(ARM, "all", tmp_path / "a.npz")  # in the place of the earlier one
    assert (store.of(ARM) or {})["a"].sum() == 0


def test_a_session_builds_each_arm_once_beside_its_runs_and_names_it(tmp_path: Path) -> None:
    done = short("run", "--plugin", "fake.linear,twin.linear", "--phase", "predict", "--quick", cwd=tmp_path)
    looks = [line.strip() for line in done.stderr.splitlines() if "looking at" in line]
    assert looks == [
        "looking at fake.linear eager: outputs, first gradients, 20 steps",
        "looking at twin.linear eager: outputs, first gradients, 20 steps",
        "looking at fake.linear as the reference: float64",
        "looking at twin.linear as the reference: float64",
        "looking at fake.linear as the reference: float32, eager",
    ]
    (folder,) = (tmp_path / "reports").iterdir()
    assert all(one.same for one in read_fidelities(folder / "fidelity.jsonl"))
