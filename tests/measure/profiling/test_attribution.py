"""Every moment of a step is attributed once, to the work that goes on."""

from __future__ import annotations

import random

import msgspec
import pytest
from profiled import account, event, milliseconds, step

from dlbench.measure.profiling.attribution import Account, attribute, mean
from dlbench.measure.profiling.spans import window
from dlbench.plugin import STEP, ProfileEvent
from dlbench.record.explanation import Op

pytestmark = pytest.mark.untimed


def test_a_span_has_its_own_time_and_the_rest_of_the_thread_is_python() -> None:
    events = [step(10), event("wrapper", "dispatch", 1, 7), event("mm", "matrix product", 2, 5)]
    assert milliseconds(events) == {"Python": 4, "wrapper": 3, "mm": 3}


def test_work_owns_all_that_lies_within_it_but_host_spans_and_fused_code_do_not() -> None:
    inner = event("copy", "data movement", 2, 3)
    assert milliseconds([step(10), event("mm", "matrix product", 1, 5), inner]) == {"Python": 6, "mm": 4}
    assert milliseconds([step(10), event("graph", "fused code", 1, 5), inner])["copy"] == 1
    deep = [
        step(10),
        event("adam", "optimizer", 1, 9),
        event("op", "dispatch", 2, 8),
        event("mul", "elementwise", 3, 4),
    ]
    assert milliseconds(deep) == {"Python": 2, "adam": 8}


def test_a_step_that_calls_itself_work_owns_no_other_work() -> None:
    whole = event(STEP, "matrix product", 0, 10)
    assert milliseconds([whole, event("conv", "convolution", 1, 5)]) == {"Python": 6, "conv": 4}


def test_an_unattributed_name_stands_in_the_account() -> None:
    found = account([step(10), event("new_op", "unattributed", 1, 5)])
    assert found["unattributed", "new_op"].seconds == pytest.approx(4e-3)


def test_an_operation_that_takes_no_time_on_the_clock_is_a_call_all_the_same() -> None:
    work = event("mm", "matrix product", 1, 5)
    assert ("dispatch", "view") not in account([step(10), event("view", "dispatch", 2, 2), work])  # a part of it
    found = account([step(10), event("view", "dispatch", 6, 6), event("wake", "dispatch", 7, 7), work])
    assert [found["dispatch", name].count for name in ("view", "wake")] == [1, 1]
    assert found["Python", "Python"].seconds == pytest.approx(6e-3)


def test_an_event_that_ends_where_the_step_begins_is_none_of_it() -> None:
    events = [step(10), event("before", "loss", -5, 0, 2), event("mm", "loss", 1, 5)]
    assert set(account(events)) == {("Python", "Python"), ("loss", "mm")}
    assert attribute("a.b", window("a.b", events, 10e-3), 1).threads == 1


def test_threads_that_work_at_once_share_the_moment_and_are_busy_beside() -> None:
    events = [step(10), event("wait", "waiting", 0, 10), event("a", "loss", 2, 6, 2), event("b", "loss", 4, 8, 3)]
    found = account(events)
    assert found["loss", "a"].seconds == pytest.approx(3e-3)
    assert found["loss", "a"].busy == pytest.approx(4e-3)
    assert found["loss", "b"].seconds == pytest.approx(3e-3)
    assert found["gaps", "wait"].seconds == pytest.approx(4e-3)
    assert ("waiting", "wait") not in found


def at_barrier(events: list[ProfileEvent], barrier: float) -> dict[tuple[str, str], float]:
    """Milliseconds of each, where the last milliseconds of a step of ten wait for its result."""
    found = attribute("a.b", window("a.b", events, 10e-3, barrier * 1e-3), 1)
    return {(op.category, op.name): round(op.seconds * 1e3, 6) for op in found.ops}


def test_a_thread_in_no_span_waits_where_the_step_waits_for_others() -> None:
    events = [step(10), event("launch", "dispatch", 0, 1), event("mm", "matrix product", 2, 6, 2)]
    found = at_barrier(events, 7)
    assert found == {
        ("dispatch", "launch"): 1,
        ("Python", "Python"): 1,
        ("matrix product", "mm"): 4,
        ("gaps", "barrier"): 4,
    }
    assert ("gaps", "barrier") not in at_barrier(events, 0)


def test_a_thread_that_is_alone_does_not_wait_for_others() -> None:
    events = [step(10), event("mm", "matrix product", 2, 6)]
    assert at_barrier(events, 7) == {("Python", "Python"): 6, ("matrix product", "mm"): 4}


def test_dispatch_that_hides_behind_work_takes_no_wall_time() -> None:
    found = account([step(10), event("launch", "dispatch", 0, 6), event("mm", "matrix product", 2, 10, 2)])
    assert found["dispatch", "launch"].seconds == pytest.approx(2e-3)
    assert found["dispatch", "launch"].busy == pytest.approx(6e-3)
    assert found["matrix product", "mm"].seconds == pytest.approx(8e-3)


def test_calls_and_flops_are_counted_once_and_a_step() -> None:
    events = [step(10)]
    for start in (1, 3, 5, 7):
        events += [
            event("mm", "matrix product", start, start + 1, flops=8.0),
            event("t", "dispatch", start, start + 0.5),
        ]
    op = account(events, steps=2)["matrix product", "mm"]
    assert (op.count, op.flops) == (2, 16.0)


def test_shapes_tell_operations_of_one_name_apart() -> None:
    events = [step(10)]
    events += [event("mm", "loss", 1, 2, shapes=((2, 2),)), event("mm", "loss", 3, 5, shapes=((4, 4),))]
    window_ops = sorted(op.seconds for op in _ops(events) if op.name == "mm")
    assert window_ops == pytest.approx([1e-3, 2e-3])


def _ops(events):
    return attribute("a.b", window("a.b", events, events[0].seconds), 1).ops


@pytest.mark.parametrize("seed", range(20))
def test_all_of_the_step_is_attributed_once_however_threads_nest(seed: int) -> None:
    generator = random.Random(seed)
    kinds = ["matrix product", "dispatch", "waiting", "fused code", "unattributed", "guards"]
    events = [step(1000)]
    for thread in range(1, 5):
        events += _nested(generator, kinds, 0, 1000, thread, 4)
    assert sum(op.seconds for op in _ops(events)) == pytest.approx(1.0)
    assert all(op.seconds <= op.busy + 1e-12 for op in _ops(events) if op.category != "gaps")


def _nested(generator, kinds, start, end, thread, depth):
    at = start
    while depth and at < end:
        begin = generator.randint(at, end)
        stop = generator.randint(begin, end)
        if stop - begin > 1:
            yield event(f"{depth}", generator.choice(kinds), begin, stop, thread)
            yield from _nested(generator, kinds, begin, stop, thread, depth - 1)
        at = stop + 1


def with_views(recording):
    """The account of 49 ms of Python with 50 views of 0.02 ms in it, and 50 ms of mm, with seconds of recording."""
    views = [event("view", "dispatch", at, at + 0.02) for at in range(50)]
    events = [step(100), event("mm", "matrix product", 50, 100), *views]
    return {op.name: op for op in attribute("a.b", window("a.b", events, 0.1), 1, recording).ops}


def test_the_time_of_recording_events_is_taken_from_around_those_that_are_many():
    found = with_views(8e-3)
    assert sum(op.seconds for op in found.values()) == pytest.approx(0.1)
    left = 92  # of 49 ms Python gives 9 parts in 10 of all, and the views the tenth
    assert found["mm"].seconds == pytest.approx(0.05 * 100 / left, rel=0.01)
    assert found["Python"].seconds == pytest.approx((49 - 0.9 * 8) * 1e-3 * 100 / left, rel=0.02)
    assert found["view"].seconds == pytest.approx((1 - 0.1 * 8 * 50 / 51) * 1e-3 * 100 / left, rel=0.01)
    assert found["mm"].seconds <= found["mm"].busy + 1e-12


def test_recording_is_no_longer_than_the_shortest_events_have_time_for():
    """A step may take longer under a profiler for another reason: its pages are new, or a neighbour took the caches."""
    longest = 9.0 * 51 / 50  # of which a tenth lies within the views and leaves them a tenth of their time
    for recording in (2 * longest, 9 * longest):
        found = with_views(recording * 1e-3)
        assert found["Python"].seconds / found["mm"].seconds == pytest.approx((49 - 0.9 * longest) / 50, rel=0.01)
        assert found["view"].seconds / found["mm"].seconds == pytest.approx(0.1 / 50, rel=0.01)


def test_a_few_short_events_do_not_stand_for_the_recording_of_all():
    views = [event("view", "dispatch", at, at + 0.5) for at in range(50)]
    events = [step(100), event("t", "dispatch", 60, 60.001), event("mm", "matrix product", 61, 100), *views]
    found = {op.name: op.seconds for op in attribute("a.b", window("a.b", events, 0.1), 1, 20e-3).ops}
    assert found["view"] / found["mm"] == pytest.approx((25 - 2 * 50 / 52) / 39, rel=0.01)


def test_a_step_in_which_another_program_held_the_core_does_not_count():
    events, at = [step(87)], 0.0
    for number in range(5):
        for name, length in (("mm", 4), ("mm", 1), ("relu", 2)):
            length += 45 if (number, name, length) == (3, "relu", 2) else 0  # noqa: PLW2901
            events.append(event(name, "elementwise", at + 0.2, at + 0.2 + length))
            at += 0.2 + length
        at += 0.8
    found = {op.name: op.seconds * 1e3 for op in attribute("a.b", window("a.b", events, 0.087), 5).ops}
    assert sum(found.values()) == pytest.approx(87 / 5)
    assert found["mm"] / found["relu"] == pytest.approx(5 / 2)
    assert found["Python"] / found["relu"] == pytest.approx(1.4 / 2, rel=0.05)


def test_where_another_program_held_the_core_in_most_steps_the_own_time_of_the_step_tells_which():
    events, at = [step(334)], 0.0
    for number in range(10):
        for name, length in (("mm", 4), ("relu", 2)):
            length += 45 if name == "relu" and number % 5 > 1 else 0  # noqa: PLW2901
            events.append(event(name, "elementwise", at, at + length))
            at += length
    steps = window("a.b", events, 0.334)
    known = {op.name: op.seconds * 1e3 for op in attribute("a.b", steps, 10, own=0.064).ops}
    assert known["relu"] / known["mm"] == pytest.approx(2 / 4)
    assert sum(known.values()) == pytest.approx(33.4)
    unknown = {op.name: op.seconds for op in attribute("a.b", steps, 10).ops}
    assert unknown["relu"] / unknown["mm"] == pytest.approx(47 / 4)


def test_the_mean_of_accounts_is_scaled_to_the_step_of_the_first():
    quick, slow = ([step(10 * by), event("mm", "matrix product", 0, 4 * by + 2 * (by > 1))] for by in (1, 2))
    accounts = [attribute("a.b", window("a.b", events, events[0].seconds), 1) for events in (quick, slow)]
    found = {op.name: (op.seconds * 1e3, op.count) for op in mean(accounts).ops}
    assert found == {"mm": (pytest.approx(4.5), 1), "Python": (pytest.approx(5.5), 0)}


def test_calls_are_whole_unless_not_every_step_has_one() -> None:
    def calls(*counts: float) -> float:
        ops = [Op(name="mm", category="loss", count=count, seconds=1, busy=1) for count in counts]
        return mean([Account((one,), 1) for one in ops]).ops[0].count

    assert (calls(58.52), calls(2.95), calls(0.5), calls(2.5), calls(3, 4)) == (59, 3, 0.5, 2.5, 3.5)


def test_flops_of_rounds_with_other_counts_are_one_operation_with_their_mean():
    mm = [Op(name="mm", category="matrix product", count=by, seconds=1, busy=1, flops=100 * by) for by in (2, 2.05)]
    (found,) = mean([Account((one,), 1) for one in mm]).ops
    assert (found.count, found.flops) == (2, pytest.approx(200))
    unknown = msgspec.structs.replace(mm[0], flops=None)
    assert [op.flops for op in mean([Account((unknown,), 1)]).ops] == [None]


def recorded(seconds, *, events=1000):
    """The account of 10 ms of relu on 4 workers, and 10 ms of Python, with seconds of recording by all threads."""
    work = [
        event("relu", "elementwise", 10 * (at + 0.005) / events, 10 * (at + 0.995) / events, thread)
        for thread in range(2, 6)
        for at in range(events)
    ]
    events = [step(20), event("wait", "waiting", 0, 10), *work]
    return attribute("a.b", window("a.b", events, 20e-3), 1, seconds)


def test_recording_on_several_threads_takes_its_part_of_the_wall_time():
    found = {op.name: op.seconds * 1e3 for op in recorded(8e-3).ops}
    assert found["relu"] == pytest.approx(8.8, rel=0.03)
    assert found["Python"] == pytest.approx(10 * 20 / 18, rel=0.03)


def test_python_does_not_pay_for_the_recording_of_workers():
    apart = [event("relu", "elementwise", at, at + 5, 2) for at in (2, 8)]  # recorded beside Python, in no span
    events = [step(20), event("mm", "matrix product", 15, 20), *apart]
    found = {op.name: op for op in attribute("a.b", window("a.b", events, 20e-3), 1, 3e-3).ops}
    python = 5 * (1 - 0.9 / 15)  # what lies around mm; Python is busy for 15 ms, and 10 of them are relu's
    assert found["Python"].seconds * 1e3 == pytest.approx(python * 20 / (python + 4.9 + 9.8), rel=1e-3)


def test_short_events_of_a_worker_are_recorded_in_the_time_between_them():
    """0.1 of each lies within it, though nothing else of the thread could stand for the rest."""
    work = [event("dot", "matrix product", 4 * at * 1e-3, (4 * at + 2) * 1e-3, 2) for at in range(1000)]
    events = [step(4), event("wait", "waiting", 0, 4), *work]
    (dot,) = [op for op in attribute("a.b", window("a.b", events, 4e-3), 1, 1e-3).ops if op.name == "dot"]
    share = dot.seconds / 4e-3
    assert share == pytest.approx(1.9 / 3.9, rel=0.02)
