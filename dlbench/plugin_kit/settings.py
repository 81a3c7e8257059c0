"""Rows of a package's table of settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlbench.plugin import Setting

SWITCH = ("on", "off")


def setting(key: str, meaning: str, read_back: str, values: Iterable[str] = SWITCH, **more: Any) -> Setting:
    """A row; a switch unless it has other values. `more` are further fields of a Setting."""
    return Setting(key=key, meaning=meaning, read_back=read_back, values=tuple(values), **more)


def on_off(holds: bool) -> str:
    """The value of a switch."""
    return "on" if holds else "off"
