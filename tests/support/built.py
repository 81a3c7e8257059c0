"""The fake plugins, prepared and built in this process."""

from __future__ import annotations

from dlbench.measure.build import Prepared, build_checked, prepare
from dlbench.plugin import ModelPlugin
from dlbench.spec import Spec


def of_line(plugin: str = "fake.linear", **values: object) -> Spec:
    """A Spec of the straight line."""
    defaults = {"phase": "train", "path": "eager", "size": "small", "task": "line", "batch_size": 32, "threads": 1}
    return Spec(plugin=plugin, **defaults | values)  # type: ignore[arg-type]


def unbuilt(plugin: ModelPlugin, /, **values: object) -> Prepared:
    """The request to such a plugin."""
    return prepare(of_line(**values), plugin)  # type: ignore[arg-type]


def built(plugin: ModelPlugin, /, **values: object) -> Prepared:
    """The plugin after its build, with its read-back checked."""
    prepared = unbuilt(plugin, **values)
    build_checked(plugin, prepared.request)
    return prepared
