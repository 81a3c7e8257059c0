"""JAX fixes its threads when it starts: start it with one, unless somebody has started it before these tests."""

from __future__ import annotations

import os

os.environ.setdefault("NPROC", "1")
