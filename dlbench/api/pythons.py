"""Interpreters of a session: those that `--env` names, and those of environments that are made for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from dlbench.workers import interpreters
from dlbench.workers.environments import words
from dlbench.workers.environments.cache import Cache


class Pythons(NamedTuple):
    """Interpreters by name; the cache keeps the environments that were made as long as this lives."""

    by_name: dict[str, str]
    cache: Cache


def read(options: Mapping[str, Any]) -> Pythons:
    """The interpreters that the options name, environments made where need be. Raises DlbenchError."""
    cache = Cache()
    return Pythons(
        interpreters.read(words.resolve(options["env"], cache, options["find_links"], _teller(options))), cache
    )


def _teller(options: Mapping[str, Any]) -> words.Say:
    """Receiver of the news that an environment is installed."""
    return (lambda _: None) if options["quiet"] else lambda line: sys.stderr.write(f"{line}\n")
