"""`dlbench parity`: every figure of every pair on standard output, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlbench.api.parity import parity
from dlbench.errors import exit_codes, redaction
from dlbench.record import encoding
from dlbench.report import parity as sameness
from dlbench.report import terminal


def show(options: Mapping[str, Any], seeds: int, timeout: float, *, as_json: bool) -> int:
    """Check that the arms are one model, print the figures, and return the exit code. Raises DlbenchError."""
    found = parity(options, seeds, timeout)
    if as_json:
        pairs = [{"same": one.same, "sentence": sameness.sentence(one), "parity": one} for one in found]
        print(encoding.page(redaction.record({"pairs": pairs})), end="")  # noqa: T201 (the answer to the command)
    for one in () if as_json else found:
        terminal.console().print(terminal.blocks(sameness.blocks(one)))
    if any(one.same is False for one in found):
        return exit_codes.CHANGED
    return exit_codes.FAILED if any(one.same is None for one in found) else exit_codes.FINE
