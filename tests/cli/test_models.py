"""Models of one's own on the command line: plan, inferred facts, and each refusal in one line."""

from __future__ import annotations

import json
import sys

import pytest
from command import answered, dlbench, planned, refused, short
from distributions import leftover

pytestmark = pytest.mark.untimed


def test_a_model_is_measured_in_one_command_and_the_report_says_what_was_inferred(folder):
    done = short(
        "run", "--model", "own.py:Two", "--phase", "train", "--quick", "--out", "report", "--quiet", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    (run,) = map(json.loads, (folder / "report" / "runs.jsonl").read_text().splitlines())
    assert run["spec"]["plugin"] == "fake.Two"
    assert run["spec"]["batch_size"] == 16
    assert run["spec"]["model"]["inferred"] == [
        "framework fake, by the classes of the model",
        "inputs 16x2x4:float32, 16x4:float32",
        "targets 16:int64<2",
        "loss cross_entropy",
        "optimizer adam",
    ]
    assert run["flops_per_step"] == 3 * 2 * 16 * 12 * 2
    assert str(folder) not in json.dumps(run["spec"])
    page = (folder / "report" / "report.md").read_text()
    assert "- fake.Two is own.py:Two. Inferred: framework fake, by the classes of the model; inputs 16x2x4" in page
    assert "Their samples are synthetic" in page
    assert "\ndlbench run --model fake=own.py:Two --path eager --phase train --size small --batch-size 16 " in page


def test_targets_of_a_task_of_its_own_are_not_said_to_be_inferred(folder):
    arguments = ("--model", "own.py:One", "--task", "line", "--set", "outputs=1", "--phase", "train", "--input", "16x8")
    done = short("run", *arguments, "--quick", "--out", "report", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    (run,) = map(json.loads, (folder / "report" / "runs.jsonl").read_text().splitlines())
    assert run["spec"]["model"]["inferred"] == ["framework fake, by the classes of the model", "optimizer adam"]


def test_the_command_that_measures_it_again_holds_what_was_stated(folder):
    stated = ["--model", "fake=own.py:One", "--input", "16x8:float32", "--optimizer", "sgd:0.9", "--set", "outputs=4"]
    arguments = ("run", *stated, "--phase", "train", "--quick", "--out", "report", "--quiet")
    assert short(*arguments, cwd=folder).returncode == 0
    page = (folder / "report" / "report.md").read_text()
    (command,) = [line for line in page.splitlines() if line.startswith("dlbench run ")]
    assert all(" ".join(stated[place : place + 2]) in command for place in range(0, len(stated), 2))
    assert "optimizer adam" not in page


def test_several_models_sizes_of_batches_and_options_span_a_grid(folder):
    said = planned("--model", "own.py:Two", "--model", "fake=own.py:One", "--input", "16x8", "--batch-size", "4,8")
    assert said.count("fake.One eager") == said.count("fake.Two eager") == 4
    more = ("--phase", "train", "--steps-per-call", "4", "--seed", "7")
    said = planned("--model", "own.py:One", "--input", "16x8", "--set", "outputs=2,3", *more)
    assert [line.partition("threads ")[2][3:38] for line in said.splitlines()[:2]] == [
        f"steps per call 4, outputs={count}, seed 7" for count in (2, 3)
    ]


def test_a_model_and_a_plugin_are_arms_of_one_workload_where_task_and_word_agree(folder):
    (folder / "line.py").write_text("from dlbench_fake.nets import Net\ndef linear(): return Net(8, outputs=1)\n")
    said = planned("--plugin", "fake.linear", "--model", "fake=line.py:linear", "--task", "line", "--phase", "train")
    assert said.startswith("train linear small, task line")
    assert "fake.linear eager, fake.linear eager (line.py:linear)" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "own.py"], "--model 'own.py' is not [FRAMEWORK=]file.py:NAME"),
        (["--model", "own.py:Tow"], "unknown name in own.py 'Tow'; did you mean Two"),
        (["--model", "gone.py:Two"], "gone.py:Two: there is no file gone.py in the folder of the session"),
        (["--model", "own.py:stranger"], "own.py:stranger is of type object, no model of"),
        (["--model", "own.py:endless"], "own.py:endless returned None; end it with `return` and the model"),
        (
            ["--model", "own.py:Counts", "--input", "4x8:int64"],
            "input 4x8:int64: its range is not known; give it, such",
        ),
        (["--model", "own.py:Heavy"], "it does not fit into memory: choose a smaller one"),
        (["--model", "own.py:np"], "own.py:np is of type module, no model of"),
        (["--model", "own.py:Two:Net"], "'own.py:Two:Net' is no reference; give file.py:NAME"),
        (["--model", "own.py:"], "'own.py:' is no reference; give file.py:NAME"),
        (
            ["--model", "nothing.of_this:Name"],
            "nothing.of_this:Name: ModuleNotFoundError: No module named 'nothing'; install",
        ),
        (["--model", "own:Name"], "unknown name in own 'Name'; known: "),
        (["--model", "own.gone:Name"], "own.gone:Name: ModuleNotFoundError: No module named 'own.gone'"),
        (
            ["--model", "C:\\net.py:Net"],
            "--model 'C:\\\\net.py:Net': a file has no drive here; give folder/file.py:NAME",
        ),
        (["--model", "torch=D:/net.py:Net"], "--model 'D:/net.py:Net': a file has no drive here; give"),
        (
            ["--model", "sub\\net.py:Net"],
            "there is no file sub\\net.py in the folder of the session; folders are separated",
        ),
        (["--model", "own.py:One"], "own.py:One: its inputs are not known; give --input"),
        (["--model", "own.py:One", "--input", "16x9"], "own.py:One: "),
        (
            ["--model", "own.py:Uneven"],
            "own.py:Uneven: the first axis of every input is the batch, and the inputs have 16",
        ),
        (["--model", "own.py:One", "--input", "16x8", "--set", "hiden=3"], "unknown option of own.py:One 'hiden'; did"),
        (["--model", "own.py:Two", "--size", "bse"], "own.py:Two has no sizes, and --size bse was given"),
        (["--model", "own.py:Two", "--loss", "mse", "--classes", "2"], "loss mse: targets"),
        (["--model", "own.py:Two", "--classes", "2", "--targets", "16"], "--classes 2 and --targets 16 both state"),
        (
            ["--model", "own.py:One", "--input", "4x8", "--targets", "7x3"],
            "--targets 7x3 are for 7 samples and the inputs, such as 4x8:float32, for 4; the first axis of both",
        ),
        (
            ["--model", "own.py:Two", "--targets", "7x2"],
            "targets 7x2:float32 are for 7 samples and the inputs, such as 16",
        ),
        (["--model", "own.py:Two", "--tokens", "8x16"], "--tokens 8x16: the number of distinct tokens is not known"),
        (["--model", "own.py:Two", "--optimizer", "adma"], "--optimizer 'adma' is not adam, adamw, sgd"),
        (["--model", "own.py:Two", "--optimizer", "sgd:fast"], "--optimizer 'sgd:fast' is not adam, adamw, sgd"),
        (["--model", "own.py:Two", "--target", "0.9"], "--target '0.9' is not METRIC:VALUE"),
        (["--model", "own.py:Two", "--target", "accuracy:0.9", "--phase", "train"], "add --phase converge"),
        (
            ["--model", "own.py:Two", "--phase", "converge"],
            "own.py:Two: the phase converge trains to a target, and none",
        ),
        (["--model", "own.py:Two", "--convert", "own.py:total"], "--convert own.py:total turns the state of one"),
        (["--plugin", "fake.linear", "--classes", "3"], "--classes 3 says something of a model of your own"),
        (["--plugin", "fake.linear", "--data", "x.npz"], "--data x.npz is a file of samples for --model"),
        (["--model", "own.py:One", "--data", "gone.npz"], "gone.npz"),
        (
            ["--model", "own.py:One", "--data", "x.txt"],
            "'x.txt' is none of device, host, and no file that ends in .npz",
        ),
        (
            ["--model", "own.py:One", "--data", "five.csv"],
            "own.py:One and five.csv: loss cross_entropy: targets 32:int64<5 are classes up to 4, and the outputs "
            "32x3:float32 have 3 classes; give fewer",
        ),
        (["--model", "own.py:One", "--task", "line"], "own.py:One and task line: loss mse: targets 32x1:float32 and"),
        (["--model", "own.py:Two", "--classes", "0"], "'--classes': 0 is no whole number between 1 and 2147483647"),
        (["--model", "own.py:Two", "--classes", "many"], "'--classes': many is no whole number between 1 and"),
        (["--model", "own.py:Two", "--vocabulary", "x"], "'--vocabulary': x is no whole number between 1 and"),
        (["--model", "own.py:Two", "--tokens", "8x0", "--vocabulary", "5"], "--tokens '8x0': shape is (8, 0): it must"),
        (["--model", "own.py:Two", "--tokens", "x", "--vocabulary", "5"], "--tokens 'x' is not [NAME=]SHAPE, such as"),
        (
            ["--model", "own.py:Two", "--model", "own.py:Two"],
            "--model own.py:Two is given twice and would be one arm; name it once",
        ),
        (["--model", "own.py:Two", "--model", "fake=own.py:Two"], "--model own.py:Two is given twice"),
        (["--model", "own.py:Two", "--model", "./own.py:Two"], "--model own.py:Two is given twice"),
        (
            ["--model", "own.py:Two", "--model", "none/../own.py:Two"],
            "--model none/../own.py:Two is own.py:Two, which is given twice and would be one arm",
        ),
        (["--model", "fak:resnet18"], "unknown module or loader 'fak'; did you mean fake"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_is_measured(folder, arguments, said):
    assert said in refused(*arguments)


PLUGIN = """
from dlbench.plugin import Description
from dlbench_fake.minimal import Minimal
from dlbench.errors import UnknownName

class Sized(Minimal):
    def describe(self, spec):
        if spec.size not in ("small", "base"):
            raise UnknownName("size of Sized", spec.size, ["small", "base"])
        return Description(task="line")
"""
"""A plugin that describes itself, and knows the size before it says its task."""


def test_a_link_to_a_file_is_that_file(folder):
    (folder / "link.py").symlink_to("own.py")
    (folder / "copy.py").write_text((folder / "own.py").read_text())
    assert "link.py:Two is own.py:Two, which is given twice" in refused(
        "--model", "own.py:Two", "--model", "link.py:Two"
    )
    assert "fake.Two eager (copy.py:Two)" in planned("--model", "own.py:Two", "--model", "copy.py:Two")


@pytest.mark.parametrize("more", [(), ("--task", "line")])
def test_a_wrong_size_of_a_plugin_that_describes_itself_is_met_with_near_ones(folder, monkeypatch, more):
    (folder / "site").mkdir()
    (folder / "site" / "acme_net.py").write_text(PLUGIN)
    points = b"[dlbench.plugins]\nacme.net = acme_net:Sized\n"
    leftover(
        folder / "site", "acme-1.0", METADATA=b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", entry_points=points
    )
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    assert refused("--plugin", "acme.net", "--size", "bse", *more) == "unknown size of Sized 'bse'; did you mean base?"
    assert "task line" in planned("--plugin", "acme.net", "--size", "base")


@pytest.mark.parametrize("text", ["import nothing_of_this\n", "def Sized():\n    return 3\n"])
def test_a_plugin_that_cannot_be_loaded_is_a_row_with_its_reason_and_others_are_measured(folder, monkeypatch, text):
    """Also without a task, which its description would name."""
    (folder / "site").mkdir()
    (folder / "site" / "acme_net.py").write_text(text)
    points = b"[dlbench.plugins]\nacme.net = acme_net:Sized\n"
    leftover(
        folder / "site", "acme-1.0", METADATA=b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", entry_points=points
    )
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    arms = ("--plugin", "acme.net,fake.linear", "--phase", "predict", "--quick", "--no-parity", "--quiet")
    done = short("run", *arms, "--out", "report", cwd=folder)
    assert done.returncode == 2
    broken, fine = map(json.loads, (folder / "report" / "runs.jsonl").read_text().splitlines())
    assert (broken["spec"]["plugin"], broken["status"], fine["status"]) == ("acme.net", "error", "ok")
    assert "acme" in broken["reason"]


def test_a_model_is_examined_against_the_contract(folder):
    done = dlbench("check", "--model", "own.py:Two", "--path", "eager", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "25 hold, 0 broken, 2 not looked at" in done.stdout
    done = answered("check", cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "give a plugin (`dlbench list` shows the names) or --model REFERENCE" in done.stderr


def test_the_paths_of_a_model_are_proven_one_by_a_command(folder, monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE_JIT", "1,0,0")
    done = dlbench("parity", "--model", "own.py:Two", "--path", "eager,jit", "--seeds", "1", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same model: yes" in " ".join(done.stdout.split())


def test_a_record_holds_no_home_folder_of_a_model_and_its_files(folder, monkeypatch):
    (folder / "home" / "proj").mkdir(parents=True)
    (folder / "own.py").rename(folder / "home" / "proj" / "own.py")
    monkeypatch.setenv("HOME", str(folder / "home"))
    away = folder / "elsewhere"
    away.mkdir()
    told = ("--model", f"{folder}/home/proj/own.py:Two")
    done = short("run", *told, "--phase", "predict", "--quick", "--quiet", "--out", "report", cwd=away)
    assert done.returncode == 0, done.stderr
    text = (away / "report" / "plan.json").read_text() + (away / "report" / "runs.jsonl").read_text()
    assert "~/proj/own.py:Two" in text
    assert str(folder / "home") not in text
    assert '"status":"ok"' in text


def test_a_conversion_that_does_not_fit_ends_the_session_before_anything_is_measured(folder):
    two = ("--model", "fake=own.py:Two", "--model", "fake=own.py:Three", "--convert", "own.py:nothing")
    (folder / "own.py").write_text((folder / "own.py").read_text() + "\nclass Three(Two):\n    pass\n")
    done = short("run", *two, "--phase", "train", "--quick", "--quiet", "--out", "report", cwd=folder)
    assert done.returncode == 2
    assert "own.py:nothing leaves out" in done.stderr
    assert not (folder / "report" / "runs.jsonl").exists()


@pytest.mark.slow
def test_a_model_is_measured_in_python_environments_and_in_forks_and_goes_on_after_an_interruption(folder):
    said = ("--model", "own.py:Two", "--phase", "predict", "--processes", "2", "--quiet")
    environments = ("--env", f"before={sys.executable}", "--env", f"after={sys.executable}")
    assert dlbench("run", *said, *environments, "--out", "apart", cwd=folder).returncode == 0
    runs = (folder / "apart" / "runs.jsonl").read_text().splitlines()
    assert [json.loads(run)["status"] for run in runs] == ["ok"] * 4
    (folder / "apart" / "runs.jsonl").write_text("\n".join(runs[:2]) + "\n")
    (folder / "apart" / "digests.json").unlink()  # a session that was cut short
    assert dlbench("run", "--resume", "apart", "--quiet", cwd=folder).returncode == 0
    assert len((folder / "apart" / "runs.jsonl").read_text().splitlines()) == 4
    assert dlbench("run", *said, "--isolation", "fork", "--out", "forked", cwd=folder).returncode == 0
