"""Bisection that found a step: an example for pages and commands."""

from __future__ import annotations

from dlbench.stats.bisection.answer import Bisection, Change, Line
from dlbench.stats.bisection.decisions import Known

FOUND = Bisection(
    subject="acme-step",
    metric="step_time",
    arm="acme.step",
    status="found",
    members=("1.0", "1.1", "1.2"),
    lines=(
        Line(
            kind="ends",
            name="1.2",
            verdict="differ",
            ratio=Known(1.05, 1.04, 1.06, 6),
            whole=Known(1.05, 1.04, 1.06, 6),
        ),
        Line(kind="candidate", name="1.1", verdict="not measured", reason="1.1: error: no `wheel`"),
    ),
    changes=(
        Change(
            before="1.0",
            after="1.2",
            title="Twice <b>",
            ratio=Known(1.05, 1.04, 1.06, 10),
            verdict="confirmed",
            skipped=("1.1",),
            differing=("acme-step 1.0 → 1.2",),
            again="dlbench run --env 1.0=acme-step==1.0",
        ),
    ),
    points=(
        Line(kind="strip", name="1.0", verdict="same", ratio=Known(1.0, 1.0, 1.0, 6)),
        Line(kind="strip", name="1.1", verdict="not measured", reason="no wheel"),
        Line(kind="strip", name="1.2", verdict="differ", ratio=Known(1.05, 1.04, 1.06, 6)),
    ),
)
