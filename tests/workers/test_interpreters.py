"""Arms in Python environments of their own: a child's needs there, separate arms, refusals."""

import json
import sys
import venv
from pathlib import Path

import pytest
from command import dlbench, raw_runs, short

from dlbench.analysis import pairs
from dlbench.errors import SpecError
from dlbench.session.plan import expand
from dlbench.spec import Policy
from dlbench.workers import interpreters

pytestmark = pytest.mark.untimed


def environment(folder, *paths):
    """The interpreter of a new environment that also finds the packages in these folders."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "found.pth").write_text("".join(f"{path}\n" for path in paths))
    return str(folder / "bin" / "python"), site


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two environments that find this one's packages; in the second dlbench has version 9.9."""
    folder = tmp_path_factory.mktemp("environments")
    here = [path for path in sys.path if Path(path).is_dir() and Path(path) != Path(__file__).parent]
    base, _ = environment(folder / "base", *here)
    head, site = environment(folder / "head", *here)
    (site / "dlbench-9.9.dist-info").mkdir()
    (site / "dlbench-9.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: dlbench\nVersion: 9.9\n")
    return {"base": base, "head": head}


def given(pythons):
    return [word for name, python in pythons.items() for word in ("--env", f"{name}={python}")]


def test_arms_of_two_environments_take_turns_and_differ_in_label_version_and_report(two, tmp_path):
    arguments = ("--plugin", "fake.linear", "--phase", "predict", "--processes", "2", "--threads", "1", "--out", "o")
    done = short("run", *arguments, *given(two), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = raw_runs(tmp_path / "o")
    assert [(run["group"], run["spec"]["python"]) for run in found] == [
        (0, "base"), (0, "head"), (1, "head"), (1, "base"),
    ]  # fmt: skip
    assert all(run["environment"]["name"] == run["spec"]["python"] for run in found)
    turns = [sample["turn"] for run in found[:2] for sample in run["samples"] if sample["turn"] is not None]
    assert sorted(turns) == list(range(40))
    text = (tmp_path / "o" / "report.md").read_text()
    assert text.startswith("# Prediction steps: fake.linear eager @base, fake.linear eager @head\n")
    assert "same model: yes" in text
    (row,) = [line for line in text.splitlines() if "version of dlbench" in line]
    assert "≠" in row
    assert row.rstrip(" |").endswith("9.9")
    assert "--env base=PYTHON --env head=PYTHON" in text
    assert json.loads((tmp_path / "o" / "plan.json").read_text())["pythons"] == two
    (tmp_path / "o" / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in found[:2]))
    (tmp_path / "o" / "digests.json").unlink()  # a session that was cut short
    again = short("run", "--resume", "o", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert [run["spec"]["python"] for run in raw_runs(tmp_path / "o")] == ["base", "head", "head", "base"]


@pytest.mark.slow
def test_children_are_forked_from_a_parent_of_their_environment(two, tmp_path):
    arguments = ("--plugin", "fake.linear", "--phase", "predict", "--processes", "2", "--threads", "1", "--out", "o")
    done = short("run", *arguments, *given(two), "--isolation", "fork", "--no-parity", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    forked = [run for run in raw_runs(tmp_path / "o") if run["isolation"] == "fork"]
    assert {run["spec"]["python"]: run["environment"]["packages"]["dlbench"] for run in forked} == {
        "base": raw_runs(tmp_path / "o")[0]["environment"]["packages"]["dlbench"],
        "head": "9.9",
    }


def test_each_arm_is_compared_with_itself_in_the_first_environment():
    axes = {"phase": ["train"], "path": ["eager", "jit"], "python": ["base", "head"]}
    specs = expand({"plugin": ["fake.linear"], **axes}, Policy())
    compared = [(first.label, other.label) for first, others in pairs.families(specs) for other in others]
    assert sorted(compared) == [
        ("fake.linear eager @base", "fake.linear eager @head"),
        ("fake.linear eager @base", "fake.linear jit @base"),
        ("fake.linear jit @base", "fake.linear jit @head"),
    ]


def test_names_are_checked(two):
    base = two["base"]
    assert interpreters.read([f"a={base}", f"b-2.x={base}"]) == {"a": base, "b-2.x": base}
    for texts, text in (
        ((f"a={base}", f"a={base}"), "--env a is given twice"),
        (("a=/no/such/python",), "no program /no/such/python; give the path of a Python"),
        (("a",), "must be NAME=PYTHON"),
        ((f"a b={base}",), "must be NAME=PYTHON"),
    ):
        with pytest.raises(SpecError, match=text):
            interpreters.read(texts)


def test_an_interpreter_is_the_same_from_every_folder(two, monkeypatch):
    """The link of the environment itself, not the Python that it points to: that has other packages."""
    base = Path(two["base"])
    monkeypatch.chdir(base.parent.parent)
    assert interpreters.read(["a=bin/python"]) == {"a": str(base)}


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME"])
def test_a_variable_that_gives_all_environments_the_same_code_is_refused(name, two, monkeypatch, tmp_path):
    monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(SpecError, match=f"{name} is set .{tmp_path}.: all environments .* unset it"):
        interpreters.plugins(two, ["fake.linear"])


def test_what_no_child_could_run_in_is_refused(two, tmp_path):
    bare, _ = environment(tmp_path / "bare")
    old, site = environment(tmp_path / "old")
    (site / "dlbench").mkdir()
    (site / "dlbench" / "__init__.py").write_text("__version__ = '0.0.1'\n")
    other, site = environment(tmp_path / "other")
    (site / "dlbench" / "workers").mkdir(parents=True)
    (site / "dlbench" / "__init__.py").write_text("__version__ = '0.0.2'\n")
    answer = '{"python": [3, 11], "dlbench": "0.0.2", "protocol": "another"}'
    (site / "dlbench" / "workers" / "protocol.py").write_text(f"print({answer!r})\n")
    for python, text in (
        ("/bin/true", "/bin/true is not a Python that can be used"),
        (bare, "cannot import dlbench .*pip install dlbench=="),
        (
            old,
            r"a dlbench .of unknown version, protocol unknown. that does not speak .*pip install dlbench==",
        ),
        (other, r"a dlbench .0.0.2, protocol another. that does not speak with this one .*pip install dlbench=="),
    ):
        with pytest.raises(SpecError, match=text):
            interpreters.plugins({"x": two["base"], "y": python}, ["fake.linear"])
    with pytest.raises(SpecError, match=r"the environment base .* has no plugin 'fake.liner'.*fake.linear"):
        interpreters.plugins(two, ["fake.liner"])
    assert interpreters.plugins(two, ["[ft]*.linear"]) == ["fake.linear", "twin.linear"]


def test_bad_environments_are_one_line_of_the_command_and_leave_nothing(two, tmp_path):
    run = ("run", "--plugin", "fake.linear", "--quick")
    for arguments, text in (
        (("--env", "a=/bin/true"), "is not a Python"),
        ((*given(two), "--isolation", "none"), "leave it out, or leave --env out"),
    ):
        done = dlbench(*run, *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_only_called_in_is_not_imported_from(two, tmp_path, monkeypatch):
    (tmp_path / "dlbench").mkdir()
    (tmp_path / "dlbench" / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    assert interpreters.plugins(two, ["fake.linear"]) == ["fake.linear"]
