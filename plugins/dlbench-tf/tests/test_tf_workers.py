"""Several workers of TensorFlow, with the plugin's own step: a process each, or devices of one process."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from trained_together import differences, train, weights_together

from dlbench.session.variants import fit
from dlbench.spec import Spec, Variant
from dlbench.workers.child import ChildError
from dlbench_tf import settings

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


def mirrored(**changes):
    spec = msgspec.structs.replace(SPEC, **changes)
    variant = fit(spec, Variant("mirrored", (("strategy", "mirrored"),)), {"strategy": settings.STRATEGY})
    return msgspec.structs.replace(spec, variant=variant)


@pytest.mark.parametrize("path", ["graph", "eager"])
def test_devices_of_one_process_have_equal_weights_and_threads_of_their_own(path):
    built, closed, listening = train(mirrored(path=path, threads=2))
    said = "2, MirroredStrategy on CPU:0 and CPU:1 of one process"
    assert built.info.details["workers"] == said + (", each with a pool of 2" if sys.platform == "linux" else "")
    assert [(one.threads, one.device) for one in closed.ranks] == [(2, "cpu")] * 2
    assert len({one.weights for one in closed.ranks}) == 1
    assert closed.settings["strategy"] == "mirrored"
    assert listening.here == set()


@pytest.mark.parametrize(("plugin", "path"), [("tf.cnn", "graph"), ("tf.lstm", "graph"), ("tf.mlp", "eager")])
def test_devices_under_strong_scaling_train_as_one_worker_does(plugin, path, tmp_path):
    between, from_one = differences(weights_together(mirrored(plugin=plugin, path=path, scaling="strong"), tmp_path))
    assert between == 0.0
    assert from_one < 1e-4


def test_devices_and_processes_train_alike_on_the_same_batches(tmp_path):
    found = []
    for name, spec in (("devices", mirrored()), ("processes", SPEC)):
        (tmp_path / name).mkdir()
        found.append(weights_together(spec, tmp_path / name)[0])
    assert max(np.abs(found[0][name] - found[1][name]).max() for name in found[0]) < 1e-6


COUNTED = """
import sys, msgspec
from dlbench import architectures
from dlbench.measure import shares
from dlbench.measure.build import build_checked
from dlbench.registry import adaptors
from dlbench.spec import Spec
spec = msgspec.json.decode(sys.argv[1], type=Spec)
plugin = adaptors.load_plugin(spec)
prepared = shares.prepare_gathered(spec, plugin)
build_checked(plugin, prepared.request)
batch = prepared.task.batch(0, 0)
found = plugin.flops(batch if spec.data == "host" else plugin.stage(batch))
print(found, architectures.flops(prepared.request.configuration, prepared.task.signature, "predict"))
"""


@pytest.mark.parametrize("data", ["host", "device"])
def test_flops_are_those_of_all_devices_wherever_data_waits(data):
    words = [sys.executable, "-c", COUNTED, msgspec.json.encode(mirrored(plugin="tf.cnn", data=data)).decode()]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    counted, stated = map(float, done.stdout.split())
    assert counted == pytest.approx(stated, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": "jit"}, "path jit with strategy:mirrored: .* choose --path graph"),
        ({"steps_per_call": 2}, "2 steps a call with strategy:mirrored: .* leave --steps-per-call out"),
        ({"device": "gpu"}, "gpu"),
    ],
)
def test_steps_that_several_devices_do_not_have_are_unsupported(changes, reason):
    with pytest.raises(ChildError, match=reason) as failed:
        train(mirrored(**changes))
    assert failed.value.status == "unsupported"


def test_a_strategy_is_a_setting_of_several_workers_alone():
    assert settings.STRATEGY in settings.table(SPEC)
    assert settings.STRATEGY not in settings.table(msgspec.structs.replace(SPEC, workers=msgspec.UNSET))


def test_a_step_of_xla_is_unsupported():
    with pytest.raises(ChildError, match=r"path jit with several workers: .* choose --path graph") as failed:
        train(msgspec.structs.replace(SPEC, path="jit"))
    assert failed.value.status == "unsupported"
