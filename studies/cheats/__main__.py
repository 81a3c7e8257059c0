"""Cheats and honest plugins: what `dlbench check` and a Run name of each.

    python -m studies.cheats [NAME ...] [--honest PLUGIN:PATH ...] [--out FOLDER]

Without a name all cheats are looked at, and no honest plugin. A row is kept in FOLDER as soon as it is known, in the
place of an earlier one of its name, so that a long list can be looked at piece by piece.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

import dlbench
from dlbench import conformance
from dlbench.conformance.examine import Finding, examine_clause
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError, fresh_child

ROOT = Path(__file__).parents[2]
TIMEOUT = 600.0
CHEATS: dict[str, tuple[str, ...]] = {
    "an output cache": (
        *("keeps-by-identity", "keeps-by-value", "keeps-by-address", "keeps-by-first-bytes", "keeps-later"),
        "works-in-stage",
    ),
    "work skipped when a batch comes again": ("skips-seen", "replays-gradients"),
    "work left until it is read": ("lazy-outputs", "lazy-steps"),
    "work past the barrier": ("past-the-barrier",),
    "a changed clock or collector": ("slow-clock", "slow-harness", "no-collector"),
    "inputs changed in place": ("writes-inputs",),
    "a step that ignores its batch": ("ignores-batch", "half-batch"),
}
"""By kind the programs of `studies.cheats.programs` that do it."""
CLAUSES = (
    "every_sample_of_a_batch_counts",
    "outputs_are_computed_anew",
    "nothing_is_kept_from_a_batch_that_was_seen",
    "nothing_is_left_until_it_is_read",
    "inputs_are_left_alone",
    "clocks_and_collector_are_left_alone",
    "the_barrier_holds",
    "no_work_outlives_the_barrier",
)
"""Clauses that name a cheat; the others, which many of them break too, are left out."""

Rows = dict[str, dict[str, str]]


@click.command()
@click.argument("names", nargs=-1)
@click.option("--honest", multiple=True, metavar="PLUGIN:PATH")
@click.option("--out", default="reports/cheats", type=click.Path(path_type=Path), show_default=True)
def main(names: tuple[str, ...], honest: tuple[str, ...], out: Path) -> None:
    """Look at cheats and honest plugins, and keep what is found."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "studies" / "plugins")])
    os.environ["PYTHONPATH"] = path
    sys.path[:0] = path.split(os.pathsep)
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "cheats.json"
    rows: Rows = json.loads(kept.read_text()) if kept.exists() else {}
    for name, row in _looked_at(names, honest):
        rows[name] = row
        kept.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
        (out / "report.md").write_text(page(rows))
        click.echo(f"{name}: check {row['check'] or 'names nothing'}; run {row['run'] or 'names nothing'}")


def _looked_at(names: tuple[str, ...], honest: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    for kind, programs in CHEATS.items():
        for program in programs:
            if program in names or not (names or honest):
                row = {"kind": kind, "check": _check(f"{program}.linear", "eager"), "run": _run(f"{program}.linear")}
                yield program, row
    for one in honest:
        plugin, _, path = one.partition(":")
        yield one, {"kind": "", "check": _check(plugin, path), "run": _run(plugin, path)}


def _check(plugin: str, path: str) -> str:
    """The clauses that are broken, each with what was seen."""
    (spec,) = conformance.specs(plugin, path)  # type: ignore[arg-type]
    child = fresh_child(1, TIMEOUT)
    found: list[Finding] = []
    try:
        for clause in CLAUSES:
            child.allow(TIMEOUT)
            found.append(call(child, examine_clause, spec, clause))
    except ChildError as error:
        return f"failed: {error}"
    finally:
        child.close()
    return "; ".join(f"{one.clause}: {one.why}" for one in found if one.verdict == "broken")


def _run(plugin: str, path: str = "eager") -> str:
    """The reasons for which a Run of each phase gives no figure."""
    with tempfile.TemporaryDirectory() as folder:
        results = dlbench.run(
            plugin,
            path=path,
            phase=["train", "predict"],
            size="small",
            threads=1,
            quick=True,
            out=folder,
            progress=False,
        )
        said = [f"{run.spec.phase}: {run.reason}" for run in results.runs if run.failed]
    return "; ".join(said)


def page(rows: Rows) -> str:
    """The table of all that was looked at."""
    cheats = {name: row for name, row in rows.items() if row["kind"]}
    honest = {name: row for name, row in rows.items() if not row["kind"]}
    kinds = {row["kind"] for row in cheats.values()}
    by_check, by_run = (
        sum(all(row[where] for row in cheats.values() if row["kind"] == kind) for kind in kinds)
        for where in ("check", "run")
    )
    accused = [name for name, row in honest.items() if row["check"] or row["run"]]
    lines = [
        "# Cheats, and what names them\n",
        f"Of {len(kinds)} kinds of cheat in {len(cheats)} programs, `dlbench check` names every program of {by_check} "
        f"kinds and a Run every program of {by_run}. Of {len(honest)} honest plugins and paths "
        f"{len(accused)} {'is' if len(accused) == 1 else 'are'} named.\n",
        "| kind | program | check says | a Run says |",
        "|---|---|---|---|",
    ]
    for kind in CHEATS:
        for name, row in cheats.items():
            if row["kind"] == kind:
                lines.append(f"| {kind} | {name} | {_cell(row['check'])} | {_cell(row['run'])} |")
    if honest:
        lines += ["\n| honest | check says | a Run says |", "|---|---|---|"]
        lines += [f"| {name} | {_cell(row['check'])} | {_cell(row['run'])} |" for name, row in sorted(honest.items())]
    return "\n".join([*lines, "", "`python -m studies.cheats` makes this page.", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"


if __name__ == "__main__":
    main()
