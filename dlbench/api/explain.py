"""Explanations of the arms of a session: measured in lockstep as ever, then profiled in processes of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlbench.api import keywords, profiled, render
from dlbench.api import run as session
from dlbench.api.request import RunRequest
from dlbench.api.run import SessionResult
from dlbench.errors import DlbenchError, redaction
from dlbench.record import encoding
from dlbench.record.explanation import EXPLANATION_FILE, Arm, Explanation
from dlbench.report import explanation as page
from dlbench.session.listener import Listener
from dlbench.workers.backends import Starter

PAGE_FILE, PICTURE_FILE = "explanation.md", "explanation.html"


@dataclass(frozen=True)
class Explanations:
    """Explanations of a session, each pair's or one arm's; they lie in `folder` beside the report."""

    folder: Path
    session: SessionResult
    found: Sequence[Explanation]

    @property
    def complete(self) -> bool:
        """True if every arm was profiled and no Run failed."""
        sides = [arm for one in self.found for arm in (one.before, one.after) if arm is not None]
        return all(not arm.profile.reason for arm in sides) and not any(run.failed for run in self.session.runs)

    def _repr_markdown_(self) -> str:
        return page.text(self.found)


def explain(options: Mapping[str, Any], listener: Listener) -> Explanations:
    """Measure the arms that these options select, profile them, and write the explanations beside the report.

    The phase is `train` unless given. Raises DlbenchError, also if no arm has a profile.
    """
    asked = {**keywords.complete({}), **options, "quiet": True, "dry_run": False}
    request = RunRequest.read({**asked, "phase": asked["phase"] or ("train",)})
    result = session.run(request, listener)
    if result.ended_by is not None:
        raise result.ended_by
    return of_session(result, request, listener)


def of_session(result: SessionResult, request: RunRequest, listener: Listener) -> Explanations:
    """Profile the arms of a finished session, and write the explanations beside its report.

    Raises DlbenchError if no arm has a profile.
    """
    timed = [run for run in result.runs if run.spec.timed]
    with Starter(request.pythons) as start:
        arms = profiled.arms(timed, result.folder, start, request.policy, listener)
    found = redaction.record(profiled.explanations(timed, arms))
    if not any(one.profile.ops for one in arms.values()):
        reasons = dict.fromkeys(_reason(one) for one in arms.values() if one.profile.reason)
        why = "; ".join(reasons) or "nothing ran"
        raise DlbenchError(f"nothing to explain: {why}; the report of the times is in {result.folder}")
    content = {EXPLANATION_FILE: encoding.page({"explanations": found}), PAGE_FILE: page.text(found)}
    render.put(result.folder, {**content, PICTURE_FILE: page.html(found)})
    return Explanations(result.folder, result, found)


def _reason(arm: Arm) -> str:
    """The reason why an arm has no profile, which names the arm."""
    reason = arm.profile.reason
    return reason if arm.profile.spec.plugin in reason else f"{arm.label}: {reason}"
