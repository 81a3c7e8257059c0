"""Several workers of PyTorch: DistributedDataParallel over gloo, on the loopback interface."""

import msgspec
import pytest
from trained_together import differences, train, weights_together

from dlbench.spec import Spec
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed

SPEC = Spec(
    plugin="torch.mlp", phase="train", path="eager", size="small", task="synthetic", batch_size=8, threads=1, workers=2
)


def test_two_workers_have_equal_weights_and_listen_to_nobody_else():
    built, closed, listening = train(SPEC)
    assert built.info.details["workers"] == "2, DistributedDataParallel over gloo"
    assert [one.threads for one in closed.ranks] == [1, 1]
    assert len({one.weights for one in closed.ranks}) == 1
    assert listening.addresses == {"127.0.0.1"}
    assert listening.elsewhere == set()


@pytest.mark.slow
@pytest.mark.parametrize(("plugin", "count"), [("torch.cnn", 2), ("torch.mlp", 4)])
def test_strong_scaling_trains_as_one_worker_does(plugin, count, tmp_path):
    spec = msgspec.structs.replace(SPEC, plugin=plugin, workers=count, scaling="strong")
    between, from_one = differences(weights_together(spec, tmp_path))
    assert between == 0.0
    assert from_one < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": "jit"}, "path jit with several workers: .* choose --path eager"),
        ({"plugin": "torch.gan", "task": "synthetic_gan"}, "several losses with several workers"),
        ({"device": "gpu"}, "gpu:0"),
    ],
)
def test_what_it_cannot_do_together_is_unsupported(changes, reason):
    with pytest.raises(ChildError, match=reason) as failed:
        train(msgspec.structs.replace(SPEC, **changes))
    assert failed.value.status == "unsupported"
