"""Profiles with JAX's own profiler: the thunks of XLA's programs by their HLO names, kernels of a GPU, and dispatch.

The profiler writes a file of planes (XPlane), which JAX can read: a line of a plane is a thread or a stream. Each thunk
has a second event where it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import jax

from dlbench import plugin_kit as kit
from dlbench.plugin import STEP, Category, ProfileEvent

SPANS: tuple[tuple[str, Category], ...] = (
    (r"np\.asarray\(.*|.*(Wait|wait for|Block|Await).*", "waiting"),
    (
        r"end: .*|Pjit.*|\w*PjRt.*|Tfrt.*|ThunkExecutor.*|ParseArguments|Handle .*|DevicePut.*|Threadpool.*|"
        r".*(Execut|Buffer|Literal|Python|Allocat|Compile|Donat|Delinearize).*|while.*|call.*|conditional.*",
        "dispatch",
    ),
)
"""Spans around operations, by patterns of their whole names; the first that fits."""


def events(step: Callable[[], None], programs: Sequence[str] = (), names: Iterable[str] = ()) -> list[ProfileEvent]:
    """Call the step under the profiler; `programs` in HLO say the FLOPs of their instructions, and their layers.

    Layers are groups of parameters with these names.

    Raises Unsupported if another tool profiles already.
    """
    options = jax.profiler.ProfileOptions()
    options.host_tracer_level, options.python_tracer_level = 2, 0
    start = partial(jax.profiler.start_trace, profiler_options=options)
    files = kit.xplanes(step, "JAX", start, jax.profiler.TraceAnnotation, jax.profiler.stop_trace)
    told = kit.instructions_of(programs, kit.layer_finder(names))
    return [one for file in files for one in kit.with_tails(_of_file(file, told))]


def _of_file(file: bytes, told: kit.Instructions) -> Iterator[kit.Recorded]:
    for plane in jax.profiler.ProfileData.from_serialized_xspace(file).planes:
        on_device = plane.name.startswith("/device:GPU")
        if on_device or plane.name.startswith("/host:CPU"):
            for number, line in enumerate(plane.lines):
                for event in line.events:
                    if event.duration_ns > 0:
                        yield _event(event, hash((plane.name, number)), told, on_device=on_device)


def _event(event: Any, thread: int, told: kit.Instructions, *, on_device: bool) -> kit.Recorded:
    operation = next((str(value) for name, value in event.stats if name == "hlo_op"), "")
    name, count = event.name, 0
    instruction = name if name.startswith("end: ") else operation
    kind = "Python" if name == STEP else kit.category_by_pattern(SPANS, name)
    if (operation or on_device) and instruction == operation:
        kind = told.category(operation or name)
        name, count = kit.name_of_thunk(operation or name), 1
    found = ProfileEvent(
        name=name[:1000],
        category=kind,
        start=event.start_ns * 1e-9,
        seconds=event.duration_ns * 1e-9,
        thread=thread,
        count=count,
        shapes=told.reads(operation or event.name) if count else (),
        flops=told.flops.get(operation or event.name) if count else None,
        layer=told.layers.get(operation or event.name, "") if count else "",
    )
    return kit.Recorded(found, instruction)
