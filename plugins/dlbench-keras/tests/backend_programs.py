"""Models of a user's own, and a way to run a program on a backend in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def run(program: str, *arguments: str, **environment: str) -> str:
    """Standard output of a Python program. Raises AssertionError with the end of its errors."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, check=False, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


BUILT = """
import sys
import numpy as np
from dlbench.conformance import specs
from dlbench.measure.build import batch_of_call, build_checked, prepare, stage
from dlbench.registry import adaptors

def build(name, path, **more):
    import msgspec
    (spec,) = specs(name, path)
    spec = msgspec.structs.replace(spec, **more)
    made = prepare(spec, adaptors.load_plugin(spec))
    return spec, made, build_checked(made.plugin, made.request)
"""
"""A function that builds a plugin as a child of dlbench does."""
