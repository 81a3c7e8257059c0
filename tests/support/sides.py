"""Sides of a parity check, probed in the process of the tests or in ones of their own."""

from __future__ import annotations

import msgspec

from dlbench import architectures, registry
from dlbench.measure.build import prepare
from dlbench.parity import check
from dlbench.parity.probe import perturbed_losses, probe
from dlbench.parity.probing import Probing
from dlbench.spec import Spec

ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")


def spec(plugin, size="small", **changes):
    architecture = plugin.partition(".")[2]
    known = architectures.is_builtin(architecture)
    batch = architectures.configuration(architecture, size).batch_size if known else 32
    task = architectures.default_task(architecture) if known else "line"
    values = {"phase": "train", "path": "eager", "size": size, "task": task, "batch_size": batch, "threads": 1}
    return Spec(plugin=plugin, **values | changes)


def probed(asked, plugin=None, seed=0):
    asked = msgspec.structs.replace(asked, seed=seed)
    return probe(prepare(asked, plugin or registry.load(asked.plugin)), check.STEPS, gradients=True)


def moved_side(asked, plugin=None, seed=0):
    asked = msgspec.structs.replace(asked, seed=seed)
    return {"moved": perturbed_losses(prepare(asked, plugin or registry.load(asked.plugin)), check.STEPS)}


def failing(baseline, candidate):
    return [one.what for one in check.differences(baseline, candidate) if not one.holds]


def in_this_process(monkeypatch):
    """Have parity probe here, in a process that has both frameworks: importing them for 28 sides takes minutes."""

    def arrays(self, sides):
        return [_of_side(side, self.seeds) for side in sides]

    monkeypatch.setattr(Probing, "arrays", arrays)


def _of_side(side, seeds):
    of_one = moved_side if side.look == "moved" else probed
    of_seeds = {seed: of_one(side.spec, seed=seed) for seed in seeds}
    return {f"{seed}/{name}": array for seed, found in of_seeds.items() for name, array in found.items()}


def judged(asked, seeds):
    (found,) = check.check(asked, seeds, 600.0)
    assert found.reason == ""
    assert found.same, [one for one in found.differences if not one.holds]
    return {one.what.partition(" ")[0] for one in found.differences}
