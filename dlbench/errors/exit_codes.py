"""Exit codes of every command. `dlbench.cli.exits` says which exception becomes which."""

from __future__ import annotations

FINE, CHANGED, FAILED, UNDECIDED = 0, 1, 2, 3
"""Answers of a command: nothing is wrong; a regression, a difference or a broken clause; something was asked wrongly or
did not run; a gate could not decide."""
FAULT = 70
"""A fault of dlbench itself: EX_SOFTWARE of sysexits.h. No answer of a command has this code."""
INTERRUPTED, BY_SIGNAL = 130, 128
"""Exit codes as a shell gives them: after Ctrl-C, and the base to which another signal's number is added."""
