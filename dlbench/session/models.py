"""The user's own models, and plugins that describe themselves: from requests to values of axes.

Each is described in a child of its own, and all inferred facts are written down before anything is measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from dlbench import architectures
from dlbench.errors import SpecError
from dlbench.record.flags import StatusName
from dlbench.session import inference, plan, variants
from dlbench.session.inference import FROM_FILE, SYNTHETIC, UNKNOWN
from dlbench.session.plan import Selection
from dlbench.session.setting_tables import SettingTables
from dlbench.spec import AXES, ModelSource, Policy, Spec
from dlbench.spec.axes import Options, option_grid
from dlbench.workers.calls import call
from dlbench.workers.child import Child, ChildError, fresh_child

LOST: tuple[StatusName, ...] = ("crashed", "timeout", "out-of-memory")
"""Ends of a process that a plugin took with it: other plugins are measured, and its Runs have this status."""


@dataclass(frozen=True)
class AskedModel:
    """A model as requested; `framework` is empty if it was not named."""

    source: ModelSource
    framework: str = ""
    name: str = ""

    @property
    def architecture(self) -> str:
        """The word after the dot of its plugin's name: another model's, or the name in the reference."""
        found = self.name or self.source.reference.rpartition(":")[2]
        return re.sub(r"[^\w.-]+", "-", found).strip("-.") or UNKNOWN


class Subjects(NamedTuple):
    """All that a command is about: plugins and values of axes, and models of the user's own."""

    selection: Selection
    models: Sequence[AskedModel] = ()


def expand(
    subjects: Subjects,
    policy: Policy,
    found: Sequence[str] | None = None,
    python: str | None = None,
) -> list[Spec]:
    """The Specs of plugins and models, as `dlbench.session.plan.expand` says of the former.

    `python` is the interpreter that describes them, if it is another. Raises SpecError for values that do not fit.
    """
    selection, models = plan.training(subjects.selection), subjects.models
    named = selection.get("plugin") or not models
    plugins = list(found if found is not None else plan.installed(selection)) if named else []
    alike = [AskedModel(ModelSource(reference=name), *name.split(".", 1)) for name in plugins]
    asked = [one for one in alike if not architectures.is_known(one.architecture)] + list(models)
    described = {one: list(_described(one, selection, policy, python)) for one in asked}
    specs: list[Spec] = []
    for one in [*alike, *models]:
        for chosen in described.get(one, [selection]):
            own = [f"{one.framework}.{one.architecture}"] if one in alike else list(chosen["plugin"])
            specs += plan.expand({**chosen, "plugin": own}, policy, own)
    specs = list(dict.fromkeys(specs))
    plan.check_workers(specs, policy)
    return _with_variants(specs, policy, python) if selection.get("variant") else specs


def _with_variants(specs: Sequence[Spec], policy: Policy, python: str | None) -> list[Spec]:
    """The Specs with the variants that their plugins know. Raises SpecError as `dlbench.session.variants` does."""
    if policy.isolation == "none":
        raise SpecError("--isolation none shares one process, and a variant needs its own; leave one of the two out")
    with SettingTables(policy.timeout_seconds, python) as tables:
        return variants.fitted(specs, tables.of, partial(tables.every, specs[0]))


def _described(one: AskedModel, selection: Selection, policy: Policy, python: str | None) -> Iterator[Selection]:
    """A selection for each size and combination of options, filled in from the description of the model or plugin."""
    child: Child | None = None
    try:
        for size in dict.fromkeys(selection.get("size") or AXES["size"].defaults):
            for options in option_grid(selection.get("options", ())):
                child = child or _child(policy, python)
                yield _filled(one, {**selection, "size": [size]}, options, child)
    finally:
        if child is not None:
            child.close()


def _child(policy: Policy, python: str | None) -> Child:
    seconds = policy.timeout_seconds
    return fresh_child(1, seconds, python) if python else fresh_child(1, seconds)


def _filled(one: AskedModel, selection: Selection, options: Options, child: Child) -> Selection:
    from dlbench.measure.describe import describe_model  # imports NumPy, which the parent otherwise has no need of

    spec = _provisional(one, selection, options)
    try:
        said = call(child, describe_model, spec, one.framework)
    except ChildError as error:
        if spec.model is not None:
            raise SpecError(_of_model(spec.model, error)) from error
        if error.loading or not (selection.get("task") or error.status in LOST):
            raise SpecError(str(error)) from error  # a wrong size or option, or nothing to plan a Run by
        return {**selection, "task": selection.get("task") or [SYNTHETIC]}  # each of its Runs will say so
    return inference.filled(selection, spec, said)


def _of_model(source: ModelSource, error: ChildError) -> str:
    """The error with the model's name; one without a message is described by the last activity of the process."""
    said = str(error)
    if source.reference.partition(":")[0] in said:
        return said
    doing = "" if error.loading or error.status == "error" else "while it was imported, made or called once, "
    return f"{source.reference}: {doing}{said}"


def _provisional(one: AskedModel, selection: Selection, options: Options) -> Spec:
    """A Spec to describe the model by, before its inputs are known."""
    source = one.source
    own = ":" in source.reference
    batch = source.inputs[0].shape[0] if source.inputs else plan.DEFAULT_BATCH_SIZE
    return Spec(
        plugin=f"{one.framework or UNKNOWN}.{one.architecture}",
        phase="train",
        path="eager",
        size=selection["size"][0],
        task=(selection.get("task") or [FROM_FILE if source.data else SYNTHETIC])[0],
        batch_size=(selection.get("batch_size") or [batch])[0],
        threads=1,
        model=source if own else None,
        options=options,
    )
