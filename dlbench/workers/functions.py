"""Functions that a child may be asked to call, by their full names, and the call itself.

The names are text, so that a child imports a package only when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from dlbench.errors import DlbenchError
from dlbench.workers.protocol import Call, Returned

FUNCTIONS = (
    "dlbench.conformance.examine.examine_clause",
    "dlbench.measure.profiling.profile.build_first",
    "dlbench.measure.profiling.profile.profile_to_file",
    "dlbench.measure.profiling.profile.take_turn",
    "dlbench.measure.capable.list_capabilities",
    "dlbench.measure.describe.describe_model",
    "dlbench.measure.reported.list_devices",
    "dlbench.measure.settings.list_settings",
    "dlbench.parity.probe.probe_to_file",
    "dlbench.parity.reference.moved_losses_to_file",
    "dlbench.parity.reference.reference_to_file",
)
"""All that a child calls; their signatures are part of the protocol, as the fields of its messages are."""


def perform(request: Call) -> Returned:
    """Call the function, in the child. Raises DlbenchError for one that is not listed, and whatever it raises."""
    if request.function not in FUNCTIONS:
        raise DlbenchError(f"a child does not call {request.function!r}; it calls {', '.join(FUNCTIONS)}")
    module, _, name = request.function.rpartition(".")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    hints = get_type_hints(function)  # the JSON is decoded by the annotations
    arguments = {key: msgspec.json.decode(value, type=hints[key]) for key, value in request.arguments.items()}
    return Returned(value=msgspec.Raw(msgspec.json.encode(function(**arguments))))
