"""Tables of settings, asked of plugins in a child: the parent imports no framework."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import msgspec
from msgspec import UNSET

from dlbench import registry
from dlbench.errors import SpecError
from dlbench.plugin import Setting
from dlbench.spec import Spec
from dlbench.workers.calls import call
from dlbench.workers.child import Child, ChildError, fresh_child

ASKING_SECONDS = 120.0


class SettingTables:
    """Tables by plugin, path and device, each asked once; plugins of one framework are asked in one child."""

    def __init__(self, timeout: float, python: str | None = None) -> None:
        self._timeout, self._python = min(timeout, ASKING_SECONDS), python
        self._children: dict[str, Child] = {}
        self._found: dict[Spec, dict[str, Setting]] = {}

    def __enter__(self) -> SettingTables:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End the children."""
        for child in self._children.values():
            child.close()

    def of(self, spec: Spec) -> Mapping[str, Setting]:
        """The table of a Spec's plugin. Raises SpecError if it cannot be read."""
        key = _key(spec)
        if key not in self._found:
            self._found[key] = {one.key: one for one in self._asked(key)}
        return self._found[key]

    def every(self, like: Spec) -> dict[str, Mapping[str, Setting]]:
        """Tables of all installed frameworks, by word; those that cannot be asked are left out."""
        found: dict[str, Mapping[str, Setting]] = {}
        for framework, entry in registry.speakers(registry.entries()).items():
            try:
                found[framework] = self.of(msgspec.structs.replace(like, plugin=entry.name, model=None))
            except SpecError:
                continue
        return found

    def _asked(self, spec: Spec) -> list[Setting]:
        from dlbench.measure.settings import list_settings  # imports NumPy, which the parent otherwise has no need of

        child = self._children.get(spec.framework) or self._start(spec.framework)
        try:
            return call(child, list_settings, spec)
        except ChildError as error:
            self._children.pop(spec.framework).close()
            raise SpecError(f"{spec.plugin} could not be asked for its settings: {error}") from error

    def _start(self, framework: str) -> Child:
        child = fresh_child(1, self._timeout, self._python) if self._python else fresh_child(1, self._timeout)
        self._children[framework] = child
        return child


def _key(spec: Spec) -> Spec:
    """A Spec that stands for all with the same table: a table depends on the plugin, its device and path."""
    return msgspec.structs.replace(spec, variant=UNSET, phase="train", seed=0, python="")
