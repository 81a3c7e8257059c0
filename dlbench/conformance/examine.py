"""Clauses looked at on one plugin and path, in the process that loads the plugin."""

from __future__ import annotations

import threading
from pathlib import Path

from dlbench import registry
from dlbench.conformance.clauses import CLAUSES, IMPORT
from dlbench.conformance.fault import place, words
from dlbench.conformance.model import Broken, NotLookedAt, Session
from dlbench.errors import Unsupported
from dlbench.orders import Finding
from dlbench.spec import Spec

NAMES = (IMPORT, *CLAUSES)
"""The clauses in their order; the first loads the plugin."""


class Examination:
    """The clauses of one Spec, and the faults that were told: each of them is told once."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._session = spec, Session(spec)
        self._told: dict[str, str] = {}

    def look(self, clause: str) -> Finding:
        """Look at one clause. Raises Unsupported where the plugin cannot do at all what the Spec asks."""
        try:
            remark = self._import() if clause == IMPORT else CLAUSES[clause](self._session)
        except Broken as error:
            return Finding(clause=clause, verdict="broken", why=str(error))
        except NotLookedAt as error:
            return Finding(clause=clause, verdict="not looked at", why=str(error))
        except Exception as error:  # whatever a plugin does wrong is a finding
            if isinstance(error, Unsupported) and not self._session.built:
                raise
            return self._fault(clause, error)
        return Finding(clause=clause, why=remark or "")

    def _fault(self, clause: str, error: Exception) -> Finding:
        """The fault is told where it is met first; the same type from the same line is the same fault."""
        fault, at = words(error), place(error)
        told = self._told.setdefault(f"{type(error).__name__} {at}" if at else fault, clause)
        if told != clause:
            return Finding(clause=clause, verdict="not looked at", why=f"it meets the fault of {told}")
        return Finding(clause=clause, verdict="broken", why=fault)

    def _import(self) -> str:
        """Loading the plugin starts no thread of Python and stays in its folder."""
        folder, threads = Path.cwd(), threading.active_count()
        registry.load(self._spec.plugin)
        if folder != Path.cwd():
            raise Broken("loading the plugin changed the working directory")
        if threading.active_count() > threads:
            raise Broken(f"loading the plugin started {threading.active_count() - threads} threads")
        return ""


def examine(spec: Spec) -> list[Finding]:
    """A Finding for every clause, in this process. Raises Unsupported as `Examination.look` does."""
    examination = Examination(spec)
    return [examination.look(clause) for clause in NAMES]
