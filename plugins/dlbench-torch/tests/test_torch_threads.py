"""CPU time of a step: of as many cores as there are threads."""

from __future__ import annotations

from dlbench.spec import Spec
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built, First, Stepped, Take, Taken


def test_a_run_of_one_thread_uses_one_core():
    spec = Spec(plugin="torch.mlp", phase="train", path="eager", size="base", task="digits", batch_size=1024, threads=1)
    child = fresh_child(1, timeout=120.0)
    child.request(Build(spec=spec), Built)
    child.request(First(), Stepped)
    (sample,) = child.request(Take(stage="steady", steps=10), Taken).samples
    child.close()
    assert sample.cpu_seconds <= 1.05 * sample.seconds
