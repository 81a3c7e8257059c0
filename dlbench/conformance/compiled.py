"""The clause on the path jit: the whole step is compiled, once."""

from __future__ import annotations

from dlbench.conformance.model import ModelsUnderTest, NotLookedAt, require
from dlbench.measure import reported
from dlbench.record import proof


def jit_really_compiled(session: ModelsUnderTest) -> None:
    """Training and prediction on the path jit prove that they are compiled, as a Run must (`dlbench.record.proof`)."""
    if session.spec.path != "jit":
        raise NotLookedAt(f"the path {session.spec.path} claims no compiler")
    model = session.again
    found = warm = reported.compilation(session.spec.plugin, model.plugin)
    if warm is not None:
        for step in range(ModelsUnderTest.STEPS):
            model.step(model.batch(ModelsUnderTest.STEPS + step))
        said = reported.compilation(session.spec.plugin, model.plugin) or warm
        found = proof.since(session.spec, said, warm, ModelsUnderTest.STEPS)
    problem = proof.problem(session.spec, found, functions=2 if model.trains else 1)
    require(not problem, problem)
