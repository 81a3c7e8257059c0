"""The answer of a race, put together from both measurements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import UNSET

from dlbench.api.tune.arms import differing, name_of, value_of
from dlbench.api.tune.limits import Facts, nearest
from dlbench.api.tune.measuring import Raced
from dlbench.api.tune.request import Request
from dlbench.report.command import command_of
from dlbench.spec import Axis, Policy, Spec
from dlbench.stats.tuning import decisions
from dlbench.stats.tuning.answer import Place, Setting, Status, Tuning, front
from dlbench.stats.tuning.race import Outcome, Standing


def of(asked: Request, raced: Raced, seconds: float) -> Tuning:
    """The answer; `seconds` are those of this call."""
    axes, outcome = differing(asked.specs), raced.outcome
    names = [name_of(spec, axes) for spec in asked.specs]
    status = _status(raced)
    chosen = None if outcome.chosen is None else asked.specs[outcome.chosen]
    recommended = {"found": chosen, "default": asked.specs[0]}.get(status)
    return Tuning(
        subject=_subject(asked.specs[0]),
        phase=asked.specs[0].phase,
        status=status,
        default=names[0],
        chosen="" if outcome.chosen is None else names[outcome.chosen],
        recommended="" if recommended is None else name_of(recommended, axes),
        proven=outcome.proven,
        speedup=decisions.ratio(raced.again, 1, 0),
        alike=tuple(names[one] for one in outcome.alike),
        arms=_arms(asked.specs, names, axes, raced),
        limits=asked.limits.words(),
        groups=outcome.groups,
        processes=len(raced.runs) + len(raced.confirmed),
        seconds=seconds,
        reason=_reason(asked, raced, names),
        command="" if recommended is None else command_of([recommended], [Policy(discard=True)]),
        settings=() if recommended is None else tuple(_to_set(recommended, axes)),
    )


def _status(raced: Raced) -> Status:
    outcome = raced.outcome
    if outcome.reason or raced.verdict == "undecided":
        return "undecided"
    if outcome.chosen is None:
        return "not measured"
    if outcome.chosen == 0:
        return "default"
    return "found" if outcome.standings[0].left.end in ("failed", "limit") or raced.verdict == "faster" else "default"


def _reason(asked: Request, raced: Raced, names: Sequence[str]) -> str:
    outcome = raced.outcome
    if raced.reason or outcome.chosen is not None:
        left = outcome.standings[0].left
        of_default = f"the default {'did not run' if left.end == 'failed' else 'breaks a limit'}: {left.reason}"
        return raced.reason or (of_default if left.end in ("failed", "limit") else "")
    known = [(name, facts) for name, facts in zip(names, raced.facts, strict=True) if facts != Facts()]
    return nearest(asked.limits, known) or "; ".join(dict.fromkeys(_whys(outcome)))


def _whys(outcome: Outcome) -> Iterator[str]:
    yield "no setting is left"
    for one in outcome.standings:
        if one.left.reason:
            yield one.left.reason


def _arms(specs: Sequence[Spec], names: Sequence[str], axes: Sequence[Axis], raced: Raced) -> tuple[Setting, ...]:
    may_win = [one.left.end not in ("failed", "limit") for one in raced.outcome.standings]
    places = [_place(facts) if may else None for facts, may in zip(raced.facts, may_win, strict=True)]
    of_each = zip(specs, names, raced.outcome.standings, raced.facts, front(places), strict=True)
    return tuple(_arm(spec, name, axes, one, facts, best) for spec, name, one, facts, best in of_each)


def _arm(spec: Spec, name: str, axes: Sequence[Axis], one: Standing, facts: Facts, best: bool) -> Setting:
    return Setting(
        name=name,
        axes={axis.option: value_of(spec, axis) for axis in axes},
        groups=one.groups,
        ratio=one.ratio,
        **facts._asdict(),
        left=one.left.end,
        reason=one.left.reason,
        front=best,
    )


def _place(facts: Facts) -> Place | None:
    if facts.throughput is None or facts.latency is None:
        return None
    return Place(facts.throughput, facts.latency)


def _subject(spec: Spec) -> str:
    return f"{spec.plugin} {spec.size}" if spec.model is None else spec.model.reference


def _to_set(spec: Spec, axes: Sequence[Axis]) -> Iterator[str]:
    """The values of the axes in which settings differ, with the variables and keys of the framework that set them."""
    for axis in axes:
        if axis.field == "threads":
            yield f"threads: {spec.threads} (OMP_NUM_THREADS={spec.threads}, or the framework's own call)"
        elif axis.field == "variant":
            yield from (f"{key}: {value}" for key, value in spec.settings.items())
        elif text := value_of(spec, axis):
            yield f"{axis.name}: {text}"
    if spec.variant is not UNSET:
        yield from (f"before the import: {name}={value}" for name, value in spec.variant.early)
