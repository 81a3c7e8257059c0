"""Exit codes of every command. `dlbench.cli.exits` says which exception becomes which."""

from __future__ import annotations

FINE, CHANGED, FAILED, UNDECIDED = 0, 1, 2, 3
"""Answers of a command: nothing is wrong; a regression, a difference or a broken clause; something was asked wrongly or
did not run; a gate could not decide."""
FAULT = 70
"""A fault of dlbench itself: EX_SOFTWARE of sysexits.h. No answer of a command has this code."""
INTERRUPTED, BY_SIGNAL = 130, 128
"""Codes that a shell gives a program that Ctrl-C ended, and less the signal's number one that a signal ended."""
