"""All clauses on one plugin and path, in the child."""

from __future__ import annotations

import threading
from pathlib import Path

from dlbench import registry
from dlbench.conformance.clauses import CLAUSES
from dlbench.conformance.model import Broken, Session
from dlbench.errors import Unsupported
from dlbench.orders import Finding
from dlbench.spec import Spec


def examine(spec: Spec) -> list[Finding]:
    """A Finding for every clause. Raises Unsupported where the plugin cannot do at all what the Spec asks."""
    findings = [Finding(clause="import_does_no_work", problem=_import(spec.plugin))]
    session = Session(spec)
    for name, clause in CLAUSES.items():
        try:
            clause(session)
            problem = ""
        except Broken as error:
            problem = str(error)
        except Unsupported:
            raise
        except Exception as error:  # whatever a plugin does wrong is a finding
            problem = f"{type(error).__name__}: {error}"
        findings.append(Finding(clause=name, problem=problem))
    return findings


def _import(plugin: str) -> str:
    """Loading the plugin starts no thread of Python and stays in its folder."""
    folder, threads = Path.cwd(), threading.active_count()
    registry.load(plugin)
    if folder != Path.cwd():
        return "loading the plugin changed the working directory"
    if threading.active_count() > threads:
        return f"loading the plugin started {threading.active_count() - threads} threads"
    return ""
