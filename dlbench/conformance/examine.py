"""Examination of one plugin and path, clause by clause, in the process that loads the plugin."""

from __future__ import annotations

import functools
import gc
import threading
import time
from pathlib import Path
from typing import Literal

from dlbench.conformance.clauses import CLAUSES, IMPORT, OF_TRAINING
from dlbench.conformance.fault import told
from dlbench.conformance.model import Broken, ModelsUnderTest, NotLookedAt
from dlbench.errors import ContractViolation, DlbenchError, Unsupported, places, words
from dlbench.record.schema import Record
from dlbench.registry import adaptors
from dlbench.spec import Spec

NAMES = (IMPORT, *CLAUSES)
"""The clauses in their order; the first loads the plugin."""
LONGEST = 1000
"""Characters of an explanation: a plugin's own words may stand in it."""
SLOW_IMPORT = 8.0
"""Seconds after which loading is remarked on; a framework alone takes a few, and more where other programs work."""


Verdict = Literal["holds", "broken", "not looked at"]
Cause = Literal["", "loading", "arguments", "returned", "unsupported", "refused", "raised", "time", "end"]
"""The kind of a fault that is none of the clause itself, where it was met first: advice depends on it."""


class Finding(Record, frozen=True):
    """The verdict on one clause of the contract; `why` explains it, and may be empty if the clause holds.

    `cause` is empty unless something else kept the clause from being decided.
    """

    clause: str
    verdict: Verdict = "holds"
    why: str = ""
    cause: Cause = ""


class Examination:
    """The clauses of one Spec, and the faults that were told: each of them is told once."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._session = spec, ModelsUnderTest(spec)
        self._told: dict[str, str] = {}

    def look(self, clause: str) -> Finding:
        """Check one clause. Raises Unsupported if the plugin cannot meet the Spec at all.

        Objects that are there before a clause, those of the framework above all, are collected and frozen: they are not
        walked again before every sample, nor before the next clause.
        """
        verdict: Verdict
        cause: Cause = ""
        gc.collect()
        gc.freeze()
        try:
            verdict, why = "holds", self._import() if clause == IMPORT else self._looked_at(clause)
        except Broken as error:
            verdict, why = "broken", str(error)
        except NotLookedAt as error:
            verdict, why = "not looked at", str(error)
        except Exception as error:  # whatever a plugin does wrong is a finding
            if isinstance(error, Unsupported) and not self._session.built:
                raise
            verdict, why = self._fault(clause, error)
            cause = self._cause(clause, error)
        return Finding(clause=clause, verdict=verdict, why=words.bounded(why or "", LONGEST), cause=cause)

    def _looked_at(self, clause: str) -> str | None:
        """The remark of a clause. Raises NotLookedAt for one on training if the plugin never trains."""
        if clause in OF_TRAINING and not self._session.spec.trains:
            raise NotLookedAt(f"the plugin has the phase {self._session.spec.phase} alone, and trains nothing")
        return CLAUSES[clause](self._session)

    def _fault(self, clause: str, error: Exception) -> tuple[Verdict, str]:
        """Verdict and text of a fault, told once; the same type from the same line is the same fault."""
        fault, at = told(error), places.of_plugin(error)
        first = self._told.setdefault(f"{type(error).__name__} {at}" if at else fault, clause)
        return ("broken", fault) if first == clause else ("not looked at", f"it meets the fault of {first}")

    def _cause(self, clause: str, error: Exception) -> Cause:
        own_model = self._spec.model is not None and ":" in self._spec.model.reference
        if clause == IMPORT and not own_model:
            return "" if isinstance(error, ContractViolation) else "raised" if places.of_plugin(error) else "loading"
        if isinstance(error, Unsupported):
            return "unsupported"
        if places.of_plugin(error):
            return "raised"
        if isinstance(error, DlbenchError):
            return (error.mends if isinstance(error, ContractViolation) else "") or "refused"
        return "arguments" if isinstance(error, TypeError) else "raised"

    def _import(self) -> str:
        """Loading the plugin starts no thread of Python and stays in its folder."""
        folder, threads, begin = Path.cwd(), threading.active_count(), time.monotonic()
        adaptors.load_plugin(self._spec)
        seconds = time.monotonic() - begin
        if folder != Path.cwd():
            raise Broken("loading the plugin changed the working directory")
        if (more := threading.active_count() - threads) > 0:
            raise Broken(f"loading the plugin started {more} thread{'s' * (more > 1)}")
        return f"loading took {seconds:.0f} s, in every process of a session" if seconds > SLOW_IMPORT else ""


def examine_clause(spec: Spec, clause: str) -> Finding:
    """One clause, in this process; the models that it builds are kept for the next clause of the same Spec.

    What `Examination.look` freezes stays so: the process is for this alone. Raises Unsupported as it does.
    """
    return _examination(spec).look(clause)


_examination = functools.lru_cache(maxsize=1)(Examination)


def examine(spec: Spec) -> list[Finding]:
    """A Finding for every clause, in this process. Raises Unsupported as `Examination.look` does."""
    examination = Examination(spec)
    try:
        return [examination.look(clause) for clause in NAMES]
    finally:
        gc.unfreeze()
