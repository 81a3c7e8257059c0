"""Packages that a plugin uses, as far as metadata tells."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from packaging.utils import canonicalize_name

from dlbench import registry
from dlbench.errors import SpecError
from dlbench.registry import entry_points
from dlbench.workers.environments import ranges
from dlbench.workers.environments.ranges import Found


def check(found: Found, plugins: Sequence[str]) -> None:
    """Raise SpecError if no installed plugin that was named requires the package, directly or not.

    Optional requirements of its package, such as a backend of Keras, count, and those of what it requires itself.
    """
    if not found.package or not plugins:
        return
    entries = entry_points.of_group(registry.GROUP)
    names = {one.distribution for one in entries if any(fnmatchcase(one.name, word) for word in plugins)}
    used = ranges.requirements_of(names, optional=2) | ranges.requirements_of(["dlbench"])
    if names and canonicalize_name(found.package) not in used:
        said = f"{', '.join(sorted(names))} requires it neither directly nor through another package"
        raise SpecError(
            f"{found.package} is not what {', '.join(plugins)} uses: {said}; give a package that it imports"
        )
