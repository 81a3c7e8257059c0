"""The child: orders in, replies out, one JSON line each way, until `close` or the end of its orders.

Run as `python -m dlbench.workers.worker ORDERS REPLIES`, two descriptors that no program inherits which the plugin
starts. The standard streams are the plugin's: an empty input, and an output whose end is kept.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import msgspec

from dlbench import architectures
from dlbench.measure import audit, settings, sources, tamper
from dlbench.measure import timing as measure
from dlbench.measure.build import Prepared, build_checked, prepare
from dlbench.measure.digest import Digest
from dlbench.measure.model import MeasuredModel, settle
from dlbench.plugin import ModelInfo
from dlbench.record.schema import Environment, PhaseTime, Sample, Stage
from dlbench.registry import adaptors
from dlbench.spec import Spec
from dlbench.system import environment, memory, nvml, variables, waiting
from dlbench.system.load import LoadMeter
from dlbench.system.nvml import GpuSampler
from dlbench.system.witness import Witness
from dlbench.workers.child import ChildError
from dlbench.workers.failing import failed, print_traceback
from dlbench.workers.functions import perform
from dlbench.workers.part import Part, stand
from dlbench.workers.protocol import (
    CUT_OFF,
    Build,
    Built,
    Call,
    Close,
    Closed,
    Evaluate,
    Evaluated,
    Failed,
    First,
    Follow,
    Request,
    Response,
    Settle,
    Settled,
    Stepped,
    Take,
    Taken,
    to_line,
    to_request,
)

_CLOCK = measure.Clock(waits=waiting.counter)


class Worker:
    """One model in this process, and the requests to it; the first of several workers leads the others.

    `tell` sends a reply beside the turn of requests and replies: that another worker has ended.
    """

    def __init__(self, tell: Callable[[Response], object] = lambda _: None) -> None:
        self._load, self._tell = LoadMeter(), tell
        self.loaded = False

    def handle(self, order: Request) -> Response:
        """Carry out one order. Raises whatever the plugin raises, and ContractViolation where it changed a clock."""
        reply = self._reply(order)
        if not isinstance(reply, Stepped | Settled | Taken | Closed):
            return reply
        sampler = getattr(self, "_sampler", None)
        tamper.require_untouched(self._spec.plugin, () if sampler is None else (sampler.watch,))
        return msgspec.structs.replace(reply, clock=_CLOCK.wall())

    def _reply(self, order: Request) -> Response:  # noqa: C901, PLR0911 (one return an order)
        match order:
            case Build():
                return self._build(order)
            case First():
                return self._first()
            case Settle():
                return self._settle(order)
            case Take():
                return self._take(order)
            case Evaluate():
                return Evaluated(quality=self._subject.quality())
            case Call():
                return perform(order)
            case Follow():
                return self._part.follow(order, self._subject, self._witness, self._info)
            case Close():
                compile_again = order.compile_again and self._spec.path == "jit"
                return self._close(compile_again=compile_again, multiply=order.multiply)

    def _build(self, order: Build) -> Built:
        spec = order.spec
        sources.look_before(spec)
        part = self._part = Part(order, self._give_up)
        marks = [memory.mark("start")]
        self._witness = Witness()
        start = time.perf_counter()
        plugin = adaptors.load_plugin(spec)
        imported = time.perf_counter()
        marks.append(memory.mark("import"))
        code = sources.of_spec(spec)
        prepared = part.prepare(plugin)
        spec = prepared.request.spec
        marks.append(memory.mark("task"))
        self.loaded = True
        building = time.perf_counter()
        info = build_checked(plugin, prepared.request)
        tamper.require_untouched(spec.plugin)  # before the reply holds times of a changed clock
        built = time.perf_counter()
        self._spec, self._plugin, self._subject = spec, plugin, MeasuredModel(spec, prepared)
        self._info, self._flops = info, _flops(prepared, spec)
        self._steady: list[float] = []
        marks = part.built([*marks, self._subject.mark("build")])
        self._sampler = part.sampler(self._subject, _CLOCK, spec.steps_per_call)
        self._gpu = GpuSampler(info.device)
        return Built(
            info=info,
            task=prepared.task.info,
            evaluate_every=prepared.task.evaluate_every,
            flops_per_step=part.of_all(self._flops),
            times=[_time("import", imported - start), _time("build", built - building)],
            memory=marks,
            environment=_environment(spec, info, plugin),
            code=[*code, *sources.of_local(info.versions, code)],
        )

    def _first(self) -> Stepped:
        timing = self._sampler.take(1)
        self._subject.check()
        mark = self._part.mark(self._subject.mark("first_step"))
        self._subject.warmed_up()
        settings.taken(self._spec, self._plugin)
        self._digest_first()
        stand(self._witness)
        return Stepped(time=_time("first_step", timing.seconds), memory=mark, loss=self._subject.loss)

    def _digest_first(self) -> None:
        """Digest of the first call and its update; the memory that exporting takes is in no figure."""
        self._digest = Digest()
        if self._spec.timed:
            self._digest.add(self._subject.seen)
            self._digest.add_values(self._subject.exported, self._info.parameter_count)
            self._subject.mark("digest")

    def _settle(self, order: Settle) -> Settled:
        if order.processors:
            self._witness.move(order.processors)
        found = settle(self._sampler, order.policy, lambda: self._digest.add(self._subject.seen))
        self._subject.warmed_up()
        samples = [_sample("warm-up", one) for one in found.timings]
        steps = found.turn_steps if order.in_turns else found.steps
        return Settled(steps=steps, settled=found.settled, samples=samples, digest=self._digest.text)

    def _take(self, order: Take) -> Taken:
        if order.untimed:
            self._sampler.take(order.untimed)
        take = partial(self._sampler.take, order.steps, waits=order.stage == "steady")
        samples = [_sample(order.stage, take()) for _ in range(order.count)]
        self._steady += [one.seconds / one.steps for one in samples if one.stage == "steady"]
        self._gpu.sample()
        self._subject.check()
        return Taken(samples=samples, loss=self._subject.loss)

    def _close(self, *, compile_again: bool, multiply: bool) -> Closed:
        mark = self._part.mark(self._subject.mark(self._spec.phase))
        load = msgspec.structs.replace(self._load.read(), gpu=self._gpu.summary())
        actual, compilation = self._witness.read(), self._subject.compilation()
        actual = msgspec.structs.replace(actual, taken_in=self._subject.taken_in())
        flops = self._part.of_all(self._subject.flops_per_step())
        closed = Closed(
            memory=mark,
            load=load,
            compilation=compilation,
            actual=actual,
            flops_per_step=flops,
            settings=settings.taken(self._spec, self._plugin),
        )
        if self._part.leads:
            return msgspec.structs.replace(closed, ranks=self._part.leave(self._witness, self._info))
        if not self._spec.timed:
            return closed
        audit.audit(self._spec, self._plugin, self._subject, self._info)
        peak = self._subject.peak_flop_rate(self._flops or flops, self._steady) if multiply else None
        times = [_time("first_step_warm", self._first_again())] if compile_again else []
        return msgspec.structs.replace(closed, times=times, peak_flop_rate=peak)

    def cause(self, error: BaseException) -> BaseException:
        """The error, or the end of another worker that led to it."""
        part: Part | None = getattr(self, "_part", None)
        return error if part is None else part.cause(error)

    def _give_up(self, error: ChildError) -> None:
        """End, from another thread, while this worker waits for one that has ended."""
        self._tell(failed(error, loading=False))
        os._exit(0)

    def _first_again(self) -> float:
        """Seconds of the first call of a second model of the same Spec: the compiler's caches are warm now."""
        del self._plugin, self._subject, self._sampler  # a device may hold no two models
        gc.collect()
        prepared = prepare(self._spec, adaptors.load_plugin(self._spec))
        build_checked(prepared.plugin, prepared.request)
        return MeasuredModel(self._spec, prepared).sampler().take(1).seconds


def answer(worker: Worker, line: bytes) -> Response:
    """The reply to one line of input; any exception of the plugin but Ctrl-C becomes `Failed`."""
    try:
        return worker.handle(to_request(line))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        print_traceback(error)
        return failed(worker.cause(error), loading=not worker.loaded)


def main(orders: int, replies: int) -> None:
    """Handle requests until told to close, or until the parent is gone."""
    for descriptor in (orders, replies):
        os.set_inheritable(descriptor, False)
        os.register_at_fork(after_in_child=partial(os.close, descriptor))
    try:
        with os.fdopen(orders, "rb") as lines, os.fdopen(replies, "wb") as answers:
            _serve(lines, answers)
    except OSError as error:
        print_traceback(error)
        os._exit(CUT_OFF)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)  # a plugin's threads and exit handlers cannot keep the child alive


def _serve(orders: BinaryIO, replies: BinaryIO) -> None:
    def tell(reply: Response) -> None:
        replies.write(_line(reply))
        replies.flush()

    worker = Worker(tell)
    for line in orders:
        try:
            reply = answer(worker, line)
        except KeyboardInterrupt as error:  # raised by the plugin: nobody else interrupts a child
            reply = failed(error)
        tell(reply)
        if isinstance(reply, Closed | Failed):
            return


def _line(reply: Response) -> bytes:
    """The reply, or why it cannot be written."""
    try:
        return to_line(reply)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        return to_line(failed(error))


def _time(phase: str, seconds: float) -> PhaseTime:
    return PhaseTime(phase=phase, seconds=seconds)


def _sample(stage: Stage, timing: measure.Timing) -> Sample:
    return Sample(stage=stage, **timing._asdict(), resident_bytes=memory.resident())


def _environment(spec: Spec, info: ModelInfo, plugin: object) -> Environment:
    found = environment.describe(info.versions, variables.declared(plugin, spec.plugin), spec.python)
    return msgspec.structs.replace(found, gpu_driver=nvml.version()) if info.device.startswith("gpu") else found


def _flops(prepared: Prepared, spec: Spec) -> float | None:
    """FLOPs of one step of this phase, if the core describes the architecture."""
    configuration = prepared.request.configuration
    return None if configuration is None else architectures.flops(configuration, prepared.task.signature, spec.phase)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
