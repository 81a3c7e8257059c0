"""Run as a program: goes on with a session over and over, each time in a fork of its own that is killed (kill -9).

`killing.py FOLDER KILLS SEED` prints, for each kill, the number of whole lines and whether their beginning is
unchanged; the moment is drawn in events of the session and then in milliseconds, so that it does not depend on the
speed of the machine.
"""

import gc
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import psutil

from dlbench.record import journal
from dlbench.record.reading import split
from dlbench.session import plan, schedule
from dlbench.session.listener import Quiet
from dlbench.session.machine import here
from dlbench.workers.backends import Starter


class Ticking(Quiet):
    """Writes a byte at every event."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def tick(self, *_):
        os.write(self.descriptor, b".")

    group_started = discarding = announce = finished = tick


def session(folder, descriptor):
    try:
        with journal.resume(folder) as book, Starter() as start:
            planned = plan.groups(book.plan.specs, book.plan.policy)
            schedule.record(planned, book, Ticking(descriptor), here(start))
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)


def begin(folder):
    ticks, descriptor = os.pipe()
    if pid := os.fork():
        os.close(descriptor)
        return pid, ticks
    os.close(ticks)
    return session(folder, descriptor)


def killed(folder, events, seconds):
    """Kill it after `events` events and `seconds` more; returns the processes that it had."""
    pid, ticks = begin(folder)
    while events and os.read(ticks, 1):
        events -= 1
    time.sleep(seconds)
    children = psutil.Process(pid).children(recursive=True)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ticks)
    return psutil.wait_procs(children, timeout=30)[1]


def lines(folder):
    path = folder / "runs.jsonl"
    return split(path.read_bytes())[0] if path.exists() else []


def main(folder, kills, seed):
    gc.freeze()
    moments = random.Random(seed)
    for _ in range(kills):
        sys.stdout.flush()
        before = lines(folder)
        alive = killed(folder, moments.randrange(14), moments.uniform(0, 0.005))
        after = lines(folder)
        kept = after[: len(before) - len(before) % 2] == before[: len(before) - len(before) % 2]
        sys.stdout.write(f"{len(after)} {kept} {len(alive)}\n")
    sys.stdout.flush()
    pid, _ = begin(folder)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
