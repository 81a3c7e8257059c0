"""Sessions of one arm, day after day, whose level may change."""

import math

import msgspec
import numpy as np
from example_runs import good_run
from sessions import session

from dlbench.record.schema import Code


def day(number):
    return f"2026-{1 + number // 28:02}-{1 + number % 28:02}T12:00:00+00:00"


def made(number, factor=1.0, cpu="Example CPU", code="a" * 8):
    """A session of one arm on this day."""
    at = msgspec.structs.replace(good_run().environment, cpu=cpu)
    loaded = (Code(of="plugin tf.transformer", distribution="dlbench-tf", version="1.0", digest=code),)
    changes = {"started": day(number), "environment": at, "code": loaded}
    return session(f"s{number}", factor, **changes, seed=number)


def noisy(count, step=1.0, at=0, spread=0.004):
    """Sessions whose level changes once, by the factor `step`."""
    noise = np.random.default_rng(7).normal(size=count) * spread
    levels = [(step, "b" * 8) if number >= at else (1.0, "a" * 8) for number in range(count)]
    return [made(number, math.exp(noise[number]) * level, code=code) for number, (level, code) in enumerate(levels)]
