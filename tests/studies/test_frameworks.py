"""The tables of all frameworks: arms as rows, workloads as columns, the fastest of a column bold."""

from types import SimpleNamespace

import pytest

from studies import frameworks

pytestmark = pytest.mark.untimed


def section(architecture, **steps):
    arms = [
        SimpleNamespace(label=f"{name}.{architecture} {path}", metrics={"step_time": SimpleNamespace(value=value)})
        for (name, path), value in steps["arms"].items()
    ]
    paybacks = [SimpleNamespace(label=f"torch.{architecture} jit", steps=steps.get("pays"))]
    return SimpleNamespace(
        workload=SimpleNamespace(architecture=architecture, size="small", phase="train"), arms=arms, paybacks=paybacks
    )


REPORT = SimpleNamespace(
    sections=[
        section("mlp", arms={("torch", "eager"): 2e-3, ("torch", "jit"): 1e-3}, pays=1234.4),
        section("cnn", arms={("torch", "eager"): 5e-3}),
    ]
)


def test_an_arm_is_a_row_and_the_fastest_of_a_workload_is_bold():
    rows = list(frameworks.steps(REPORT))
    assert rows[1:3] == ["| arm | mlp small | cnn small |", "| --- | --- | --- |"]
    assert rows[3:] == ["| torch eager | 2.00 ms | **5.00 ms** |", "| torch jit | **1.00 ms** | – |"]


def test_compiling_pays_from_a_step_or_never():
    rows = list(frameworks.compiling(REPORT))
    assert rows[3:] == [
        "| mlp small, train | torch.mlp jit | – | 1,234 |",
        "| cnn small, train | torch.cnn jit | – | never |",
    ]
