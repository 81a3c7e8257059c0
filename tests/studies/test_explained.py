"""Children of the study of explanations: one that fails spoils no row but its own."""

import pytest

from dlbench.record.explanation import Profile
from dlbench.spec import Spec
from dlbench.workers.child import ChildError
from studies.explain import __main__ as study

pytestmark = pytest.mark.untimed
SPEC = Spec(plugin="a.mlp", path="eager", phase="train", task="line", size="small", batch_size=1, threads=1)


class Starter:
    """Children that are closed once each, and no more than one lives."""

    alive = 0
    begun = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert type(self).alive == 0

    def __call__(self, spec, policy):
        type(self).alive, type(self).begun = self.alive + 1, self.begun + 1
        assert self.alive == 1
        return self

    def close(self):
        type(self).alive -= 1


def test_a_new_child_takes_the_rows_after_one_that_failed(monkeypatch):
    broken = set()

    def call(child, function, spec, file):
        number = Starter.begun
        if spec.threads == 2 or number in broken:
            broken.add(number)
            raise ChildError("crash", "it died")
        return Profile(spec=spec, cost=1.0)

    monkeypatch.setattr(study, "Starter", Starter)
    monkeypatch.setattr(study, "call", call)
    bad = Spec(plugin="a.mlp", path="eager", phase="train", task="line", size="small", batch_size=1, threads=2)
    with study._child(SPEC) as take:
        assert [take(one).reason for one in (SPEC, bad, SPEC, SPEC)] == ["", "it died", "", ""]
    assert Starter.begun == 2
