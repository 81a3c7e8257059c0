"""Several workers of JAX: a batch that is sharded over processes, on the loopback interface."""

import msgspec
import pytest
from trained_together import differences, train, weights_together

from dlbench.spec import Spec

pytestmark = [pytest.mark.untimed, pytest.mark.slow]

SPEC = Spec(
    plugin="jax.mlp", phase="train", path="jit", size="small", task="synthetic", batch_size=8, threads=1, workers=2
)


@pytest.mark.parametrize(("path", "steps"), [("jit", 1), ("jit", 3), ("eager", 1)])
def test_two_workers_have_equal_weights_and_listen_to_nobody_else(path, steps):
    built, closed, ports = train(msgspec.structs.replace(SPEC, path=path, steps_per_call=steps))
    assert built.info.details["workers"] == "2, sharded over processes, gloo"
    assert len({one.weights for one in closed.ranks}) == 1
    assert ports["elsewhere"] == set()


@pytest.mark.parametrize(("plugin", "count"), [("jax.cnn", 2), ("jax.mlp", 4)])
def test_strong_scaling_trains_as_one_worker_does(plugin, count, tmp_path):
    spec = msgspec.structs.replace(SPEC, plugin=plugin, workers=count, scaling="strong")
    between, from_one = differences(weights_together(spec, tmp_path))
    assert between == 0.0
    assert from_one < 1e-4
