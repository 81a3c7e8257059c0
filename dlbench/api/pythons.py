"""Places of a session: interpreters that `--env` names, those of environments that are made for it, and a cluster."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from dlbench.errors import SpecError
from dlbench.session.cluster import address
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


def cluster(options: Mapping[str, Any]) -> str:
    """The address of a cluster, or nothing. Raises SpecError, also for what is done on this machine alone."""
    if not options["cluster"]:
        return ""
    if options["isolation"] == "none":
        raise SpecError("--isolation none runs in the process of dlbench itself; leave it out, or leave --cluster out")
    if options["explain"]:
        raise SpecError("--explain profiles on this machine; leave it out, or leave --cluster out")
    return address.check(options["cluster"])


def _teller(options: Mapping[str, Any]) -> words.Say:
    """Receiver of the news that an environment is installed."""
    return (lambda _: None) if options["quiet"] else lambda line: sys.stderr.write(f"{line}\n")
