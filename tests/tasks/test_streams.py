"""Random streams: initial values and training batches depend on the data, the seed and the step alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dlbench import registry
from dlbench.measure.batches import StreamingBatches
from dlbench.measure.build import prepare
from dlbench.session.plan import expand
from dlbench.spec import Policy
from dlbench.tasks.targets import random_stream

pytestmark = pytest.mark.untimed

PLUGINS = ("tf.mlp", "torch.mlp", "tf.gru", "torch.gru")
PATHS = ("eager", "jit")


def digest(arrays):
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def drawn(plugins=PLUGINS, processes=3, paths=PATHS):
    """Initial values and first batches of each Spec, prepared in the order of a plan, by all that may decide them."""
    found = {}
    for spec in expand({"plugin": plugins, "phase": ["converge"], "path": paths}, Policy(processes=processes)):
        prepared = prepare(spec, registry.load("fake.linear"))
        batches = [prepared.task.batch(spec.seed, step) for step in range(3)]
        key = (spec.architecture, spec.seed)
        found.setdefault(key, set()).add(
            (digest(prepared.request.parameters.values()), *(digest(batch) for batch in batches))
        )
    return found


def test_frameworks_paths_processes_and_the_order_of_specs_change_no_batch_and_no_initial_value():
    found = drawn()
    assert len(found) == 2 * 3
    assert {len(values) for values in found.values()} == {1}
    assert len(set().union(*found.values())) == len(found)
    assert drawn(plugins=PLUGINS[::-1], paths=PATHS[::-1]) == found
    more = drawn(processes=5)
    assert {key: more[key] for key in found} == found
    assert drawn(plugins=PLUGINS[:1], processes=1, paths=PATHS[:1]).items() <= found.items()


def test_when_quality_is_looked_at_changes_no_batch():
    """Batches are staged before the clock starts, as many at a time as there are steps to the next look."""

    def staged(looks):
        stream = StreamingBatches(lambda call: call)
        taken = []
        for calls in looks:
            stream.ready(calls)
            taken += [next(stream.batches) for _ in range(calls)]
        return taken

    assert staged([1, 2, 3, 4]) == staged([10]) == list(range(10))


@pytest.mark.parametrize("key", ["a", "12", 1.0, None])
def test_a_key_of_a_stream_is_a_whole_number(key):
    with pytest.raises(TypeError):
        random_stream(0, key)
    with pytest.raises(ValueError, match="non-negative"):
        random_stream(-1)
    assert random_stream(np.int64(3)).random() == random_stream(3).random()
