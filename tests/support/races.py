"""Races of scripted children, without a process: what is asked, and arms by their axes."""

from __future__ import annotations

from schedules import Diary
from scripted import ScriptedChild

from dlbench.api import keywords
from dlbench.api.request import RunRequest
from dlbench.api.tune import arms
from dlbench.api.tune.limits import Limits
from dlbench.api.tune.request import Request, given

NO_LIMITS = Limits()
GRID = {"threads": (1, 2), "batch_size": (8, 64), "steps_per_call": (1, 4)}


class Told(Diary):
    """A listener that keeps notes."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def child_of(spec, **more):
    """A step takes a millisecond and 20 µs a sample, less with threads and with steps in one call."""
    seconds = (0.001 / spec.steps_per_call + 2e-5 * spec.batch_size) / spec.threads**0.8
    return ScriptedChild(step_seconds=seconds, **more)


def asked(folder, limits=NO_LIMITS, seconds=None, resume=False, **grid):
    options = {"plugin": ("fake.linear",), "phase": ("train",), "batch_size": (8,), **(grid or GRID)}
    run = RunRequest.read(given(options, keywords.complete({})))
    specs = arms.settings(run.subjects, run.policy)
    return Request(run, limits, specs, folder, seconds, ("--plugin", "fake.linear"), resume)


def arm(found, **axes):
    wanted = {name: str(value) for name, value in axes.items()}
    return next(one for one in found.arms if wanted.items() <= one.axes.items())
