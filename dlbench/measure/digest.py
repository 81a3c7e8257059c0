"""A digest of a model's first two calls: bits that repeated processes of one Spec have in common, or not.

Of training it holds the losses of both calls and every exported value after the first; of prediction the outputs of
both. It is taken before and at the beginning of warm-up, whose first sample is one call in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

CALLS = 2
LARGEST = 1 << 28
"""Parameters of a model whose values are still exported for it: a gibibyte of float32."""


class Digest:
    """Collects the results of calls until it has seen enough of them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._calls = 0

    def add(self, seen: Any) -> None:
        """Take in the loss or the outputs of one more call; no more than of the first ones."""
        if self._calls < CALLS:
            self._calls += 1
            self._take(seen)

    def add_values(self, export: Callable[[], Mapping[str, Any]], count: int) -> None:
        """Take in `count` exported values by name; too many, and those of a plugin that cannot, are left out."""
        if count > LARGEST:
            return
        try:
            for name, values in sorted(export().items()):
                self.add_named(name, values)
        except Exception:
            self._hash.update(b"not exported")

    def add_named(self, name: str, values: Any) -> None:
        """Take in values under their name."""
        self._hash.update(name.encode())
        self._take(values)

    @property
    def whole(self) -> str:
        """The first 16 hexadecimal digits of all that was taken in."""
        return self._hash.hexdigest()[:16]

    @property
    def text(self) -> str:
        """The same; empty until enough calls were seen."""
        return self.whole if self._calls == CALLS else ""

    def _take(self, values: Any) -> None:
        array = np.ascontiguousarray(values)
        self._hash.update(f"{array.dtype} {array.shape}".encode())
        self._hash.update(array.tobytes())


def digest_of(values: Mapping[str, Any]) -> str:
    """The first 16 hexadecimal digits of the digest of values by name."""
    found = Digest()
    for name, value in sorted(values.items()):
        found.add_named(name, value)
    return found.whole
