"""`dlbench cluster check`: nodes side by side, what differs named with the nodes that have it."""

import json

import msgspec
import pytest
from command import DLBENCH, dlbench

from dlbench.api import cluster
from dlbench.api.cluster import Checked, NodeFound
from dlbench.cli.main import cli

pytestmark = pytest.mark.untimed


@pytest.fixture(scope="module")
def here():
    return cluster.facts()


def changed(facts, packages=None, **environment):
    at = msgspec.structs.replace(facts.environment, **environment)
    return msgspec.structs.replace(facts, environment=at, packages=facts.packages | (packages or {}), machine="f00d")


def checked(here, *others, token=True):
    nodes = [
        NodeFound(name=f"node{at}", address="10.0.0.1", cpus=4, gpus=0, facts=one) for at, one in enumerate(others)
    ]
    told = {"here": here} | {node.name: node.facts for node in nodes if node.facts}
    found = tuple(cluster.differences(told))
    return Checked(address="a:1", ray="2.60.0", token=token, here=here, nodes=tuple(nodes), differences=found)


def shown(monkeypatch, capsys, found, *more):
    monkeypatch.setattr(cluster, "check", lambda address: found)
    code = cli.main(["cluster", "check", *more], standalone_mode=False)
    return code or 0, " ".join(capsys.readouterr().out.split())


def test_alike_nodes_have_no_differences(here, monkeypatch, capsys):
    code, page = shown(monkeypatch, capsys, checked(here, here, changed(here)))
    assert code == 0
    assert "All nodes, and this machine, are alike." in page


def test_what_differs_is_named_with_the_nodes_that_have_it(here, monkeypatch, capsys):
    found = checked(here, changed(here, {"numpy": "1.0"}, cpu="Other CPU", python="CPython 3.99.0"), here)
    assert {
        one.name: one.values[value]
        for one in found.differences
        for value in one.values
        if "node1" not in one.values[value]
    } == {
        "processor": ("node0",),
        "Python": ("node0",),
        "numpy": ("node0",),
    }
    code, page = shown(monkeypatch, capsys, found)
    assert code == 0
    assert "CPython 3.99.0 (node0)" in page


def test_a_node_without_dlbench_or_with_another_cannot_measure(here, monkeypatch, capsys):
    code, page = shown(monkeypatch, capsys, checked(here, None, changed(here, {"dlbench": "0.0.1"})))
    assert code == 2
    assert "node node0 cannot measure" in page
    assert "it has dlbench 0.0.1; install dlbench" in page


def test_a_cluster_without_a_token_and_a_low_priority_are_said(here, monkeypatch, capsys):
    _, page = shown(monkeypatch, capsys, checked(here, changed(here, nice=19), token=False))
    assert "start Ray with RAY_AUTH_MODE=token" in page
    assert "RAY_worker_niceness=0" in page


def test_nodes_on_one_machine_are_said(here, monkeypatch, capsys):
    _, page = shown(monkeypatch, capsys, checked(here, changed(here), here, changed(here)))
    assert "nodes node0, node2 are on one machine" in page
    assert "start Ray once on each machine" in page
    _, page = shown(monkeypatch, capsys, checked(here, here, changed(here)))
    assert "on one machine" not in page


def test_the_document_holds_nodes_and_differences(here, monkeypatch, capsys):
    _, said = shown(monkeypatch, capsys, checked(here, changed(here, cores=3)), "--json")
    found = json.loads(said)
    assert [one["name"] for one in found["differences"]] == ["cores"]
    assert found["nodes"][0]["facts"]["environment"]["cores"] == 3


@pytest.mark.slow
def test_this_machine_as_a_cluster_is_like_itself(tmp_path):
    done = dlbench("cluster", "check", "--json", cwd=tmp_path, command=(DLBENCH,))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (len(found["nodes"]), found["differences"], found["token"]) == (1, [], True)
    assert found["nodes"][0]["address"] == "127.0.0.1"
    assert found["nodes"][0]["facts"]["machine"] == found["here"]["machine"]
