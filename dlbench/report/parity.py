"""Parity in words: the answer for the arms of a report, and their differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dlbench.record.parity import Difference, Parity, rounding_of
from dlbench.report.configuration import subject_of
from dlbench.report.document import Block, Paragraph, Table
from dlbench.spec import Spec

KINDS = (("output", "output"), ("gradient", "first gradients"), ("state", "state"), ("losses", "losses"))
"""Kinds of figures beside the parameters, with their names in a line."""


def question(family: Sequence[Spec]) -> str:
    """The question that a check of these arms answers."""
    return f"{subject_of(family[0])}: are {', '.join(spec.label for spec in family)} the same model?"


def sentence(parity: Parity) -> str:
    """One line that names both sides and the verdict."""
    sides = f"{parity.candidate.label} and {parity.baseline.label}"
    if parity.same is None:
        return f"{sides}: same model: not checked ({parity.reason})"
    failed = [difference for difference in parity.differences if not difference.holds]
    if failed:
        first = failed[0]
        return (
            f"{sides}: same model: NO; {len(failed)} of {len(parity.differences)} figures out of tolerance, "
            f"{first.what} by {first.difference:.1e} where {first.tolerance:.0e} is allowed"
        )
    exactly = "" if parity.baseline.precision == "fp32" else ", looked at in fp32"
    rounded = rounding_of(parity.baseline, parity.candidate)
    exactly += f", within rounding to {rounded}" if rounded else ""
    figures = ", ".join(f"{kind} within {worst:.0e}" for kind, worst in _worst_by_kind(parity.differences))
    rounding = max((one.rounding for one in parity.differences if one.rounding is not None), default=None)
    figures += f" (rounding alone moves them by {rounding:.0e})" if rounding else ""
    seeds = f"{len(parity.seeds)} seed{'s' if len(parity.seeds) > 1 else ''}"
    trained = any(one.what == "losses" for one in parity.differences)
    over = f"{seeds} and {parity.steps} steps" if trained else f"{seeds}, in prediction alone"
    return f"{sides}: same model: yes{exactly}; {figures} over {over}"


def warnings(parities: Iterable[Parity]) -> Iterator[str]:
    """Warnings before all others: arms that are not the same model."""
    return (f"{subject_of(one.baseline)}: {sentence(one)}" for one in parities if one.same is False)


def lead(parities: Iterable[Parity]) -> str:
    """The pairs that are not the same model, for the first lines of a report; empty if there are none."""
    pairs = [f"{one.candidate.label} and {one.baseline.label}" for one in parities if one.same is False]
    return f"NOT THE SAME MODEL: {'; '.join(dict.fromkeys(pairs))}." if pairs else ""


def of_subject(subject: str, parities: Iterable[Parity]) -> list[Parity]:
    """The checks that belong to one fairness table."""
    return [parity for parity in parities if subject_of(parity.baseline) == subject]


def blocks(parity: Parity) -> list[Block]:
    """The verdict, then every figure beside its tolerance."""
    if parity.same is None:
        return [Paragraph(sentence(parity))]
    return [
        Table(["", "Difference, median", "Worst seed", "Tolerance", "Holds"], _rows(parity)),
        Paragraph(sentence(parity)),
    ]


def _rows(parity: Parity) -> list[list[str]]:
    return [
        [one.what, f"{one.difference:.1e}", f"{one.worst:.1e}", f"{one.tolerance:.0e}", "yes" if one.holds else "NO"]
        for one in parity.differences
    ]


def _worst_by_kind(differences: Sequence[Difference]) -> Iterator[tuple[str, float]]:
    for kind, name in KINDS:
        found = [one.difference for one in differences if one.what.partition(" ")[0] == kind]
        if found:
            yield name, max(found)
