"""Real searches: sixteen wheels of a small package, a step in one of them or in none, by the command itself.

The wheels find their work in a table, so that all searches share sixteen environments in the cache of the workplace.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from studies.bisection import noise
from studies.bisection.packages import PACKAGE, PIECES, PLUGIN, answer, wheels_of_table

VERSIONS, MORE = 16, 5
FILE = "sessions.jsonl"
WORDS = ("--plugin", PLUGIN, "--phase", "predict", "--task", "line", "--threads", "1")


class Workplace(NamedTuple):
    """A folder that holds the wheels, their table, the cache, and the search that is going on."""

    folder: Path

    def made(self) -> list[str]:
        """The versions, whose wheels are made once: an environment is known by the time of its wheel."""
        if not self.links.exists():
            wheels_of_table(self.links, self.table.absolute(), VERSIONS)
        return [f"1.{one}" for one in range(VERSIONS)]

    @property
    def links(self) -> Path:
        """The folder of wheels."""
        return self.folder / "wheels"

    @property
    def table(self) -> Path:
        """The file with the pieces of work of each version."""
        return self.folder / "pieces.json"


def measure(folder: Path, sessions: int, workplace: Path) -> None:
    """Add so many searches to the file, with and without a planted step in turn; one that was cut short goes on."""
    path = folder / FILE
    for _ in range(sessions):
        number = len(lines(folder))
        at = random.Random(number).randrange(1, VERSIONS) if number % 2 == 0 else VERSIONS
        line = json.dumps(_searched(at, Workplace(workplace)))
        with path.open("a", encoding="utf-8") as out:
            out.write(f"{line}\n")


def _searched(at: int, place: Workplace) -> dict[str, object]:
    """One search; `at` is the first version that computes 5 % more."""
    versions, out = place.made(), place.folder / "search"
    pieces = dict(zip(versions, [PIECES] * at + [PIECES + MORE] * (VERSIONS - at), strict=True))
    words = ["--resume", str(out)]
    if not (cut := _is_begun(place, pieces)):
        shutil.rmtree(out, ignore_errors=True)
        place.table.write_text(json.dumps(pieces))
        of_range = f"{PACKAGE}=={versions[0]}..{versions[-1]}"
        words = [of_range, *WORDS, "--find-links", str(place.links), "--out", str(out)]
    begin = time.monotonic()
    code, found, said = answer(words, {"DLBENCH_CACHE": str(place.folder / "cache")})
    trials = found.get("lines", ())
    measuring, disturbed = round(sum(one["seconds"] for one in trials)), noise.of_search(out)
    shutil.rmtree(out)
    return {
        "planted": versions[at] if at < VERSIONS else "",
        "code": code,
        "named": [one["after"] for one in found.get("changes", ()) if one["verdict"] == "confirmed"],
        "ratios": [one["ratio"] for one in found.get("changes", ())],
        "groups": sum((one["ratio"] or {}).get("groups", 0) for one in trials),
        "seconds": measuring if cut else round(time.monotonic() - begin),
        "measuring": measuring,
        "cut": cut,
        "load": os.getloadavg()[1],
        "said": found.get("reason", said),
        "noise": disturbed,
    }


def _is_begun(place: Workplace, pieces: dict[str, int]) -> bool:
    """True if a search with these pieces of work was cut short."""
    begun = (place.folder / "search" / "search.json").exists() and place.table.exists()
    return begun and json.loads(place.table.read_text()) == pieces


def table(folder: Path) -> str:
    """Counts of the searches, and each of them as a row."""
    found = lines(folder)
    head = [*_counts(found), "", "| Planted | named | ratio | exit code | groups | seconds | load |"]
    return "\n".join([*head, "|---|---|---|---:|---:|---:|---:|", *map(_row, found)])


def _counts(searches: Sequence[dict[str, Any]]) -> list[str]:
    """A row for the searches of each kind: what they named, and their seconds."""
    rows = ["| Searches | number | right | undecided | ended | wrong or alarm | seconds, median | at most |"]
    rows.append("|---|" + "---:|" * 7)
    for planted, name in ((True, f"{MORE} % in one of {VERSIONS}"), (False, "unchanged")):
        found = [one for one in searches if bool(one["planted"]) == planted]
        wrong = [one for one in found if set(one["named"]) - {one["planted"]}]
        right = [one for one in found if one not in wrong and one["code"] == (1 if planted else 0)]
        whole = [one["seconds"] for one in found if not ended(one)]
        cut = len(found) - len(whole)
        seconds = (round(statistics.median(whole)), max(whole)) if whole else ("–", "–")
        counts = len(found), len(right), len(found) - len(right) - len(wrong) - cut, cut, len(wrong)
        cells = map(str, (*counts, *seconds))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def _row(one: dict[str, Any]) -> str:
    ratios = [f"{known['ratio']:.3f} ({known['low']:.3f}-{known['high']:.3f})" for known in one["ratios"] if known]
    named = one["planted"] or "none", ", ".join(one["named"]) or "none", ", ".join(ratios)
    return f"| {' | '.join(named)} | {one['code']} | {one.get('groups', '')} | {_seconds(one)} | {one['load']:.1f} |"


def _seconds(one: dict[str, Any]) -> str:
    return f"{one['seconds']}{' (resumed)' if one.get('cut') else ''}"


def ended(one: Mapping[str, Any]) -> bool:
    """True for a search that was ended by hand, by a budget: the study gives it none."""
    return str(one.get("said", "")).startswith("the budget of")


def lines(folder: Path) -> list[dict[str, Any]]:
    """The searches that are kept there."""
    path = folder / FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
