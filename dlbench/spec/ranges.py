"""Ranges of the numbers in a Spec and a Policy, and the check that names a value outside its range."""

from __future__ import annotations

from dlbench.errors import SpecError

YEAR = 365 * 24 * 3600
MOST = 2**31 - 1
MOST_THREADS = 8192
"""Largest number of cores that the Linux kernel can be built for (NR_CPUS of arch/x86/Kconfig)."""

Range = tuple[float, float]
"""Least and greatest value."""


def within(what: str, value: float, allowed: Range) -> None:
    """Raise SpecError unless the value lies in the range; a unit at the end of `what` is printed after the bounds."""
    least, greatest = allowed
    name, _, unit = what.rpartition(" ") if what.endswith((" seconds", " bytes")) else (what, "", "")
    require(least <= value <= greatest, name, value, f"between {least} and {greatest} {unit}".rstrip())


def require(holds: bool, what: str, value: object, wanted: str) -> None:
    """Raise SpecError that names the value and the wanted one, unless it `holds`."""
    if not holds:
        raise SpecError(f"{what} is {value!r}: it must be {wanted}")
