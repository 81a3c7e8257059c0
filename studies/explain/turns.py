"""Two forms of one model in one process, profiled in turns: what slows the machine down slows both.

    python -m studies.explain.turns < SPECS.json

prints their profiles as JSON. A neighbour changes the time of a product by a tenth from one second to the next, which
is as much as a planted difference.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from dlbench.errors import ContractViolation
from dlbench.measure.profiling.profile import Subject, profile_of, ready
from dlbench.measure.profiling.rounds import Round, one_round, own
from dlbench.record.explanation import Profile
from dlbench.spec import Spec

ROUNDS = 12


def profiled(specs: Sequence[Spec]) -> list[Profile]:
    """Their profiles, from a process of its own; each with a reason if there are none."""
    command = [sys.executable, "-m", "studies.explain.turns"]
    done = subprocess.run(command, input=msgspec.json.encode(specs), capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()[-200:].replace("\n", " ")
        return [Profile(spec=spec, reason=reason) for spec in specs]
    return msgspec.json.decode(done.stdout, type=list[Profile])


def in_turns(specs: Sequence[Spec]) -> list[Profile]:
    """Profiles in this process. A turn counts if all of its profiles can be true. Raises ValueError if none counts."""
    subjects = [ready(spec) for spec in specs]
    turns: list[list[Round]] = []
    for _ in range(ROUNDS + 1):
        with contextlib.suppress(ContractViolation):  # a process may lose its core between two clocks
            turns.append([_round(one) for one in subjects])
    of_each = [sorted(found, key=lambda one: own(one.taken)) for found in zip(*turns[1:], strict=True)]
    return [profile_of(*one) for one in zip(subjects, of_each, strict=True)]


def _round(of: Subject) -> Round:
    return one_round(of.spec, of.plugin, of.model, of.calls, on_cpu=of.on_cpu)


if __name__ == "__main__":
    found = in_turns(msgspec.json.decode(sys.stdin.buffer.read(), type=list[Spec]))
    sys.stdout.buffer.write(msgspec.json.encode(found))
