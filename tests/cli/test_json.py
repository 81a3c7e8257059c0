"""Every command that prints facts prints them as one JSON document with `--json`, and ends with the same code."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from example_runs import full_session
from sessions import session

from dlbench.api import cluster, doctor
from dlbench.cli.main import cli
from dlbench.record import journal
from dlbench.record.schema import Environment, Load, Plan
from dlbench.session.noise_floor import Noise
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

ACTS = {"run", "explain", "gate", "bisect", "tune", "comment", "fetch", "new", "schema"}
"""Commands that measure, download or write files, and one that prints nothing but JSON."""


def kept(folder, runs):
    with journal.begin(folder, Plan(session="s", specs=(runs[0].spec,), policy=Policy())) as book:
        book.append(runs)
    return str(folder)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    at = full_session(1)[0].environment
    assert isinstance(at, Environment)
    found = doctor.Diagnosis(
        environment=at,
        blas="b",
        threads={},
        compiler="",
        frameworks=(),
        load=Load(),
        noise=Noise(log_ratios=(), smallest_change=None),
    )
    monkeypatch.setattr(doctor, "examine", lambda: found)
    told = cluster.Facts(machine="m", environment=at, packages={"dlbench": "1"})
    node = cluster.NodeFound(name="n", address="a", cpus=1, gpus=0, facts=told)
    asked = cluster.Checked(address="local", ray="1", token=True, here=told, nodes=(node,), differences=())
    monkeypatch.setattr(cluster, "check", lambda address: asked)
    return SimpleNamespace(
        a=kept(tmp_path / "a", session("a")),
        b=kept(tmp_path / "b", session("b", seed=1)),
        all=kept(tmp_path / "all", full_session()),
        db=str(tmp_path / "history.sqlite"),
    )


CALLS = {
    "list": lambda at: ["--tasks"],
    "doctor": lambda at: [],
    "check": lambda at: ["fake.linear", "--path", "eager"],
    "compare": lambda at: [at.a, at.b],
    "parity": lambda at: ["fake.linear", "twin.linear", "--seeds", "1"],
    "report": lambda at: [at.all],
    "verify": lambda at: [at.a],
    "history": lambda at: [at.db, "--add", at.a],
    "env": lambda at: ["list"],
    "cluster": lambda at: ["check"],
}
KEYS = {
    "list": {"plugins", "tasks", "suites"},
    "doctor": {"environment", "noise", "frameworks"},
    "check": {"conforms", "examined", "missing"},
    "compare": {"rows", "outcomes", "warnings", "exit_code"},
    "parity": {"pairs"},
    "report": {"sections", "warnings"},
    "verify": {"intact", "digest", "files"},
    "history": {"series"},
    "env": {"folder", "environments"},
    "cluster": {"nodes", "differences", "here", "token"},
}
FACTS = {
    "list": lambda found: "fake.linear" in [one["name"] for one in found["plugins"]],
    "check": lambda found: found["examined"][0]["findings"][0]["verdict"] == "holds",
    "parity": lambda found: found["pairs"][0]["same"] is True and found["pairs"][0]["parity"]["differences"],
    "compare": lambda found: found["rows"][0]["comparison"]["metric"] == "step_time",
    "history": lambda found: len(found["series"][0]["points"]) == 1,
    "verify": lambda found: found["intact"],
}
SLOW = {"check", "parity"}
"""Commands that start processes: carried out once."""


def test_no_command_is_forgotten():
    assert set(CALLS) == set(cli.commands) - ACTS


def called(capsys, *words):
    code = cli.main(list(words), standalone_mode=False)
    return code or 0, capsys.readouterr()


@pytest.mark.parametrize("name", CALLS)
def test_json_is_one_document_on_standard_output_and_nothing_else(name, folders, capsys):
    code, said = called(capsys, name, *CALLS[name](folders), "--json")
    found = json.loads(said.out)
    assert found.keys() >= KEYS[name]
    assert FACTS.get(name, bool)(found)
    assert "\x1b" not in said.out
    assert code == 0
    if name not in SLOW:
        assert said.err == ""
        assert code == called(capsys, name, *CALLS[name](folders))[0]


def test_a_refused_gate_is_in_the_document_too(folders, capsys):
    with pytest.raises(Exception, match="not gated"):
        cli.main(["compare", folders.a, folders.b, "--fail-on", "slower:2%", "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert found["refused"]
    assert found["exit_code"] == 2
