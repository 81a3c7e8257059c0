"""Addresses, plans and errors of clusters that are refused or said in one line, without a cluster."""

import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from command import short
from schedules import plan

import dlbench
from dlbench.errors import DlbenchError, SpecError
from dlbench.record import interrupts
from dlbench.record.schema import PLAN_FILE, Plan
from dlbench.session.cluster import address, on_ray
from dlbench.spec import Policy

pytestmark = [pytest.mark.xdist_group("ray")]


@pytest.mark.untimed
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", r"--cluster is 'nowhere'; give local, ray://HOST:PORT .*HOST:PORT"),
        ("127.0.0.1:1", r"--cluster 127\.0\.0\.1:1: nothing answers there \(Connection refused\); run ray start"),
        ("ray://127.0.0.1:99999", r"--cluster is 'ray://127\.0\.0\.1:99999'"),
    ],
)
def test_an_address_that_is_none_is_refused_in_one_line(given, said, tmp_path):
    with pytest.raises(DlbenchError, match=said) as error:
        dlbench.run(["fake.linear"], cluster=given, quick=True, out=tmp_path / "out", progress=False)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@contextlib.contextmanager
def listener(reply, rest=b""):
    """The port of a server of one connection, which replies with these bytes, and with the rest a little later.

    None says nothing until the connection is closed.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(reply or b"")
                if rest:
                    time.sleep(0.05)
                    connection.sendall(rest)
                if reply is None:
                    connection.recv(64)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.untimed
@pytest.mark.parametrize("reply", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_listener_that_is_no_ray_is_said_at_once(reply, scheme, monkeypatch):
    monkeypatch.setattr(address, "TO_ANSWER", 0.2)
    with (
        listener(reply) as port,
        pytest.raises(DlbenchError, match="something listens there that does not answer as Ray does; give HOST:PORT"),
    ):
        address.require_answer(f"{scheme}127.0.0.1:{port}")


@pytest.mark.untimed
def test_a_listener_that_answers_in_http_2_may_be_ray():
    head = bytes((0, 0, 0, address.SETTINGS, 0, 0, 0, 0, 0))
    for reply in ((head,), (head[:2], head[2:])):
        with listener(*reply) as port:
            address.require_answer(f"127.0.0.1:{port}")


@pytest.mark.untimed
def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(DlbenchError, match=r"needs Ray, which is not installed; pip install 'dlbench\[ray\]'"),
        on_ray.connected("local"),
    ):
        pass
    assert "RAY_AUTH_TOKEN" not in os.environ


@pytest.mark.untimed
def test_a_session_imports_ray_for_a_cluster_alone(monkeypatch, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "ray.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nraise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))
    words = ("run", "--plugin", "fake.linear", "--phase", "train", "--threads", "1", "--quick", "--quiet")
    done = short(*words, "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "imported").exists()
    done = short(*words, "--out", "there", "--cluster", "local", cwd=tmp_path)
    assert "needs Ray" in done.stderr
    assert (tmp_path / "imported").exists()


@pytest.mark.untimed
def test_what_ray_says_of_its_nodes_is_no_part_of_the_output(monkeypatch, capsys):
    """It is printed by the function that Ray's own listener calls, on the standard output."""
    worker = importlib.import_module("ray._private.worker")
    died = {"lines": ["The node has been marked dead"], "pid": "raylet", "is_err": False}
    ray = SimpleNamespace(init=lambda **_: None, shutdown=lambda: None)
    monkeypatch.setattr(on_ray, "_imported", lambda: ray)
    monkeypatch.setattr(on_ray, "_require_private", lambda _: None)
    with on_ray.connected("local"):
        worker.print_to_stdstream(died, ignore_prefix=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "The node has been marked dead" in said.err
    worker.print_to_stdstream({**died, "lines": ["Another one"]}, ignore_prefix=False)  # it says nothing twice
    assert "Another one" in capsys.readouterr().out


@pytest.mark.untimed
def test_a_command_that_is_ended_while_ray_connects_says_so_as_everywhere(monkeypatch):
    """Ray's own handler of SIGTERM, set in `init`, exits."""

    def init(**_):
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(on_ray, "_imported", lambda: SimpleNamespace(init=init))
    before = {one: signal.getsignal(one) for one in interrupts.ENDING}
    interrupts.listen()
    try:
        with pytest.raises(interrupts.Interrupted) as ended, on_ray.connected("local"):
            pass
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert ended.value.number == signal.SIGTERM


@pytest.mark.untimed
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"isolation": "none"}, "--isolation none runs in the process of dlbench itself"),
        ({"explain": True}, "--explain profiles on this machine"),
    ],
)
def test_what_is_done_on_this_machine_alone_is_refused_with_a_cluster(more, said):
    with pytest.raises(SpecError, match=said):
        dlbench.run(["fake.linear"], cluster="local", progress=False, **more)


@pytest.mark.untimed
def test_a_plan_of_this_process_is_not_resumed_on_a_cluster(tmp_path):
    policy = Policy(processes=1, isolation="none", discard=False)
    specs = tuple(spec for group in plan(policy, plugin=["fake.linear"], threads=[1]) for spec in group.specs)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PLAN_FILE).write_bytes(msgspec.json.encode(Plan(session="s", specs=specs, policy=policy)))
    done = short("run", "--resume", "out", "--cluster", "127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 2
    assert "out was planned with --isolation none" in done.stderr
    assert "leave --cluster out" in done.stderr


@pytest.mark.untimed
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Worker died.\n\tname: x\n", "Worker died."),
        (
            '\x1b[36mray::f()\x1b[39m (pid=7, ip=127.0.0.1)\n  File "a.py", line 1\nOSError: no \x1b[31mdisk',
            "OSError: no disk",
        ),
        ("died in its creation task, \x1b[36mray::M.__init__()\x1b[39m (pid=7)\nImportError: y\n", "ImportError: y"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_of_an_error_of_ray_is_one_line_without_its_place(text, said):
    assert on_ray._reason(RuntimeError(text)) == said


@pytest.mark.untimed
def test_the_pods_of_the_example_have_probes_that_need_no_dashboard():
    import yaml

    example = Path(__file__).parents[3] / "examples" / "cluster" / "kuberay.yaml"
    spec = yaml.safe_load(example.read_text())["spec"]
    templates = [spec["headGroupSpec"]["template"], *(one["template"] for one in spec["workerGroupSpecs"])]
    pods = [one for template in templates for one in template["spec"]["containers"]]
    assert len(pods) == 2
    for pod in pods:
        assert pod["livenessProbe"] == pod["readinessProbe"] == {"exec": {"command": ["true"]}}
