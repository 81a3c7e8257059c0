"""A child without a process: it answers every order as a good one would, until it is told to fail."""

from dlbench.plugin import ModelInfo
from dlbench.record.schema import Environment, Load, PhaseMemory, PhaseTime, Sample, TaskInfo
from dlbench.spec import Spec
from dlbench.workers.protocol import Built, Closed, Evaluated, Settled, Stepped, Taken

SPEC = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
BUILT = Built(
    info=ModelInfo(parameter_count=9, device="cpu", precision="fp32", path="eager"),
    task=TaskInfo(
        name="line",
        data="made",
        sha256="0",
        metric="error",
        unit="",
        higher_is_better=False,
        target=0.1,
        budget_steps=120,
    ),
    evaluate_every=50,
    flops_per_step=100.0,
    times=[PhaseTime(phase="import", seconds=1.0), PhaseTime(phase="build", seconds=0.5)],
    memory=[
        PhaseMemory(phase="import", peak_bytes=100, resident_bytes=90),
        PhaseMemory(phase="build", peak_bytes=120, resident_bytes=110),
    ],
    environment=Environment(
        cpu="",
        cpu_vendor="",
        cores=1,
        memory_bytes=1,
        system="",
        python="",
        packages={},
        variables={},
        memory_method="",
    ),
)


class ScriptedChild:
    """Keeps every order; steps last `step_seconds`, and the `after`-th order of the kind `fails_at` fails."""

    def __init__(self, step_seconds=0.002, settled=True, quiet=True, fails_at="", error=None, after=0):
        self.step_seconds, self.settled, self.quiet = step_seconds, settled, quiet
        self.fails_at, self.error, self.after = fails_at, error, after
        self.orders, self.begun, self.closed = [], [], False
        self.helpers = self.helper_step = 0.0

    @property
    def asked(self):
        return [type(order).__name__ for order in self.orders]

    def begin(self, *orders):
        self.begun += orders

    def request(self, order, kind):
        self.orders.append(order)
        name = type(order).__name__
        if name == self.fails_at and self.asked.count(name) > self.after:
            raise self.error
        return getattr(self, f"_{name.lower()}")(order)

    def wait_until_idle(self):
        return self.quiet

    def helper_seconds(self):
        self.helpers += self.helper_step
        return self.helpers

    def output_tail(self):
        return "last words"

    def close(self):
        self.closed = True

    def _build(self, order):
        return BUILT

    def _first(self, order):
        return Stepped(time=PhaseTime(phase="first_step", seconds=2.0), memory=self._memory("first_step"), loss=1.0)

    def _settle(self, order):
        return Settled(steps=10, settled=self.settled, samples=[self._sample("warm-up", 1) for _ in range(3)])

    def _take(self, order):
        return Taken(samples=[self._sample(order.stage, order.steps) for _ in range(order.count)], loss=0.5)

    def _evaluate(self, order):
        return Evaluated(quality=0.2)

    def _close(self, order):
        return Closed(memory=self._memory("train"), load=Load(), compilation=None)

    def _sample(self, stage, steps):
        return Sample(stage=stage, steps=steps, seconds=steps * self.step_seconds, cpu_seconds=0.0)

    def _memory(self, phase):
        return PhaseMemory(phase=phase, peak_bytes=130, resident_bytes=120)
