"""The end of a lease on a node: a process that Ray starts there, and that measures one group after the other.

Ray starts its processes at nice 15, with one thread for numerical libraries and variables of its own. A number must not
know of that: what children inherit is set here as the command has it on its own machine, and read back in each Run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

import dlbench
from dlbench.record.schema import Plan, Run
from dlbench.registry.references import FOLDER_VARIABLE, planned_folder
from dlbench.session.listener import Quiet
from dlbench.session.machine import Machine
from dlbench.session.plan import Group
from dlbench.system import threads
from dlbench.workers.backends import Starter

OF_RAY = "RAY_"
"""Beginning of the names of Ray's own variables, some of which are secrets."""


class Caller(NamedTuple):
    """Facts of the command that a node takes over: folder, thread settings, priority and version of dlbench."""

    folder: str
    variables: dict[str, str]
    nice: int
    version: str

    @classmethod
    def here(cls) -> Caller:
        """The facts of this process."""
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        return cls(str(planned_folder()), threads.caller(os.environ), nice, dlbench.__version__)


class RemoteMachine:
    """Measures groups of a plan on the node that it is on, as the caller would on its own machine."""

    def __init__(self, plan: Plan, caller: Caller) -> None:
        self._plan, self._caller = plan, caller
        _take_over(caller)
        self._machine = Machine(plan, Quiet(), Starter(plan.pythons))

    def fault(self) -> str:
        """Reason that nothing can be measured here; empty if there is none."""
        if dlbench.__version__ != self._caller.version:
            return f"has dlbench {dlbench.__version__} and the command is {self._caller.version}; install the same"
        for name, python in self._plan.pythons.items():
            if not os.access(python, os.X_OK):
                return f"has no {python} (--env {name}); make the environment there, at the same path"
        return ""

    def measure(self, group: Group) -> list[Run]:
        """The Runs of a group; those of a child with a lower priority than the caller's are flagged."""
        _raise_priority(self._caller.nice)
        return [_flagged(run, self._caller.nice) for run in self._machine.measure(group)]


def _take_over(caller: Caller) -> None:
    """Put the environment of this process, which children inherit, in the state in which the caller's is."""
    for name in [name for name in os.environ if name.startswith(OF_RAY) or name in threads.VARIABLES]:
        del os.environ[name]
    os.environ.update(caller.variables)
    os.environ[FOLDER_VARIABLE] = caller.folder
    if Path(caller.folder).is_dir():
        os.chdir(caller.folder)


def _raise_priority(nice: int) -> None:
    """Give this thread, from which children are started, the caller's priority; without the right to, it stays."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError:
        return  # each Run says what its child had


def _flagged(run: Run, nice: int) -> Run:
    at = run.environment
    if at is None or at.nice is None or at.nice <= nice:
        return run
    return msgspec.structs.replace(run, flags=(*run.flags, "low_priority"))
