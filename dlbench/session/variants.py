"""Variants of a session: which arms take them, by the tables of settings that their plugins hold.

A variant applies to every arm whose plugin knows all of its settings on its path. An arm to which none of the variants
applies is measured once, as it is, and `notes` says so. A variant that applies to no arm is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from dlbench.errors import SpecError
from dlbench.plugin import Setting
from dlbench.spec import Path, Spec, Variant

Table = Mapping[str, Setting]
"""Settings of a plugin, by key."""
TableOf = Callable[[Spec], Table]
"""The table of a Spec's plugin; empty if it takes no settings."""
Programs = dict[Spec, tuple[str, int]]
"""By program without its variants, the first variant that was built, and its parameter count."""
Known = Callable[[], Mapping[str, Table]]
"""Tables of every installed framework, by its word."""


@dataclass(frozen=True)
class Misfit:
    """Reason that a variant does not apply to an arm: a key that its plugin lacks, or other paths that have it."""

    why: str
    key: str = ""
    paths: tuple[Path, ...] = ()


def misfit_of_model(spec: Spec, count: int, programs: Programs) -> str:
    """Reason that this arm is another model than the first variant of its program; empty if it is the same."""
    if spec.variant is UNSET:
        return ""
    name, first = programs.setdefault(_bare(spec), (spec.variant.name, count))
    if count == first:
        return ""
    return (
        f"variant {spec.variant.name} changes the model of {spec.plugin}: {count:,} parameters, and {first:,} in the "
        f"variant {name}; a variant may change settings alone"
    )


def fitted(specs: Sequence[Spec], table_of: TableOf, known: Known) -> list[Spec]:
    """The Specs with variants as their plugins know them, and without one if none applies.

    Raises SpecError for a value that its setting does not have, here or anywhere, and for a variant that no arm takes.
    """
    misfits: dict[str, list[tuple[Spec, Misfit]]] = {}
    taken: dict[str, Variant] = {}
    found: list[Spec] = []
    for spec in specs:
        if spec.variant is UNSET:
            found.append(spec)
            continue
        fits = fit(spec, spec.variant, table_of(spec))
        if isinstance(fits, Misfit):
            misfits.setdefault(spec.variant.text, []).append((spec, fits))
        else:
            taken[spec.variant.text] = fits
            found.append(msgspec.structs.replace(spec, variant=fits))
    for text in (text for text in misfits if text not in taken):
        raise SpecError(f"--variant {text}: {_refusal(misfits[text], table_of, known)}")
    bare = {_bare(spec) for spec in found}
    return [*found, *dict.fromkeys(one for spec in specs if (one := _bare(spec)) not in bare)]


def fit(spec: Spec, variant: Variant, table: Table) -> Variant | Misfit:
    """The variant with the consequences of its settings, or a Misfit for this arm. Raises SpecError."""
    for key, _ in variant.settings:
        if key not in table:
            return Misfit(f"{spec.plugin} takes no settings" if not table else f"{spec.plugin} has no {key}", key)
    for key, value in variant.settings:
        _require_value(variant, table[key], value)
        if table[key].paths and spec.path not in table[key].paths:
            return Misfit(f"{key} has no meaning on the path {spec.path}", paths=table[key].paths)
    chosen = [(table[key], value) for key, value in variant.settings]
    texts = ((one.variable, one.texts.get(value, value)) for one, value in chosen if one.variable)
    early = tuple((name, text) for name, text in texts if text)
    roundings = [one.rounding[value] for one, value in chosen if value in one.rounding]
    devices = next((one.key for one, value in chosen if value in one.devices), "")
    return msgspec.structs.replace(variant, early=early, rounding=_coarsest(roundings), devices=devices)


def notes(specs: Sequence[Spec]) -> Iterator[str]:
    """A line for the arms to which not every variant of the session applies."""
    names = dict.fromkeys(spec.variant.name for spec in specs if spec.variant is not UNSET)
    of_arm: dict[str, set[str]] = {}
    for spec in specs:
        of_arm.setdefault(_bare(spec).label, set()).update({spec.variant.name} if spec.variant is not UNSET else ())
    for label, own in of_arm.items():
        if missing := [name for name in names if name not in own]:
            beside = "only its other variants are measured" if own else "it is measured as it is"
            which = f"variant {missing[0]} sets" if len(missing) == 1 else f"variants {', '.join(missing)} set"
            yield f"{which} what {label} does not have: {beside}"


def _require_value(variant: Variant, setting: Setting, value: str) -> None:
    """Raise SpecError for a value that no version has, or not this one."""
    said = f"--variant {variant.text}: {setting.key}:{value}"
    if value in setting.missing:
        raise SpecError(f"{said} cannot be had here: {setting.missing[value]}")
    if value not in setting.values:
        near = difflib.get_close_matches(value, setting.values, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SpecError(f"{said} is none of its values; {hint}{setting.key} is one of {', '.join(setting.values)}")


def _coarsest(roundings: Sequence[str]) -> str:
    """The type with the fewest bits of those that a variant rounds to."""
    return next((kind for kind in ("bf16", "fp16", "tf32") if kind in roundings), "")


def _bare(spec: Spec) -> Spec:
    return msgspec.structs.replace(spec, variant=UNSET)


def _of_two(spec: Spec) -> Spec:
    """A Spec by which a plugin is asked for the settings that several workers have."""
    return msgspec.structs.replace(spec, variant=UNSET, workers=2, phase="train", device="cpu")


def _refusal(misfits: Sequence[tuple[Spec, Misfit]], table_of: TableOf, known: Known) -> str:
    """Reason that no arm takes a variant: what would, or near matches and the frameworks that know the key."""
    for spec, misfit in misfits:
        if misfit.paths:
            return f"{misfit.why}; add --path {misfit.paths[0]}"
        if spec.workers is UNSET and misfit.key in table_of(_of_two(spec)):
            return f"{misfit.why} with one worker; give --workers 2 or more"
    keys = dict.fromkeys(misfit.key for _, misfit in misfits)
    here = {key for spec, _ in misfits for key in table_of(spec)}
    whys = "; ".join(dict.fromkeys(misfit.why for _, misfit in misfits))
    near = {match for key in keys for match in difflib.get_close_matches(key, here, n=3)}
    if near:
        return f"{whys}; did you mean {' or '.join(sorted(near))}?"
    owners = [framework for framework, table in known().items() if any(key in table for key in keys)]
    if owners:
        return f"{whys}; it is a setting of {' and '.join(owners)}"
    return f"{whys}; " + (f"its settings are {', '.join(sorted(here))}" if here else "leave --variant out")
