"""Packages that a plugin uses, as far as metadata tells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from packaging.utils import canonicalize_name

from dlbench import registry
from dlbench.errors import SpecError
from dlbench.registry import entry_points
from dlbench.workers.environments import ranges


def check(packages: Collection[str], plugins: Sequence[str]) -> None:
    """Raise SpecError if no installed plugin that was named requires one of these packages, directly or not.

    Optional requirements of its package, such as a backend of Keras, count, and those of what it requires itself.
    """
    entries = entry_points.of_group(registry.GROUP) if packages and plugins else []
    names = {one.distribution for one in entries if any(fnmatchcase(one.name, word) for word in plugins)}
    if not names:
        return
    used = ranges.requirements_of(names, optional=2) | ranges.requirements_of(["dlbench"])
    if used.isdisjoint(map(canonicalize_name, packages)):
        said = f"{', '.join(sorted(names))} requires it neither directly nor through another package"
        raise SpecError(
            f"{' or '.join(packages)} is not what {', '.join(plugins)} uses: {said}; give a package that it imports"
        )
