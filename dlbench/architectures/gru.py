"""A gated recurrent unit layer; see `dlbench.architectures.recurrent` for parameters and formulas."""

from __future__ import annotations

from dlbench.architectures.recurrent import DEFAULT_TASK, sizes

__all__ = ["DEFAULT_TASK", "SIZES"]

SIZES = sizes("gru")
