"""Thresholds of other tools, moved by somebody who knows the truth: to equal false alarms, and to equal power."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from studies.decision_quality.markdown import percent, table
from studies.decision_quality.replay import ADAPTIVE, AGAIN, EFFECT, FEWEST, Cells
from studies.decision_quality.rivals import INTERLEAVED
from studies.decision_quality.rules import PEERS


def head_to_head(cells: Cells) -> str:
    """Thresholds of the other tools, moved by somebody who knows the truth to the alarms or the power of dlbench."""
    rows = []
    for load in (load for load in cells.workloads if cells.held(load) >= FEWEST):
        ours, our_power = cells.of(ADAPTIVE, load, AGAIN), cells.of(ADAPTIVE, load, EFFECT)
        assert ours is not None
        assert our_power is not None
        alarms, power = ours.share("slower"), our_power.share("slower")
        for peer in (*PEERS, INTERLEAVED):
            null, effect = cells.of(peer.name, load, AGAIN), cells.of(peer.name, load, EFFECT)
            if null is None or effect is None:
                continue
            theirs_power = power_at(null.scores, effect.scores, alarms)
            theirs_alarms = alarms_at(null.scores, effect.scores, power)
            ahead = (
                "yes" if power > theirs_power or alarms < theirs_alarms else "level" if power == theirs_power else "no"
            )
            rows.append(
                [
                    load,
                    peer.name,
                    percent(alarms),
                    percent(power),
                    percent(theirs_power),
                    percent(theirs_alarms),
                    ahead,
                ]
            )
    head = ["", "Other tool", "dlbench: `slower` of the same", "dlbench: power"]
    head += ["its power at these alarms", "its alarms at this power", "dlbench ahead"]
    outcomes = [row[-1] for row in rows]
    found = f"dlbench is ahead in {outcomes.count('yes')} of {len(rows)} rows, level in {outcomes.count('level')}."
    moved = (
        "Thresholds of the other tools are moved to the false alarms of dlbench, and to its power, with knowledge of"
    )
    left_out = ", ".join(load for load in cells.workloads if cells.held(load) < FEWEST)
    silent = f" Of {left_out} the pool holds too few sessions." if left_out else ""
    return f"{moved} the truth. {found}{silent}\n\n{table(head, rows)}"


def power_at(null: Sequence[float], effect: Sequence[float], alarms: float) -> float:
    """Share of scores with an effect above the threshold that at most this share of scores without one exceeds."""
    threshold = np.sort(null)[len(null) - 1 - math.floor(alarms * len(null))]
    return float(np.mean(np.asarray(effect) > threshold))


def alarms_at(null: Sequence[float], effect: Sequence[float], power: float) -> float:
    """Share of scores without an effect at or above the threshold that this share of scores with one reaches."""
    needed = math.ceil(power * len(effect))
    if needed == 0:
        return 0.0
    threshold = np.sort(effect)[len(effect) - needed]
    return float(np.mean(np.asarray(null) >= threshold))
