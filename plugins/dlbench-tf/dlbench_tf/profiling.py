"""Profiles with TensorFlow's own profiler: operations of Python and of graphs, and the thunks of XLA's programs.

The profiler writes a file of planes (XPlane), which TensorFlow's wheel can read: a line of a plane is a thread or a
stream, and an event has a name and statistics, which hold an eager operation's type and the name of an XLA thunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from dlbench.plugin import STEP, Category, ProfileEvent
from dlbench.plugin_kit import (
    Instructions,
    LayerOf,
    Recorded,
    instructions_of,
    layer_finder,
    name_of_thunk,
    with_tails,
    xplanes,
)
from dlbench_tf import profile_names

RUN = "ExecutorState::Process"
"""Beginning of the name of the span around a run of the executor."""
_TRACED = {"eager_op", "is_func", "hlo_op", "tf_function_call"}
"""Statistics of an event that tell what it is."""


class _Told(NamedTuple):
    """Facts of operations by their names: of the instructions of XLA, and of the nodes of a graph."""

    instructions: Instructions
    layer_of: LayerOf


def events(
    step: Callable[[], None], programs: Sequence[str] = (), parameters: Iterable[str] = ()
) -> list[ProfileEvent]:
    """Call the step under the profiler; `programs` in HLO say the FLOPs of their instructions, and their layers.

    Raises Unsupported if another tool profiles already.
    """
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
    profiler = tf.profiler.experimental
    files = xplanes(step, "TensorFlow", partial(profiler.start, options=options), profiler.Trace, profiler.stop)
    layer_of = layer_finder(parameters)
    told = _Told(instructions_of(programs, layer_of), layer_of)
    return [one for file in files for one in with_tails(_of_file(file, told))]


def _of_file(file: bytes, told: _Told) -> Iterator[Recorded]:
    space = xplane_pb2.XSpace()
    space.ParseFromString(file)
    for number, plane in enumerate(space.planes):
        if plane.name.startswith("/host:CPU") or plane.name.startswith("/device:GPU"):
            for line in plane.lines:
                yield from _of_line(plane, line, number << 48 ^ (line.id & 0xFFFFFFFF), told)


class _Kind(NamedTuple):
    """Name and category of an event, and the number of operations in it."""

    name: str
    category: Category
    calls: int = 1


def _of_line(plane: Any, line: Any, thread: int, told: _Told) -> Iterator[Recorded]:
    """The events of a thread; a kernel has the type of the operation that Python asked for around it."""
    operation, until = "", 0
    ordered = sorted(line.events, key=lambda one: (one.offset_ps, -one.duration_ps))
    for event, end in zip(ordered, _ends(plane, ordered), strict=True):
        if not event.duration_ps:
            continue
        known = plane.event_metadata[event.metadata_id]
        said = _said(plane, event)
        if "eager_op" in said:
            operation = "" if said.get("is_func") else str(said["eager_op"])
            until = event.offset_ps + event.duration_ps
        inside = operation if event.offset_ps < until else ""
        on_device = plane.name.startswith("/device")
        kind = _kind(known.name, known.display_name, said, inside, told if not on_device else None)
        found = ProfileEvent(
            name=kind.name,
            category=kind.category,
            count=kind.calls,
            start=line.timestamp_ns * 1e-9 + event.offset_ps * 1e-12,
            seconds=(end - event.offset_ps) * 1e-12,
            thread=thread,
            shapes=told.instructions.reads(str(said.get("hlo_op"))),
            flops=told.instructions.flops.get(str(said.get("hlo_op"))),
            layer=_layer(known.name, said, told) if kind.calls else "",
        )
        yield Recorded(found, known.name if known.name.startswith("end: ") else str(said.get("hlo_op", "")))


def _ends(plane: Any, events: Sequence[Any]) -> list[int]:
    """The end of each event of a thread in picoseconds.

    TensorFlow closes the span of a run of its executor some time after the thread has begun the next run, so that the
    two overlap: the earlier one ends where the later one begins.
    """
    ends = [one.offset_ps + one.duration_ps for one in events]
    running: list[int] = []
    for at, one in enumerate(events):
        if plane.event_metadata[one.metadata_id].name.startswith(RUN):
            running = [before for before in running if ends[before] > one.offset_ps]
            for before in running:
                ends[before] = one.offset_ps if ends[before] < ends[at] else ends[before]
            running.append(at)
    return ends


def _layer(name: str, said: Mapping[str, Any], told: _Told) -> str:
    """The layer of an operation: of XLA's by its instruction, of a graph's by its node `dense0/MatMul:MatMul`."""
    if "hlo_op" in said:
        return told.instructions.layers.get(str(said["hlo_op"]), "")
    return told.layer_of(name.rpartition(":")[0])


def _said(plane: Any, event: Any) -> dict[str, Any]:
    """The statistics of an event that we read."""
    found: dict[str, Any] = {}
    for stat in event.stats:
        name = plane.stat_metadata[stat.metadata_id].name
        if name in _TRACED:
            value = getattr(stat, stat.WhichOneof("value"))
            found[name] = plane.stat_metadata[value].name if stat.WhichOneof("value") == "ref_value" else value
    return found


def _kind(name: str, kind: str, said: dict[str, Any], inside: str, told: _Told | None) -> _Kind:  # noqa: PLR0911 (one return a kind)
    """The kind of an event of a thread, or, where nothing is told, of a device."""
    if name == STEP:
        return _Kind(STEP, "Python", 0)
    if told is None:
        return _Kind(name, profile_names.of_kernel(name))
    if "hlo_op" in said:
        instruction = str(said["hlo_op"])
        return _Kind(name_of_thunk(instruction), told.instructions.category(instruction))
    if "tf_function_call" in said:
        return _Kind("tf.function", "dispatch", 0)
    if name.startswith("end: "):
        return _Kind("end of a thunk", "dispatch", 0)
    if name == "KernelAndDeviceFunc::Run" and inside:
        return _Kind(inside, profile_names.of_operation(inside))
    if kind and name.endswith(f":{kind}") and not kind.startswith("__"):
        return _Kind(kind, profile_names.of_operation(kind))
    return _Kind(*profile_names.of_span(name), 0)
