"""Every expected error, as a tree.

    DlbenchError
    ├── UnknownName         a plugin, task, size, metric or format that nobody provides
    ├── PluginLoadError     an entry point that exists and cannot be loaded
    ├── SpecError           a Spec, Policy or command-line value that makes no sense
    ├── ContractViolation   a plugin broke a clause of the contract
    ├── SettingNotTaken     a setting of a variant that the framework did not take
    ├── Unsupported         a plugin cannot do what was asked here; recorded as a skip
    └── RecordError         a record file that cannot be read or written

A message names the fault, the thing, its value and the next step. The command line prints it
as one line and exits with 2. Any other exception is a defect of dlbench and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal


class DlbenchError(Exception):
    """The base of every error that dlbench raises on purpose."""


class UnknownName(DlbenchError):
    """A name that nobody provides; the message carries near matches and a remedy."""

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = "") -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"
        super().__init__("; ".join(filter(None, (f"unknown {kind} {name!r}", hint, advice))))


class PluginLoadError(DlbenchError):
    """An installed plugin that cannot be loaded: names the distribution, the entry point and the cause."""

    def __init__(self, name: str, distribution: str, cause: str, kind: str = "plugin") -> None:
        super().__init__(f"{kind} {name} of {distribution} cannot be loaded: {' '.join(cause.split())}")


class SpecError(DlbenchError):
    """A value of a Spec, a Policy or a command line that makes no sense."""


class ContractViolation(DlbenchError):
    """A plugin broke a clause of the contract: the clause, and the value that came back.

    `mends` says which advice applies: `returned` if build, train_step or predict returned something else than it
    promises, `unsupported` if the plugin met another request than the one that it had to meet or refuse.
    """

    def __init__(self, message: str, mends: Literal["", "returned", "unsupported"] = "") -> None:
        self.mends = mends
        super().__init__(message)


class SettingNotTaken(DlbenchError):
    """A setting of a variant that reads back as another value: its name, the requested and the actual value."""


class Unsupported(DlbenchError):
    """Raised by a plugin that cannot meet a Spec on this machine; never worked around."""


class RecordError(DlbenchError):
    """A record that cannot be read or written: file, line, reason, remedy."""
