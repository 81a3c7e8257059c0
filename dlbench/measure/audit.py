"""The audit of a model after its last sample: whether what was timed is what every step does.

It looks for steps that keep what they have seen, leave the model as it is, change their inputs, ignore their batch, or
work when the clock has stopped. Nothing of it stands within the clock of a sample. `dlbench check` asks the same, and
more.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from dlbench.errors import ContractViolation
from dlbench.measure import arrays, escapes, late, timing, whole_batch
from dlbench.measure.batches import BatchSource, RenewedBatches
from dlbench.measure.divergence import to_numbers
from dlbench.plugin import Batch, ExchangesParameters, ModelInfo, ModelPlugin, Synchronizes
from dlbench.spec import Spec
from dlbench.system import waiting

SAVED = 0.5
"""Share of the time of a call on a new batch below which one on a batch that was seen before saves its work."""
SAVED_SECONDS = 25e-6
"""Least that it saves: a new batch is in no cache of the processor, and a busy machine empties those that it is in. A
step of 9 microseconds took 24 on new batches there, in a process that had been forked."""
ROUNDS, AGAIN, ATTEMPTS = 5, 3, 3
"""Rounds of an attempt, passes over batches that were seen in each, and attempts, all of which must accuse.

The later ones rest before each pass: what staging has left to another thread is done before the clock starts.
"""
REPEATS = 3
"""Steps on one batch; loss scaling of fp16 may leave out the update of one."""
REST = 0.02
"""Seconds without work of the process that are a rest."""
LARGEST = 1 << 26
"""Parameters above which they are not copied to be compared: 256 MiB."""


SHORT = 0.05
"""Seconds of a call up to which it is repeated often enough to be timed by itself."""
PAIRS, QUICK = (3, *escapes.PAIRS), 0.005
"""Attempts at work past the barrier, by their pairs of samples: the first is short where a call is not QUICK."""


class Unseen(Protocol):
    """Hands out staged batches that no step has seen."""

    def fresh(self) -> Batch:
        """The next one."""
        ...


class Subject(Protocol):
    """The model after its last sample (`dlbench.measure.model.MeasuredModel`)."""

    feed: BatchSource

    def barrier(self, result: Any) -> None:
        """End a sample."""
        ...

    def drawn(self, call: int) -> Batch:
        """The batch of a call, not staged."""
        ...

    def staged(self, batch: Batch) -> Batch:
        """The batch where steps find it."""
        ...


Call = Callable[[Batch], Any]
Barrier = Callable[[Any], Any]
Pass = tuple[float, float]
_UNKNOWN: Pass = (math.inf, math.inf)
CLOCK = timing.Clock(waits=waiting.counter)
"""A clock that also counts waits for a core."""


def audit(spec: Spec, plugin: ModelPlugin, subject: Subject, info: ModelInfo) -> None:
    """Raise ContractViolation for the first thing that a timed step may not do."""
    feed = subject.feed
    if not isinstance(feed, RenewedBatches):
        return
    call: Call = plugin.train_step if spec.trains else lambda batch: plugin.predict(batch.inputs)
    problem = changed_inputs(call, subject.barrier, feed.fresh())
    seen = plugin if info.parameter_count <= LARGEST else None
    if not problem and spec.trains:
        problem = stands_still(seen, call, feed)
    if not problem and feed.longest > feed.size:
        problem = remembers(call, subject.barrier, lambda: [feed.fresh() for _ in range(feed.size)])
    problem = problem or _ignores_its_batch(spec, seen, call, subject)
    if not problem:
        sync = plugin.sync if isinstance(plugin, Synchronizes) else lambda: None
        way = _Way(call, _loss if spec.trains else np.asarray, sync, subject.barrier, feed.fresh)
        problem = _works_later(way, on_host=info.device == "cpu")
    if problem:
        raise ContractViolation(f"plugin {spec.plugin}: {problem}")


class _Way(NamedTuple):
    """A call, and how its result is read, waited for and ends a sample."""

    call: Call
    read: Call
    sync: Callable[[], object]
    barrier: Barrier
    fresh: Callable[[], Batch]

    def synced(self, batch: Batch) -> Any:
        """The result of a call that was waited for, not read."""
        result = self.call(batch)
        self.sync()
        return result


def _loss(result: Any) -> Any:
    return np.asarray(to_numbers(result))


def _ignores_its_batch(spec: Spec, plugin: object, call: Call, subject: Subject) -> str:
    """The fault of a call that gives the same for another half of a batch, with the parameters of before each."""
    if not spec.trains:
        predict: Call = lambda batch: np.array(call(subject.staged(batch)))  # noqa: E731
        return whole_batch.ignored(predict, subject.drawn)
    if not isinstance(plugin, ExchangesParameters):
        return ""
    start = plugin.export_parameters()

    def loss(batch: Batch) -> Any:
        plugin.import_parameters(start)
        return to_numbers(call(subject.staged(batch)))

    return whole_batch.ignored(loss, subject.drawn, axis=int(spec.steps_per_call > 1))


def _works_later(way: _Way, *, on_host: bool) -> str:
    """The fault of a call that leaves work until its result is read, or past the barrier."""
    take = partial(_take, way, way.fresh())
    seconds = escapes.seconds_of(take, 1)
    least = late.LEAST if seconds < SHORT else 1
    problem = late.left_undone(way.synced, way.read, way.fresh, on_host=on_host, least=least)
    if not problem and seconds < SHORT:
        problem = escapes.by_the_line(take, PAIRS if seconds > QUICK else PAIRS[1:])
    return problem or escapes.in_cpu_time(take)


def _take(way: _Way, batch: Batch, calls: int) -> None:
    for _ in range(calls):
        result = way.call(batch)
    way.barrier(result)


def changed_inputs(call: Call, barrier: Barrier, batch: Batch) -> str:
    """The sides of its batch that a call changed, in words; empty where it left it alone, or where nobody can look."""
    before = list(_values(batch))
    barrier(call(batch))
    names = [name for (name, old), (_, new) in zip(before, _values(batch), strict=True) if not np.array_equal(old, new)]
    return f"a step changed its {' and '.join(dict.fromkeys(names))} in place; work on a copy" if names else ""


def _values(batch: Batch) -> Iterator[tuple[str, Any]]:
    """Copies of what NumPy can see of a batch, each with the name of its side."""
    for name, side in zip(("inputs", "targets"), batch, strict=True):
        for part in arrays.parts(side):
            with contextlib.suppress(Exception):  # an array of another device, which refuses NumPy
                yield name, np.asarray(part).copy()


def stands_still(plugin: object, train: Call, feed: Unseen) -> str:
    """The fault of training that stands still when a batch comes again; empty where it goes on.

    Batches that are new come first, so that what is found of one that comes again is no property of the model.
    """
    moved_by_new = _moved(plugin, train, [feed.fresh() for _ in range(REPEATS)])
    again = feed.fresh()
    train(again)
    if moved_by_new and _moved(plugin, train, [again] * REPEATS) is False:
        return f"{REPEATS} steps on a batch that it had seen changed no parameter, and {REPEATS} on new ones did"
    return ""


def _moved(plugin: object, train: Call, batches: list[Batch]) -> bool | None:
    """True if steps on these batches moved parameters; None where nobody can look at them."""
    before = dict(plugin.export_parameters()) if isinstance(plugin, ExchangesParameters) else None
    for batch in batches:
        to_numbers(train(batch))
    if before is None or not isinstance(plugin, ExchangesParameters):
        return None
    after = plugin.export_parameters()
    return any(not np.array_equal(value, after[name]) for name, value in before.items())


def remembers(call: Call, barrier: Barrier, fresh: Callable[[], list[Batch]], rounds: int = ROUNDS) -> str:
    """The fault of calls that take a fraction of the time on batches that were seen before; empty where they do not.

    The fastest pass over new batches stands against the median of those over seen ones: a call that leaves out its work
    is fast in most passes, and on a busy machine an honest one is so in the luckiest alone, of which there are more
    among the seen. CPU time must say the same as the wall clock without waits for a core.
    """
    new, seen = _UNKNOWN, _UNKNOWN
    for attempt in range(ATTEMPTS):
        passes: dict[bool, list[Pass]] = {False: [], True: []}
        for _ in range(rounds):
            batches = fresh()
            for again in (False, *[True] * AGAIN):
                if attempt:
                    escapes.rest(REST)
                passes[again].append(_pass(call, barrier, batches))
        new, seen = (_each(pick, passes[again]) for pick, again in ((min, False), (statistics.median, True)))
        if any(again >= min(SAVED * once, once - SAVED_SECONDS) for again, once in zip(seen, new, strict=True)):
            return ""
    return (
        f"a call on a batch that it had seen takes {seen[0]:.3g} s and one on a new batch {new[0]:.3g} s: it keeps "
        "results or leaves out work; compute every step anew"
    )


def _each(pick: Callable[[list[float]], float], passes: list[Pass]) -> Pass:
    wall, cpu = (list(side) for side in zip(*passes, strict=True))
    return pick(wall), pick(cpu)


def _pass(call: Call, barrier: Barrier, batches: list[Batch]) -> Pass:
    """Seconds of a call on each of the batches in turn, ended by the barrier: wall without known waits, and CPU."""
    handed = iter(batches)
    found = timing.Sampler(lambda: call(next(handed)), barrier, clock=CLOCK).take(len(batches), waits=True)
    least = min(found.seconds, found.cpu_seconds)
    wall = max(least, found.seconds - (found.waited_seconds or 0.0))
    return wall / found.steps, found.cpu_seconds / found.steps
