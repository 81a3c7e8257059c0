"""Sessions of short samples, for tests that look at anything but their figures: 20 samples, as steadiness takes.

As a program it is the command line with such sessions: `python short.py run --plugin ...`. Profiles of them show their
times however long they take, as a busy core makes steps of microseconds any number of times as long.
"""

import functools
import math
import sys

from dlbench.api import request
from dlbench.cli import main
from dlbench.record import explanation
from dlbench.spec import Policy

SHORT = {"samples": 20, "sample_seconds": 0.002, "settle_seconds": 0.05, "latency_steps": 20, "latency_seconds": 0.05}
policy = functools.partial(Policy, **SHORT)
"""A policy with this effort where its options say nothing else, in the place of `dlbench.api.request.Policy`."""

if __name__ == "__main__":
    request.Policy = policy
    explanation.DEARER = math.inf
    sys.argv[0] = "dlbench"
    main.main()
