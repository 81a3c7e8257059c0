"""A folder with a file of models of the user's own."""

import textwrap

import pytest

FILE = """
import numpy as np
from dlbench_fake.nets import Forgetful, Net

class One(Net):
    def __init__(self, outputs=3, hidden=1):
        super().__init__(8, outputs=outputs)

class Two(Net):
    def __init__(self):
        super().__init__(8, 4, outputs=2)
    def example_inputs(self):
        return np.zeros((16, 2, 4), np.float32), np.zeros((16, 4), np.float32)

class Uneven(Two):
    def example_inputs(self):
        return np.zeros((16, 2, 4), np.float32), np.zeros((4, 4), np.float32)

def total(outputs, targets):
    return outputs

def nothing(state):
    return {}

stranger = object()

def endless():
    pass

class Counts(One):
    pass

def Heavy():
    raise MemoryError("1 TiB")
"""
"""A user's file for the command line; its models are those of the framework in NumPy."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(textwrap.dedent(FILE))
    rows = (f"{row},{','.join('1234567')},{row % 5}" for row in range(40))
    (tmp_path / "five.csv").write_text("\n".join(["a,b,c,d,e,f,g,h,targets", *rows]) + "\n")
    return tmp_path
