"""Examination of one plugin and path, clause by clause, in the process that loads the plugin."""

from __future__ import annotations

import functools
import gc
import threading
import time
from pathlib import Path
from typing import Literal

from dlbench.conformance.clauses import CLAUSES, IMPORT, OF_TRAINING
from dlbench.conformance.fault import place, told
from dlbench.conformance.model import Broken, ModelsUnderTest, NotLookedAt
from dlbench.errors import Unsupported, words
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


class Finding(Record, frozen=True):
    """The verdict on one clause of the contract; `why` explains it, and may be empty if the clause holds."""

    clause: str
    verdict: Verdict = "holds"
    why: str = ""


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
        return Finding(clause=clause, verdict=verdict, why=words.bounded(why or "", LONGEST))

    def _looked_at(self, clause: str) -> str | None:
        """The remark of a clause. Raises NotLookedAt for one on training if the plugin never trains."""
        if clause in OF_TRAINING and not self._session.spec.trains:
            raise NotLookedAt(f"the plugin has the phase {self._session.spec.phase} alone, and trains nothing")
        return CLAUSES[clause](self._session)

    def _fault(self, clause: str, error: Exception) -> tuple[Verdict, str]:
        """Verdict and text of a fault, told once; the same type from the same line is the same fault."""
        fault, at = told(error), place(error)
        first = self._told.setdefault(f"{type(error).__name__} {at}" if at else fault, clause)
        return ("broken", fault) if first == clause else ("not looked at", f"it meets the fault of {first}")

    def _import(self) -> str:
        """Loading the plugin starts no thread of Python and stays in its folder."""
        folder, threads, begin = Path.cwd(), threading.active_count(), time.monotonic()
        adaptors.load_plugin(self._spec)
        seconds = time.monotonic() - begin
        if folder != Path.cwd():
            raise Broken("loading the plugin changed the working directory")
        if threading.active_count() > threads:
            raise Broken(f"loading the plugin started {threading.active_count() - threads} threads")
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
