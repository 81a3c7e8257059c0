"""Shares of several workers: every sample once, and under strong scaling the training of one worker."""

from __future__ import annotations

import threading

import msgspec
import numpy as np
import pytest

from dlbench.measure import shares
from dlbench.measure.build import build_checked, prepare, task_of
from dlbench.plugin import Peers
from dlbench.spec import InputSpec, ModelSource, Spec, workers
from dlbench.workers.ranks import free_addresses
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed

ONE = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=12, threads=1)
STRONG = msgspec.structs.replace(ONE, workers=3, scaling="strong")
WEAK = msgspec.structs.replace(ONE, workers=3)


def dealt(spec, step=1):
    """The batches of all workers at this step."""
    task = task_of(workers.share(spec))
    return [shares.dealt(spec, task, Peers(rank, 3, (), "")).batch(0, step) for rank in range(3)]


def test_workers_take_batches_in_turn_under_weak_scaling():
    task = task_of(ONE)
    for rank, batch in enumerate(dealt(WEAK)):
        assert np.array_equal(batch.inputs, task.batch(0, 3 + rank).inputs)


def test_workers_have_parts_of_one_batch_under_strong_scaling():
    parts = dealt(STRONG)
    assert [len(part.targets) for part in parts] == [4, 4, 4]
    for side in ("inputs", "targets"):
        whole = getattr(task_of(ONE).batch(0, 1), side)
        assert np.array_equal(np.concatenate([getattr(part, side) for part in parts]), whole)


def test_a_model_of_ones_own_gets_its_share_of_samples():
    source = ModelSource(reference="a.py:b", inputs=(InputSpec((12, 3)),), targets=InputSpec((12,), "int64", 2))
    own = workers.share(msgspec.structs.replace(STRONG, model=source)).model
    assert (own.inputs[0].shape, own.targets.shape, own.outputs) == ((4, 3), (4,), None)


def test_strong_scaling_trains_as_one_worker_does(tmp_path):
    found = [None] * 3
    addresses = tuple(free_addresses(3))

    def train(rank):
        plugin = LinearPlugin()
        prepared = shares.prepare_share(STRONG, plugin, Peers(rank, 3, addresses, str(tmp_path)))
        found[rank] = stepped(plugin, prepared)

    threads = [threading.Thread(target=train, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    plugin = LinearPlugin()
    alone = stepped(plugin, prepare(ONE, plugin))
    for weights in found:
        assert all(np.array_equal(weights[name], found[0][name]) for name in alone)
        assert all(np.allclose(weights[name], alone[name], rtol=0, atol=1e-6) for name in alone)


def stepped(plugin, prepared, steps=8):
    build_checked(plugin, prepared.request)
    start = plugin.export_parameters()
    for step in range(steps):
        plugin.train_step(prepared.task.batch(0, step))
    after = plugin.export_parameters()
    assert any(not np.allclose(start[name], after[name], atol=1e-3) for name in start)
    return after
