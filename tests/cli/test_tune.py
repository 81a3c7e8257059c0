"""`dlbench tune`: refusals in one line, the dry run, the page, the largest batch of a known program, a real race."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import msgspec
import pytest
from command import SHORT

from dlbench.api.tune import state
from dlbench.api.tune.batch import ANSWER_FILE
from dlbench.cli import main as command_line
from dlbench.errors import RecordError, SpecError
from dlbench.report import tuning as page
from dlbench.stats.bisection.decisions import Known
from dlbench.stats.tuning.answer import Place, Setting, Tuning, front

pytestmark = pytest.mark.untimed

LINEAR = ("--plugin", "fake.linear")
GRID = (*LINEAR, "--batch-size", "8,64", "--steps-per-call", "1,4")


def run(*words):
    return command_line.cli.main([str(word) for word in words], standalone_mode=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is measured; give --plugin"),
        (LINEAR, "there is one setting, the default, and nothing to choose from; give several values of --threads"),
        ((*LINEAR, "--batch-size", "32"), "there is one setting"),
        ((*GRID, "--plugin", "twin.linear"), "--plugin has 2 values; a race is of one model"),
        (
            ("--plugin", "*.linear", "--threads", "1,2"),
            "values of --plugin (fake.linear, naughty.linear, twin.linear); a race is of one model on one task: give",
        ),
        ((*GRID, "--phase", "train,predict"), "--phase has 2 values"),
        ((*GRID, "--phase", "converge"), "--phase converge has no samples per second"),
        ((*GRID, "--phase", "sleep"), "'sleep' is none of train, predict, converge"),
        ((*GRID, "--metric", "speed"), "No such option"),
        ((*GRID, "--max-memory", "much"), "--max-memory: memory limit is 'much'"),
        ((*GRID, "--max-memory", "-4G"), "--max-memory: memory limit is '-4G'"),
        ((*GRID, "--max-error", "-1"), "max error is -1.0: it must be a number above 0"),
        ((*GRID, "--max-error", "nan"), "max error is nan"),
        ((*GRID, "--max-error", "small"), "'small' is not a valid float"),
        ((*GRID, "--max-latency", "20"), "max latency is '20': it must be a time above 0 with its unit, such as 20ms"),
        ((*GRID, "--max-latency", "-3ms"), "max latency is '-3ms'"),
        ((*GRID, "--max-latency", "0s"), "max latency is '0s'"),
        ((*GRID, "--budget", "0"), "budget is 0.0: it must be a number of seconds above 0"),
        ((*GRID, "--budget", "nan"), "budget is nan"),
        ((*GRID, "--timeout", "-1"), "timeout is -1.0"),
        ((*GRID, "--threads", "0,1"), "threads is 0: it must be between 1"),
        ((*GRID, "--threads", "many"), "'many' is not a whole number"),
        ((*GRID, "--phase", "predict"), "steps per call is 4: it must be 1 in the phase predict"),
        ((*LINEAR, "--largest-batch", "--max-memory", "900000G"), "--max-memory is 900,000 GiB, and "),
        ((*LINEAR, "--largest-batch", "--max-latency", "20ms"), "leave --max-latency out"),
        ((*LINEAR, "--largest-batch", "--max-error", "1e-3"), "leave --max-error out"),
        ((*LINEAR, "--largest-batch", "--budget", "10"), "leave --budget out"),
        ((*GRID, "--largest-batch"), "the largest batch is of one setting, and 4 are given"),
    ],
)
def test_what_makes_no_race_is_one_line(words, said):
    with pytest.raises(Exception, match=re.escape(said)):
        run("tune", "--dry-run", *words)


def test_a_dry_run_says_settings_groups_and_minutes(capsys):
    assert run("tune", "--dry-run", *GRID, "--threads", "1,2", "--max-memory", "1G") == 0
    said = capsys.readouterr().out
    assert "fake.linear, train: 9 settings" in said or "fake.linear, train: 10 settings" in said
    assert "a group of all settings, 2 of the 8 fastest, up to 15 of those that are left" in said
    assert re.search(r"at least \d+ processes, about \d+ minutes", said)
    assert "limit --max-memory 1.00 GiB" in said
    assert "threads 1, batch size 64, steps per call 4" in said


def test_a_variant_without_settings_is_the_default(capsys):
    run("tune", "--dry-run", *LINEAR, "--variant", "base=", "--variant", "half=products:bf16")
    assert ": 2 settings; the default is variant base" in capsys.readouterr().out


def test_a_folder_without_a_race_cannot_be_resumed(tmp_path):
    with pytest.raises(RecordError, match="holds no race"):
        run("tune", "--resume", tmp_path)


@pytest.mark.parametrize("more", [("--threads", "1"), ("--max-memory", "1G"), ("--largest-batch",)])
def test_a_race_that_goes_on_takes_no_other_words(more, tmp_path):
    state.begin(tmp_path, GRID)
    with pytest.raises(SpecError, match="--resume goes on with a race as it was asked; leave"):
        run("tune", "--resume", tmp_path, *more)
    with pytest.raises(RecordError, match="already holds a race; --resume it"):
        run("tune", *GRID, "--out", tmp_path)


def test_a_largest_batch_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr("dlbench.api.tune.batch.Peaks", None)  # nothing is measured
    (tmp_path / ANSWER_FILE).write_text("{}")
    with pytest.raises(RecordError, match="already holds a largest batch; give another --out"):
        run("tune", *LINEAR, "--largest-batch", "--out", tmp_path)
    assert (tmp_path / ANSWER_FILE).read_text() == "{}"


def test_the_help_says_which_phase_is_timed(capsys):
    run("tune", "--help")
    assert "train or predict; train unless given" in " ".join(capsys.readouterr().out.split())


def arm(name, throughput, latency, **more):
    return Setting(name=name, axes={"path": name}, groups=4, throughput=throughput, latency=latency, **more)


FOUND = Tuning(
    subject="torch.mlp small",
    phase="train",
    status="found",
    default="path eager",
    chosen="path jit",
    recommended="path jit",
    proven=True,
    speedup=Known(1.5, 1.4, 1.6, 6),
    alike=("path graph",),
    arms=(
        arm("path eager", 1000.0, 0.032, left="slower", ratio=Known(1.5, 1.4, 1.6, 4), memory=2**28, front=False),
        arm("path jit", 1500.0, 0.02, front=True, error=1e-6),
        arm("path graph", 1490.0, 0.021),
        Setting(name="path other", axes={}, groups=0, left="failed", reason="crashed: signal 11"),
    ),
    limits=("--max-error 0.001",),
    groups=4,
    processes=30,
    command="dlbench run --plugin torch.mlp --path jit",
    settings=("path: jit",),
)


def test_the_page_says_the_answer_first_and_every_reason():
    text = page.text(FOUND)
    assert "fastest: path jit: 1.5 (1.4-1.6) times the speed of the default (path eager), in fresh processes" in text
    assert "within 1% of it by their means, or faster: path graph" in text
    assert "failed: crashed: signal 11" in text
    assert "1 surely slower, 1 failed" in text
    assert page.html(FOUND).count("<!DOCTYPE html>") == 1


def test_a_default_that_leads_unproven_is_not_called_the_best():
    leads = msgspec.structs.replace(FOUND, status="default", chosen="path eager", recommended="path eager")
    assert "the default is best: path eager" in page.text(leads)
    text = page.text(msgspec.structs.replace(leads, proven=False))
    assert "the default is the fastest so far: path eager" in text
    assert "is best" not in text


def test_the_picture_marks_the_chosen_setting():
    drawn = page.picture([one for one in FOUND.arms if one.latency], FOUND.chosen)
    assert drawn.count("*") == 2  # one in the picture, one that explains it
    assert "1,500 samples/s" in drawn
    assert "32.0 ms" in drawn


def test_the_front_is_of_those_that_nothing_beats():
    places = [Place(10.0, 1.0), Place(20.0, 2.0), Place(15.0, 2.0), None, Place(20.0, 2.0)]
    assert front(places) == [True, True, False, False, True]


HUNGRY = '''"""A program whose memory is known: {each} bytes for each sample, all of them touched."""

import numpy as np

from dlbench.plugin import ModelInfo


class Hungry:
    """Holds its samples."""

    def build(self, request):
        """Take the memory."""
        self._outputs = np.zeros(request.signature.outputs.shape, np.float32)
        self._held = np.ones((request.spec.batch_size, {each}), np.uint8)
        return ModelInfo(parameter_count=0, device="cpu", precision="fp32", path="eager", versions={{"numpy": "2"}})

    def train_step(self, batch):
        """Nothing."""
        return float(self._held[0, 0])

    def predict(self, inputs):
        """Nothing."""
        return self._outputs
'''


def test_the_largest_batch_of_a_program_whose_memory_is_known(tmp_path):
    each, limit = 1 << 18, 1 << 30
    info = tmp_path / "hungry-1.dist-info"
    info.mkdir()
    (tmp_path / "hungry.py").write_text(HUNGRY.format(each=each))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hungry\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[dlbench.plugins]\nhungry.net = hungry:Hungry\n")
    words = ["tune", "--largest-batch", "--plugin", "hungry.net", "--task", "line", "--phase", "predict"]
    done = subprocess.run(
        [*SHORT, *words, "--batch-size", "32", "--max-memory", "1G", "--json", "--out", "out"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    smallest = found["measured"][0]
    true = (limit - (smallest[1] - smallest[0] * each)) / each
    assert 0.97 * true <= found["batch_size"] <= 1.03 * true
    assert max(peak for _, peak in found["measured"]) <= 1.01 * limit
    assert f"--batch-size {found['batch_size']}" in found["command"]


@pytest.mark.slow
def test_a_real_race_of_the_fake_plugin(tmp_path):
    words = ["tune", *LINEAR, "--threads", "1", "--batch-size", "4,64,256", "--json", "--out", "out"]
    done = subprocess.run([*SHORT, *words], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == "found"
    assert "batch size 256" in found["chosen"]
    assert found["speedup"]["low"] > 1
    again = subprocess.run(
        [sys.executable, "-m", "dlbench", "tune", "--resume", "out", "--quiet"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert again.returncode == 0, again.stderr
