"""Description of a model or plugin by itself, in a child: the parent imports no framework."""

from __future__ import annotations

import msgspec

from dlbench import registry
from dlbench.measure import reported
from dlbench.plugin import Describes, Description
from dlbench.registry import adaptors, references
from dlbench.spec import ModelSource, Spec


def describe_model(spec: Spec, adaptor: str) -> Description:
    """The description of the Spec's plugin, or of its model by this adaptor or the one that takes what it is.

    `framework` is filled in. Raises SpecError, UnknownName, PluginLoadError, ContractViolation, and whatever the user's
    model raises.
    """
    if spec.model is None:
        framework, plugin = spec.framework, registry.load(spec.plugin)
    else:
        framework = adaptor or _adaptor(spec, spec.model)
        plugin = adaptors.adapt(framework, spec.model)
    if not isinstance(plugin, Describes):
        return Description(framework=framework)
    found: Description = reported.checked(spec.plugin, "describe()", plugin.describe(spec), Description)
    return msgspec.structs.replace(found, framework=found.framework or framework)


def _adaptor(spec: Spec, source: ModelSource) -> str:
    """That of the loader which the reference names, or of the classes of what it returns."""
    reference = source.reference
    if loader := adaptors.loader(reference):
        return loader
    if not references.is_reference(reference):
        return adaptors.find(reference.partition(":")[0]).name  # which says what to install
    found = references.load_reference(reference)
    made = found if isinstance(found, type) else references.make(reference, dict(spec.options))
    return adaptors.of_model(reference, made)
