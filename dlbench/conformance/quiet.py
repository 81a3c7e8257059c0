"""The clauses on a plugin's manners: it prints nothing, keeps no memory, and refuses Specs that it cannot meet."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import msgspec
import numpy as np

from dlbench.conformance.model import Broken, Model, ModelsUnderTest, require
from dlbench.errors import DlbenchError, Unsupported
from dlbench.stats import leaks
from dlbench.system import memory

LEAK_SAMPLES, LEAK_STEPS, LEAK_SECONDS = 40, 2, 1.0
"""Samples, as many as a Run takes, of two steps at least, and of as many more as fit into this many seconds in all."""


def nothing_is_printed(session: ModelsUnderTest) -> None:
    """Neither a step nor a prediction writes to standard output or standard error."""
    model = session.plain
    batch = model.batch(0)

    def work() -> None:
        for _ in range(3):
            model.step(batch)
            model.outputs()

    printed = _output_of(work)
    require(not printed, f"a step printed {printed[:200]!r}")


def nothing_leaks(session: ModelsUnderTest) -> None:
    """Memory does not grow while training and predicting go on, by the rule that `dlbench run` has for a Run."""
    model = session.plain
    batches = cycle([model.batch(step) for step in range(4)])
    work_of: dict[str, Callable[[], object]] = {
        "training step": lambda: model.train(next(batches)),
        "prediction": lambda: np.asarray(model.plugin.predict(next(batches).inputs)),
    }
    for what, work in list(work_of.items())[0 if model.trains else 1 :]:
        calls, resident = zip(*_marks(work), strict=True)
        if (kept := leaks.slope(calls, resident)) is not None:
            raise Broken(f"memory grows by {kept / 1024:.1f} KiB a {what}, seen over {calls[-1] - calls[0]} of them")


def _marks(work: Callable[[], object]) -> Iterator[tuple[int, int]]:
    """Calls so far, and the bytes resident then, after every sample; a fifth of the time warms up."""
    calls = _repeat(work, LEAK_STEPS, LEAK_SECONDS / 5)
    for _ in range(LEAK_SAMPLES):
        calls += _repeat(work, LEAK_STEPS, LEAK_SECONDS / LEAK_SAMPLES)
        gc.collect()
        yield calls, memory.resident()


def _repeat(work: Callable[[], object], times: int, seconds: float) -> int:
    """Do it `times` times, or for `seconds` if that is longer; returns the number of times."""
    done, end = 0, time.monotonic() + seconds
    while done < times or time.monotonic() < end:
        work()
        done += 1
    return done


def what_is_unsupported_is_raised(session: ModelsUnderTest) -> None:
    """A device and a precision that cannot be are refused with Unsupported, never replaced."""
    possible = session.plain.request.spec
    for change in ({"device": "gpu:99"}, {"precision": "fp7"}):
        asked = " ".join(f"{name} {value}" for name, value in change.items())
        remedy = "raise dlbench.errors.Unsupported in build() for a Spec that the plugin cannot meet"
        try:
            Model.build(msgspec.structs.replace(possible, **change))
        except Unsupported as error:
            require(bool(str(error)), f"Unsupported for {asked} does not say why")
        except DlbenchError as error:
            raise Broken(f"asked for {asked}, build() did something else; {remedy} ({error})") from error
        except Exception as error:
            raise Broken(f"asked for {asked}, build() raised {type(error).__name__}: {error}; {remedy}") from error
        else:
            raise Broken(f"asked for {asked}, build() built something; {remedy}")


def _output_of(work: Callable[[], object]) -> bytes:
    """Whatever anyone writes to the file descriptors 1 and 2 meanwhile, also from C++."""
    sys.stdout.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            work()
            sys.stdout.flush()
        finally:
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)
        file.seek(0)
        return file.read()
