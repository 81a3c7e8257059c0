"""Flags of Runs."""

from __future__ import annotations

HELPED = 0.05
"""CPU seconds of a plugin's other processes, for each second of its steps, above which a Run is flagged `helped`."""
