"""Exit codes of every command, and when each is given.

    0    nothing is wrong
    1    a regression, a difference between models, or a broken clause
    2    something was asked wrongly, or did not run: one line says what
    3    a gate or a search could not decide
    70   a fault of dlbench itself, with its traceback
    130  ended by Ctrl-C; 128 + N: by signal N

`analysis/gate.py` takes a gate's code from its verdicts, `cli/ending.py` an error's from its exception.
"""

from __future__ import annotations

FINE, CHANGED, FAILED, UNDECIDED = 0, 1, 2, 3
FAULT = 70
"""A fault of dlbench itself: EX_SOFTWARE of sysexits.h. No answer of a command has this code."""
INTERRUPTED, BY_SIGNAL = 130, 128
"""Exit codes as a shell gives them: after Ctrl-C, and the base to which another signal's number is added."""
