"""Several workers of TensorFlow: MultiWorkerMirroredStrategy with the plugin's own step, on the loopback interface."""

import msgspec
import pytest
from trained_together import differences, train, weights_together

from dlbench.spec import Spec
from dlbench.workers.child import ChildError

pytestmark = [pytest.mark.untimed, pytest.mark.slow]

SPEC = Spec(
    plugin="tf.mlp", phase="train", path="graph", size="small", task="synthetic", batch_size=8, threads=1, workers=2
)


@pytest.mark.parametrize("path", ["graph", "eager"])
def test_two_workers_have_equal_weights_and_listen_to_nobody_else(path):
    built, closed, listening = train(msgspec.structs.replace(SPEC, path=path))
    assert built.info.details["workers"] == "2, MultiWorkerMirroredStrategy over gRPC"
    assert [one.threads for one in closed.ranks] == [1, 1]
    assert len({one.weights for one in closed.ranks}) == 1
    assert len(listening.here) == 2
    assert listening.elsewhere == set()


@pytest.mark.parametrize(("plugin", "count"), [("tf.cnn", 2), ("tf.mlp", 4)])
def test_strong_scaling_trains_as_one_worker_does(plugin, count, tmp_path):
    spec = msgspec.structs.replace(SPEC, plugin=plugin, workers=count, scaling="strong")
    between, from_one = differences(weights_together(spec, tmp_path))
    assert between == 0.0
    assert from_one < 1e-4


def test_a_step_of_xla_is_unsupported():
    with pytest.raises(ChildError, match=r"path jit with several workers: .* choose --path graph") as failed:
        train(msgspec.structs.replace(SPEC, path="jit"))
    assert failed.value.status == "unsupported"
